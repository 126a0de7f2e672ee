package drift

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// maxComponents is the number of principal components that are watched: 655 KB at 2560 dimensions.
const maxComponents = 64

// Basis holds the principal components of a reference: the orthonormal directions in which its vectors vary most.
type Basis struct {
	components [][]float32 // [k×d], by falling variance
	origin     []float64   // component j of the reference's mean
}

// newBasis returns the principal components of the vectors x [n×d], n ≥ 2, from the eigenvectors of their n×n Gram matrix: there
// are fewer vectors than dimensions. Components without variance are left out, so that there may be fewer than maxComponents,
// and none where the vectors do not vary.
func newBasis(x [][]float32) *Basis {
	n, d := len(x), len(x[0])
	mean := make([]float64, d)
	for _, v := range x {
		vector.AddTo(mean, v)
	}
	for i := range mean {
		mean[i] /= float64(n)
	}
	centred := mat.NewDense(n, d, nil)
	for i, v := range x {
		row := centred.RawRowView(i)
		for j := range row {
			row[j] = float64(v[j]) - mean[j]
		}
	}
	gram := mat.NewSymDense(n, nil)
	gram.SymOuterK(1, centred)
	b := &Basis{}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return b // as good as never: of a symmetric matrix without NaN
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil) // ascending
	component := mat.NewVecDense(d, nil)
	for j := n - 1; j >= 0 && len(b.components) < maxComponents && values[j] > 1e-9*values[n-1]; j-- {
		component.MulVec(centred.T(), vectors.ColView(j))
		component.ScaleVec(1/math.Sqrt(values[j]), component)
		direction := make([]float32, d)
		origin := 0.0
		for i, v := range component.RawVector().Data {
			direction[i] = float32(v)
			origin += v * mean[i]
		}
		b.components, b.origin = append(b.components, direction), append(b.origin, origin)
	}
	return b
}

// Len returns the number of components, k.
func (b *Basis) Len() int { return len(b.components) }

// project makes dst [k] the coordinates of x, relative to the mean of the vectors that the basis was learned from.
func (b *Basis) project(dst []float64, x []float32) {
	for j, component := range b.components {
		dst[j] = vector.Dot(x, component) - b.origin[j]
	}
}
