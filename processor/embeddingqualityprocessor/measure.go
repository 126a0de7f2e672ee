package embeddingqualityprocessor

import (
	"hash/maphash"
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// row is what is known of one vector of an event.
type row struct {
	reason embedding.Reason // empty for a vector that was not flagged
	norm   float64
	cosine float64 // to the reference centroid, 0 without reference
	// hash and text are set where hasText: where the vector can be a duplicate.
	hash    uint64
	text    embedding.Fingerprint
	hasText bool
}

// measure judges what can be seen in a vector alone. It needs no lock, and most of the work is done here.
func (w *worker) measure(x []float32, want expected, reference *drift.Reference, tolerance float64) row {
	fits := len(x) == want.dimension
	var centroid []float32
	if fits && reference != nil {
		centroid = reference.Centroid
	}
	squared, dot := vector.Measure(x, centroid)
	r := row{norm: math.Sqrt(squared)}
	switch {
	case math.IsNaN(squared) || math.IsInf(squared, 0):
		r.reason = embedding.ReasonNonFinite
		return r
	case squared == 0:
		r.reason = embedding.ReasonZero
		return r
	case !fits:
		r.reason = embedding.ReasonDimension
		return r
	}
	if reference != nil {
		r.cosine = drift.Cosine(dot, r.norm)
	}
	if want.norm != 0 && !near(r.norm, want.norm, tolerance) {
		r.reason = embedding.ReasonNorm
	}
	return r
}

// hash returns the identity of a vector among others judged by the same process.
func (w *worker) hash(x []float32) uint64 {
	b, ok := vector.Bytes(x)
	if !ok {
		w.bytes = vector.AppendFloat32s(w.bytes[:0], x)
		b = w.bytes
	}
	return maphash.Bytes(w.seed, b)
}

// addTo adds the row to the judgement of its event.
func (r *row) addTo(q *embedding.Quality, compared bool) {
	q.Vectors++
	if n := q.Counts.Of(r.reason); n != nil {
		*n++
	}
	if r.reason == embedding.ReasonNonFinite {
		return
	}
	q.Norm.Add(r.norm)
	if compared && r.reason != embedding.ReasonZero && r.reason != embedding.ReasonDimension {
		q.Cosine.Add(r.cosine)
	}
}
