package stream

import (
	"math"
	"math/rand/v2"
)

// Deviations is a pool of deviations from a topic's mean, before normalisation, that were drawn from a model. A source
// takes two different ones at random, each with a random sign, adds them, divides by √2 and adds a topic's mean:
// several times as fast as to calculate a new one. It is faster still where all fit into a cache.
//
// Sums of normal numbers are normal and deviations have no preferred sign, so this is the model's distribution, with
// one difference: the covariance is that of the pool, of N deviations, whose tr Σ² is larger than the model's by about
// (tr Σ)²/N. The mean is the model's, and because there are 2N² sums a vector hardly ever comes twice. It serves every
// topic, and every model that has only other means. It does not change, so sources in several goroutines may share it.
type Deviations struct {
	rotation *rotation // of the model, to tell it from others
	all      []float32 // one after the other
}

// Deviations draws as many deviations as fit into the given number of bytes, at least two.
func (m *Model) Deviations(bytes int, seed uint64) *Deviations {
	dimension := len(m.mean)
	d := &Deviations{rotation: m.rotation, all: make([]float32, max(2, vectorsIn(bytes, dimension))*dimension)}
	random, axes := newRandom(seed, forPool), make([]float32, dimension)
	for x := d.all; len(x) > 0; x = x[dimension:] {
		for i, s := range m.stddev {
			axes[i] = s * float32(random.NormFloat64())
		}
		m.rotation.apply(x[:dimension], axes, 1)
	}
	return d
}

// Source is like the Source of the model, which is the one that the deviations are of, or one made from it by TurnMean.
func (d *Deviations) Source(m *Model, mix *Mix, seed uint64) Source {
	if m.rotation != d.rotation {
		panic("stream: the model has other principal axes than the deviations")
	}
	return &deviating{
		deviations: d,
		means:      m.means,
		mix:        mix,
		topics:     newRandom(seed, forTopics),
		vectors:    newRandom(seed, forVectors),
	}
}

type deviating struct {
	deviations      *Deviations
	means           [][]float32
	mix             *Mix
	topics, vectors *rand.Rand
}

func (d *deviating) Next(x []float32) {
	mean := d.means[d.mix.topic(d.topics)][:len(x)]
	// Two different ones: the sum of one with itself would be 0 or too long.
	n := len(d.deviations.all) / len(x)
	i := d.vectors.IntN(n)
	j := (i + 1 + d.vectors.IntN(n-1)) % n
	a, b := d.deviations.all[i*len(x):][:len(x)], d.deviations.all[j*len(x):][:len(x)]
	signs := d.vectors.Uint64()
	signA, signB := sign(signs)/math.Sqrt2, sign(signs>>1)/math.Sqrt2
	for i := range x {
		x[i] = mean[i] + signA*a[i] + signB*b[i]
	}
	scaleTo(x, 1)
}

// sign is ±1 by the lowest bit.
func sign(bits uint64) float32 {
	return 1 - 2*float32(bits&1)
}
