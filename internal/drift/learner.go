package drift

import (
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// reservoirSize is the number of vectors kept while learning: 655 KB at 2560 dimensions.
const reservoirSize = 64

// MinLearn is the smallest number of vectors that a Reference can be learned from.
const MinLearn = reservoirSize

// Learner learns a Reference from a stream of vectors.
//
// The first half of the vectors sets the centroid and the principal components, the second half the distribution of cosines to
// the one and the variances along the others. With one set for both, every vector would have pulled them towards itself, and
// vectors that come later would look further away than the reference's own. The mean and tr Σ come from all of the vectors.
//
// The components and tr Σ² come from a uniform random sample of the first half: tr Σ² needs products of pairs, pairs at random
// distance, because neighbours in a stream resemble each other (chunks of one document, texts of one user) and would make the
// covariance look smaller than it is. When there are components, the sample is let go of: the two are of the same size.
type Learner struct {
	target     int
	n          int
	sum        []float64
	sumSquares float64
	reservoir  [][]float32
	second     *Window // the second half
	reference  *Reference
}

// NewLearner returns a Learner for vectors of length dimension that is done after target of them, at least MinLearn.
func NewLearner(dimension, target int) *Learner {
	return &Learner{
		target:    max(target, MinLearn),
		sum:       make([]float64, dimension),
		reference: &Reference{},
	}
}

// Add takes over a vector of finite elements and its norm, which is not 0. It returns the reference at the last
// vector, after which the Learner is of no further use, and nil before.
func (l *Learner) Add(x []float32, norm float64) *Reference {
	r := l.reference
	if r.Centroid != nil {
		_, dot := vector.Measure(x, r.Centroid)
		l.second.Add(x, norm, Cosine(dot, norm), r)
	}
	vector.AddTo(l.sum, x)
	l.sumSquares += norm * norm
	r.Norm.Add(norm)
	if r.Centroid == nil {
		l.sample(x)
	}
	l.n++
	switch l.n {
	case l.target / 2:
		r.Centroid, r.Basis = unit(l.sum), newBasis(l.reservoir)
		r.SquaredCovarianceTrace = squaredCovarianceTrace(l.reservoir)
		l.reservoir = nil
		l.second = NewWindow(len(x))
	case l.target:
		l.finish()
		return r
	}
	return nil
}

// sample keeps x with the probability that makes the reservoir a uniform sample of the stream (algorithm R, Vitter
// 1985). Nothing but the number of the vector decides, so that the same stream always makes the same reference.
func (l *Learner) sample(x []float32) {
	if len(l.reservoir) < reservoirSize {
		l.reservoir = append(l.reservoir, slices.Clone(x))
		return
	}
	if i := mix(uint64(l.n)) % uint64(l.n+1); i < reservoirSize {
		copy(l.reservoir[i], x)
	}
}

func (l *Learner) finish() {
	n, r := float64(l.n), l.reference
	r.N = l.n
	r.Mean = l.sum
	meanSquared := 0.0
	for i := range r.Mean {
		r.Mean[i] /= n
		meanSquared += r.Mean[i] * r.Mean[i]
	}
	r.CovarianceTrace = max(0, (l.sumSquares-n*meanSquared)/(n-1))
	r.Cosine, r.Cosines = l.second.Cosine, l.second.Cosines
	r.Cells = NewCells(&r.Cosines)
	if p := l.second.projections; p != nil {
		r.Variances = p.variances()
	}
	l.sum, l.second = nil, nil
}

// unit returns v scaled to length 1. A zero vector has no direction and stays zero, which makes every cosine 0.
func unit(v []float64) []float32 {
	squared := 0.0
	for _, x := range v {
		squared += x * x
	}
	dst := make([]float32, len(v))
	if squared == 0 {
		return dst
	}
	scale := 1 / math.Sqrt(squared)
	for i, x := range v {
		dst[i] = float32(x * scale)
	}
	return dst
}

// Cosine returns the cosine between a vector and a unit vector from their inner product and the vector's norm, which
// is not 0. Rounding does not take it out of [−1, 1].
func Cosine(dot, norm float64) float64 {
	return min(max(dot/norm, -1), 1)
}
