package stream

import (
	"math"
	"math/rand/v2"
)

// Mix is the share of each topic in the traffic of the present window of time. Sources that share a Mix see the same
// traffic; then they are for use by one goroutine. One topic, or a mix that is never moved, gives independent vectors.
type Mix struct {
	base      []float64 // logarithms of the shares without swings
	amplitude float64
	memory    float64 // correlation from one window to the next
	random    *rand.Rand

	state  []float64 // standard normal
	shares []float64
}

// Even is the shares of a number of topics that are equally frequent.
func Even(topics int) []float64 {
	shares := make([]float64, topics)
	for i := range shares {
		shares[i] = 1 / float64(topics)
	}
	return shares
}

// NewMix returns a mix of constant shares.
func NewMix(shares []float64) *Mix {
	return NewSwing(shares, 0, 1, 0)
}

// NewSwing returns a mix whose shares swing about the given ones. The logarithm of each, before they are scaled to add
// up to 1, is a stationary Gaussian process of the first order: its standard deviation is the amplitude, and its
// correlation falls by the factor e in the given number of windows. A share of 0 stays 0.
func NewSwing(shares []float64, amplitude, windows float64, seed uint64) *Mix {
	m := &Mix{
		base:      make([]float64, len(shares)),
		amplitude: amplitude,
		memory:    math.Exp(-1 / windows),
		random:    newRandom(seed, forMix),
		state:     make([]float64, len(shares)),
		shares:    make([]float64, len(shares)),
	}
	for i, share := range shares {
		m.base[i] = math.Log(share)
		m.state[i] = m.random.NormFloat64()
	}
	m.share()
	return m
}

// Window goes on to the next window of time.
func (m *Mix) Window() {
	for i := range m.state {
		m.state[i] = m.memory*m.state[i] + math.Sqrt(1-m.memory*m.memory)*m.random.NormFloat64()
	}
	m.share()
}

// Shares returns the shares of the topics in this window, which add up to 1. They are overwritten by Window.
func (m *Mix) Shares() []float64 {
	return m.shares
}

func (m *Mix) share() {
	total := 0.0
	for i := range m.shares {
		m.shares[i] = math.Exp(m.base[i] + m.amplitude*m.state[i])
		total += m.shares[i]
	}
	for i := range m.shares {
		m.shares[i] /= total
	}
}

// topic draws a topic.
func (m *Mix) topic(random *rand.Rand) int {
	last := len(m.shares) - 1
	if last == 0 {
		return 0
	}
	u := random.Float64()
	for i, share := range m.shares[:last] {
		if u -= share; u < 0 {
			return i
		}
	}
	return last
}
