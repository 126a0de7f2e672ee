package drift

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTailExtrapolates compares p with what is known of distributions of which 2000 values were seen, far beyond all of them. The
// safe side is the one of too large a p.
func TestTailExtrapolates(t *testing.T) {
	for _, tt := range []struct {
		name     string
		draw     func(*rand.Rand) float64
		value    float64 // that is passed with the probability 1e-5
		min, max float64 // of the median of p over 1e-5
	}{
		{"exponential", (*rand.Rand).ExpFloat64, 11.51, 0.5, 2},
		{"square of a normal", func(r *rand.Rand) float64 { x := r.NormFloat64(); return x * x }, 19.51, 0.5, 3},
		{"normal", (*rand.Rand).NormFloat64, 4.265, 1, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			ratios := make([]float64, 101)
			for i := range ratios {
				values := make([]float64, 2000)
				for j := range values {
					values[j] = tt.draw(random)
				}
				tail := newTail(values)
				ratios[i] = tail.p(tt.value) / 1e-5
				require.InEpsilon(t, 1e-5, tail.p(tail.quantile(1e-5)), 1e-6)
			}
			slices.Sort(ratios)
			ratio := ratios[len(ratios)/2]
			assert.GreaterOrEqual(t, ratio, tt.min)
			assert.LessOrEqual(t, ratio, tt.max)
		})
	}
}

// TestTailOfExcursions: one excursion of many windows tells less than many of one.
func TestTailOfExcursions(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	apart, together := make([]float64, 400), make([]float64, 400)
	for i := range 40 {
		v := 2 + random.ExpFloat64()
		apart[10*i], together[i] = v, v
	}
	one, many := newTail(together), newTail(apart)
	assert.Greater(t, one.quantile(1e-4), 2*many.quantile(1e-4))
}
