package drift

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestZWithoutDrift draws many references and windows of one population. Z must then be centred with a standard
// deviation of 1, whatever the window's size, the dimension and the spectrum.
func TestZWithoutDrift(t *testing.T) {
	for _, d := range []int{16, 256} {
		for _, decay := range []float64{0, 1} {
			t.Run(fmt.Sprintf("d=%d,decay=%g", d, decay), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, uint64(d)))
				p := newPopulation(d, decay, random)
				var z Moments
				for range 20 {
					r := p.learn(2000)
					for _, n := range []int{200, 200, 200, 200, 500, 500, 1000} {
						shift := r.Shift(p.window(r, n, nil, 0))
						require.True(t, shift.HasZ)
						z.Add(shift.Z)
					}
				}
				assert.InDelta(t, 0, z.Mean, 0.35) // 140 values, of which those of one reference are correlated
				assert.InDelta(t, 1, z.StdDev(), 0.3)
				assert.Less(t, z.Max, 8.0) // a sum of squares has a heavier tail than a normal variable
			})
		}
	}
}

// TestZFindsWrongMean plants the fault "wrong mean, cosine 0.6" in a tenth of a window of 1000 vectors.
func TestZFindsWrongMean(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	p := newPopulation(2560, 1, random)
	r := p.learn(4000)
	wrong := turned(p.mean, 0.6, random)
	clean := r.Shift(p.window(r, 1000, nil, 0))
	assert.Less(t, clean.Z, 4.0)
	assert.Greater(t, r.Shift(p.window(r, 1000, wrong, 0.1)).Z, 10.0)
	all := r.Shift(p.window(r, 1000, wrong, 1))
	assert.InDelta(t, 0.4, all.CentroidDistance, 0.02)
	assert.Less(t, clean.CentroidDistance, 0.01)
}

func TestShiftOfDegenerateInput(t *testing.T) {
	constant := []float32{0.6, 0.8}
	l := NewLearner(2, MinLearn)
	var r *Reference
	for r == nil {
		r = l.Add(constant, norm(constant))
	}
	w := NewWindow(2)
	w.Add(constant, 1, 1, r)
	shift := r.Shift(w)
	assert.InDelta(t, 0, shift.CentroidDistance, 1e-9)
	assert.False(t, shift.HasZ, "one vector has no spread")

	opposite := NewWindow(2)
	opposite.Add([]float32{-0.6, -0.8}, 1, -1, r)
	assert.InDelta(t, 2, r.Shift(opposite).CentroidDistance, 1e-9)

	opposite.Add(constant, 1, 1, r)
	assert.Equal(t, 1.0, r.Shift(opposite).CentroidDistance, "the zero mean has no direction")
}

func BenchmarkShift(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 4))
	p := newPopulation(2560, 1, random)
	r := p.learn(MinLearn)
	w := p.window(r, 10, nil, 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Shift(w)
	}
}
