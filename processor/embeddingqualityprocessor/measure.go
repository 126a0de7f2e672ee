package embeddingqualityprocessor

import (
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
)

// row is what is known of one vector of an event.
type row struct {
	validity.Vector
	// hash and text are set where hasText: where the vector can be a duplicate.
	hash    uint64
	text    embedding.Fingerprint
	hasText bool
}

// measure judges what can be seen in a vector alone. It needs no lock, and most of the work is done here.
func measure(x []float32, want validity.Expected, reference *drift.Reference) row {
	var centroid []float32
	if reference != nil {
		centroid = reference.Centroid
	}
	return row{Vector: validity.Measure(x, want, centroid)}
}

// reasonOf returns the reason for which a vector is flagged.
func reasonOf(f validity.Fault) embedding.Reason { return embedding.Reason(f.String()) }

// addTo adds the row to the judgement of its event.
func (r *row) addTo(q *embedding.Quality, compared bool) {
	q.Vectors++
	if n := q.Counts.Of(reasonOf(r.Fault)); n != nil {
		*n++
	}
	if r.Fault == validity.NonFinite {
		return
	}
	q.Norm.Add(r.Norm)
	if compared && r.Fault != validity.Zero && r.Fault != validity.Dimension {
		q.Cosine.Add(r.Cosine)
	}
}
