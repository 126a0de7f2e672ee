package drift

import "math"

// Projections holds the first and second moments of vectors in a Basis.
type Projections struct {
	n       uint64
	sum     []float64
	squares []float64 // Σ zᵢ·zⱼ for i ≥ j, row by row: the lower triangle
	z       []float64
}

func newProjections(k int) *Projections {
	return &Projections{sum: make([]float64, k), squares: make([]float64, k*(k+1)/2), z: make([]float64, k)}
}

// add takes over a vector. The cost is that of k inner products.
func (p *Projections) add(b *Basis, x []float32) {
	b.project(p.z, x)
	p.n++
	at := 0
	for i, zi := range p.z {
		p.sum[i] += zi
		row := p.squares[at : at+i+1]
		for j := range row {
			row[j] += zi * p.z[j]
		}
		at += i + 1
	}
}

func (p *Projections) merge(o *Projections) {
	p.n += o.n
	for i, v := range o.sum {
		p.sum[i] += v
	}
	for i, v := range o.squares {
		p.squares[i] += v
	}
}

func (p *Projections) reset() {
	p.n = 0
	clear(p.sum)
	clear(p.squares)
}

// covariance calls f with each entry of the sample covariance matrix on and below its diagonal. There are at least two vectors.
func (p *Projections) covariance(f func(i, j int, v float64)) {
	n := float64(p.n)
	at := 0
	for i := range p.sum {
		for j := range i + 1 {
			f(i, j, (p.squares[at]-p.sum[i]*p.sum[j]/n)/(n-1))
			at++
		}
	}
}

// variances returns the variance of each component.
func (p *Projections) variances() []float64 {
	variances := make([]float64, len(p.sum))
	p.covariance(func(i, j int, v float64) {
		if i == j {
			variances[i] = max(0, v)
		}
	})
	return variances
}

// effectiveRank returns (tr C)²/tr C² of the covariance C: how many directions of equal variance would be as much, from 1 to k.
// Sampling makes it less than that of the distribution, with n vectors by a factor of about 1/(1+rank/n). It is 0 where nothing
// varies.
func (p *Projections) effectiveRank() float64 {
	if p.n < 2 {
		return 0
	}
	trace, squares := 0.0, 0.0
	p.covariance(func(i, j int, v float64) {
		if i == j {
			trace += v
			squares += v * v
		} else {
			squares += 2 * v * v
		}
	})
	if squares == 0 {
		return 0
	}
	return trace * trace / squares
}

// varianceShift returns the mean of log²(v/v₀) over the components: by how much variances differ, whichever way.
func varianceShift(variances, reference []float64) float64 {
	shift, k := 0.0, 0
	for j, v0 := range reference {
		if v0 > 0 {
			ratio := math.Log(max(variances[j]/v0, minVarianceRatio))
			shift += ratio * ratio
			k++
		}
	}
	if k == 0 {
		return 0
	}
	return shift / float64(k)
}

// minVarianceRatio stands for a component without any variance, as where all vectors are one.
const minVarianceRatio = 1e-6
