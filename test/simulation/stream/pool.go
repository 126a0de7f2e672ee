package stream

import "math/rand/v2"

// Pool is a finite population of vectors that were drawn from any source. Sources draw from it with replacement, at the
// price of a copy. It does not change, so sources in several goroutines may share it.
//
// What is drawn is independent, but the population is not that of the source: mean and covariance are those of the N
// vectors in the pool, and two of n draws are the same vector n²/2N times, which a detector of duplicates sees.
// Reference and windows must come from one pool, and vectors of a fault from a pool of their own.
type Pool struct {
	dimension int
	all       []float32 // one after the other
}

// NewPool draws as many vectors from a source as fit into the given number of bytes, at least one.
func NewPool(source Source, dimension, bytes int) *Pool {
	p := &Pool{dimension: dimension, all: make([]float32, max(1, vectorsIn(bytes, dimension))*dimension)}
	for x := p.all; len(x) > 0; x = x[dimension:] {
		source.Next(x[:dimension])
	}
	return p
}

func vectorsIn(bytes, dimension int) int {
	const elementSize = 4
	return bytes / (elementSize * dimension)
}

// Source returns a source that draws from the pool.
func (p *Pool) Source(seed uint64) Source {
	return &pooled{pool: p, random: newRandom(seed, forVectors)}
}

type pooled struct {
	pool   *Pool
	random *rand.Rand
}

func (p *pooled) Next(x []float32) {
	d := p.pool.dimension
	i := p.random.IntN(len(p.pool.all)/d) * d
	copy(x, p.pool.all[i:i+d])
}
