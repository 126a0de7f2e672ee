package validity

import (
	"hash/maphash"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// generationSize is the number of vectors in a generation: the last 1024 to 2048 vectors are remembered.
const generationSize = 1024

// Duplicates finds different texts that got the same vector, among the latest vectors. The zero value has seen none.
//
// A vector is known by a 64-bit hash of its bytes. The norm and the cosine, which are at hand without further work,
// would not do: sparse or quantised vectors share both without being equal, and their last bits depend on the order
// of summation. Two different vectors share the hash with probability 2⁻⁶⁴.
//
// The memory is bounded by generations: when one is full, the one before it is forgotten as a whole.
type Duplicates struct {
	recent, older map[uint64]Text
}

// Text identifies a text.
type Text [8]byte

// Add takes over a vector, by its hash, with the text it was made from, and reports whether a different text had it before.
func (d *Duplicates) Add(vector uint64, text Text) bool {
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
		d.recent = make(map[uint64]Text)
	}
	d.recent[vector] = first
	return first != text
}

// Len returns the number of vectors that are remembered.
func (d *Duplicates) Len() int { return len(d.recent) + len(d.older) }

// Reset forgets all vectors.
func (d *Duplicates) Reset() {
	clear(d.recent)
	clear(d.older)
}

// Hasher makes the hashes of vectors. Those of one seed compare. It is not safe for concurrent use.
type Hasher struct {
	seed  maphash.Seed
	bytes []byte
}

// NewHasher returns a Hasher of a seed.
func NewHasher(seed maphash.Seed) *Hasher { return &Hasher{seed: seed} }

// Hash returns the identity of x.
func (h *Hasher) Hash(x []float32) uint64 {
	b, ok := vector.Bytes(x)
	if !ok {
		h.bytes = vector.AppendFloat32s(h.bytes[:0], x)
		b = h.bytes
	}
	return maphash.Bytes(h.seed, b)
}
