package drift

import (
	"fmt"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// projected is the number of vectors of a window that are projected on the principal components, about: each takes 64 inner
// products, and variances are known to a tenth from 200. Of a window with N times as many vectors as expected, it is log₂ N times
// as many.
const projected = 256

// Window holds what is kept of the vectors of one window of time: their sum, the distributions of their norms and of their cosines
// to a reference's centroid, and second moments in its principal components. Windows that were compared with the same reference
// merge.
type Window struct {
	// Norm describes Euclidean norms. It may be added to alone, for vectors that came before there was a reference.
	Norm Moments
	// Cosine and Cosines describe the cosines to the reference centroid.
	Cosine  Moments
	Cosines Histogram

	n           uint64
	sum         []float64
	projections *Projections
	stride      uint64 // every so many vectors, one is projected
	expected    uint64 // from this number of vectors on, half as many are
}

// NewWindow returns an empty window for vectors of length dimension.
func NewWindow(dimension int) *Window {
	return &Window{sum: make([]float64, dimension), stride: 1, expected: projected}
}

// Add takes over a vector of finite elements, its norm and its cosine to the centroid of the reference.
func (w *Window) Add(x []float32, norm, cosine float64, r *Reference) {
	vector.AddTo(w.sum, x)
	w.Norm.Add(norm)
	w.Cosine.Add(cosine)
	w.Cosines.Add(cosine)
	if w.n%w.stride == 0 && r.Basis.Len() > 0 {
		if w.projections == nil {
			w.projections = newProjections(r.Basis.Len())
		}
		w.projections.add(r.Basis, x)
	}
	if w.n++; w.n == w.expected {
		w.stride, w.expected = 2*w.stride, 2*w.expected
	}
}

// Dimension returns the length of the vectors.
func (w *Window) Dimension() int { return len(w.sum) }

// N returns the number of vectors in the sum.
func (w *Window) N() uint64 { return w.n }

// MergeSums takes over what does not depend on a reference: the sum and the norms of the vectors of o. What Merge has taken over in w is
// then of fewer vectors than the sum; see HasCosines.
func (w *Window) MergeSums(o *Window) {
	for i, v := range o.sum {
		w.sum[i] += v
	}
	w.n += o.n
	w.Norm.Merge(&o.Norm)
}

// HasCosines is whether all vectors in the sum have their cosines in the window, to the centroid of one reference.
func (w *Window) HasCosines() bool { return w.Cosines.n == w.n }

// Merge takes over the vectors of o, which were compared with the same reference.
func (w *Window) Merge(o *Window) {
	w.MergeSums(o)
	w.Cosine.Merge(&o.Cosine)
	w.Cosines.Merge(&o.Cosines)
	if o.projections != nil {
		if w.projections == nil {
			w.projections = newProjections(len(o.projections.sum))
		}
		w.projections.merge(o.projections)
	}
}

// Fits returns an error unless w can be compared with r, as windows that come from elsewhere may not.
func (w *Window) Fits(r *Reference) error {
	switch p := w.projections; {
	case len(w.sum) != len(r.Mean):
		return fmt.Errorf("window: want vectors of %d dimensions, as the reference has, found %d", len(r.Mean), len(w.sum))
	case p != nil && len(p.sum) != r.Basis.Len():
		return fmt.Errorf("window: want %d principal components, as the reference has, found %d", r.Basis.Len(), len(p.sum))
	}
	return nil
}

// Next returns an empty window after w. It is taken to hold as many vectors when it is decided which are projected.
func (w *Window) Next() *Window {
	next := NewWindow(len(w.sum))
	next.stride, next.expected = w.pace()
	return next
}

// Reset makes w the next window, in the memory that it has.
func (w *Window) Reset() {
	clear(w.sum)
	if w.projections != nil {
		w.projections.reset()
	}
	stride, expected := w.pace()
	*w = Window{sum: w.sum, projections: w.projections, stride: stride, expected: expected}
}

// pace returns how the next window begins to be projected.
func (w *Window) pace() (stride, expected uint64) {
	return max(1, w.n/projected), max(projected, 2*w.n)
}
