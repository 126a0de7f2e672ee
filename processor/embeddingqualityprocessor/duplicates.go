package embeddingqualityprocessor

import "github.com/otelcol-embedding/otelcol-embedding/internal/embedding"

// generationSize is the number of vectors in a generation: the last 1024 to 2048 vectors are remembered.
const generationSize = 1024

// duplicates finds different texts that got the same vector, among the latest vectors.
//
// A vector is known by a 64-bit hash of its bytes. The norm and the cosine, which are at hand without further work,
// would not do: sparse or quantised vectors share both without being equal, and their last bits depend on the order
// of summation. Two different vectors share the hash with probability 2⁻⁶⁴.
//
// The memory is bounded by generations: when one is full, the one before it is forgotten as a whole.
type duplicates struct {
	recent, older map[uint64]embedding.Fingerprint
}

// add takes over a vector with the text it was made from, and reports whether a different text had it before.
func (d *duplicates) add(vector uint64, text embedding.Fingerprint) bool {
	if first, ok := d.recent[vector]; ok {
		return first != text
	}
	first, ok := d.older[vector]
	if !ok {
		first = text
	}
	if len(d.recent) >= generationSize {
		d.recent, d.older = d.older, d.recent
		clear(d.recent)
	}
	if d.recent == nil {
		d.recent = make(map[uint64]embedding.Fingerprint)
	}
	d.recent[vector] = first
	return first != text
}

func (d *duplicates) reset() {
	clear(d.recent)
	clear(d.older)
}
