package drift

import "github.com/otelcol-embedding/otelcol-embedding/internal/vector"

// Window holds what is kept of the vectors of one window of time: their sum, and the distributions of their norms
// and of their cosines to a reference centroid. Windows of equal dimension that were compared with the same
// reference merge.
type Window struct {
	// Norm describes Euclidean norms, and through N·Mean²+SquaredDeviations their sum of squares. It may be added to
	// alone, for vectors that came before there was a reference.
	Norm Moments
	// Cosine and Cosines describe the cosines to the reference centroid.
	Cosine  Moments
	Cosines Histogram

	n   uint64
	sum []float64
}

// NewWindow returns an empty window for vectors of length dimension.
func NewWindow(dimension int) *Window {
	return &Window{sum: make([]float64, dimension)}
}

// Add takes over a vector of finite elements, its norm and its cosine to the reference centroid.
func (w *Window) Add(x []float32, norm, cosine float64) {
	w.n++
	vector.AddTo(w.sum, x)
	w.Norm.Add(norm)
	w.Cosine.Add(cosine)
	w.Cosines.Add(cosine)
}

// N returns the number of vectors in the sum.
func (w *Window) N() uint64 { return w.n }

// Merge takes over the vectors of o.
func (w *Window) Merge(o *Window) {
	for i, v := range o.sum {
		w.sum[i] += v
	}
	w.n += o.n
	w.Norm.Merge(&o.Norm)
	w.Cosine.Merge(&o.Cosine)
	w.Cosines.Merge(&o.Cosines)
}

// Reset empties w.
func (w *Window) Reset() {
	clear(w.sum)
	*w = Window{sum: w.sum}
}
