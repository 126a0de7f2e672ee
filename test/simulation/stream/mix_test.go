package stream

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// TestSwing looks at the logarithm of the ratio of two shares, which is the difference of two of the processes.
func TestSwing(t *testing.T) {
	const windows, amplitude, lag = 200_000, 0.5, 20
	m := NewSwing([]float64{0.2, 0.6, 0.2, 0}, amplitude, lag, 1)
	ratio, share := make([]float64, windows), 0.0
	for i := range windows {
		s := m.Shares()
		require.InDelta(t, 1, floats.Sum(s), 1e-12)
		require.Zero(t, s[3])
		ratio[i] = math.Log(s[1] / s[0])
		share += s[0] / windows
		m.Window()
	}
	assert.InDelta(t, math.Log(3), stat.Mean(ratio, nil), 0.05)
	assert.InDelta(t, math.Sqrt2*amplitude, stat.StdDev(ratio, nil), 0.03)
	for _, k := range []int{1, lag, 2 * lag} {
		got := stat.Correlation(ratio[k:], ratio[:windows-k], nil)
		assert.InDelta(t, math.Exp(-float64(k)/lag), got, 0.04, "lag %d", k)
	}
	assert.InDelta(t, 0.2, share, 0.02)
}

func TestSwingStartsStationary(t *testing.T) {
	first := make([]float64, 2000)
	for seed := range first {
		s := NewSwing(Even(2), 0.5, 1000, uint64(seed)).Shares()
		first[seed] = math.Log(s[1] / s[0])
	}
	assert.InDelta(t, math.Sqrt2*0.5, stat.StdDev(first, nil), 0.05)
}

func TestMixDrawsItsShares(t *testing.T) {
	const draws = 100_000
	want := []float64{0.5, 0, 0.2, 0.3}
	m, random, got := NewMix(want), newRandom(1, forTopics), make([]float64, len(want))
	for range draws {
		got[m.topic(random)] += 1.0 / draws
	}
	m.Window()
	assert.InDeltaSlice(t, want, m.Shares(), 1e-12, "constant")
	assert.InDeltaSlice(t, want, got, 0.01)
	assert.Zero(t, got[1])
}
