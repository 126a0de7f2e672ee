package drift

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCells(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	draw := func(n int, far float64) *Histogram {
		h := &Histogram{}
		for range n {
			v := 0.5 + 0.02*random.NormFloat64()
			if random.Float64() < far {
				v = 0.2
			}
			h.Add(v)
		}
		return h
	}
	c := NewCells(draw(5000, 0))
	assert.LessOrEqual(t, len(c.bounds), innerCells+1)
	total := 0.0
	for _, share := range c.shares {
		assert.Positive(t, share)
		total += share
	}
	assert.InDelta(t, 1, total, 1e-9)

	var clean, faulty Moments
	for range 200 {
		h := draw(1000, 0)
		clean.Add(c.Divergence(h) / c.Sampling(h.N()))
		faulty.Add(c.Divergence(draw(1000, 0.01)) / c.Sampling(h.N()))
	}
	assert.InDelta(t, 1.2, clean.Mean, 0.4, "the reference's own sampling comes on top")
	assert.Greater(t, faulty.Mean, clean.Mean+5*clean.StdDev(), "one in a hundred far away")
}

func TestCellsOfOneValue(t *testing.T) {
	one := &Histogram{}
	for range 100 {
		one.Add(1)
	}
	c := NewCells(one)
	assert.InDelta(t, 0, c.Divergence(one), 0.02)
	other := &Histogram{}
	other.Add(0.9)
	assert.Greater(t, c.Divergence(other), 4.0)
}

func TestKolmogorovSmirnov(t *testing.T) {
	var a, b, both Histogram
	for range 10 {
		a.Add(-0.5)
		b.Add(0.5)
	}
	both.Merge(&a)
	both.Merge(&b)
	assert.Equal(t, 1.0, a.KolmogorovSmirnov(&b))
	assert.Zero(t, a.KolmogorovSmirnov(&a))
	assert.Equal(t, 0.5, a.KolmogorovSmirnov(&both))
	assert.Equal(t, 1.0, a.differenceToRest(&both))
}
