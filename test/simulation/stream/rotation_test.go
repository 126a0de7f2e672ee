package stream

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

func TestHadamard(t *testing.T) {
	for n := 1; n <= 512; n *= 2 {
		for i := range n {
			x := make([]float32, n)
			x[i] = 1
			hadamard(x)
			for j, v := range x {
				require.Equal(t, parity(i&j), v, "n=%d, column %d, row %d", n, i, j)
			}
		}
	}
}

// parity is the entry of the Walsh–Hadamard matrix: −1 where the row and the column have an odd number of bits in common.
func parity(common int) float32 {
	sign := float32(1)
	for ; common > 0; common &= common - 1 {
		sign = -sign
	}
	return sign
}

func TestRotationIsOrthogonal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 5000).Draw(t, "d")
		random := newRandom(rapid.Uint64().Draw(t, "seed"), forRotation)
		r := newRotation(d, random)
		x, y := direction(d, 1, random), direction(d, 3, random)
		xr, yr := make([]float32, d), make([]float32, d)
		r.apply(xr, append([]float32(nil), x...), 2)
		r.apply(yr, append([]float32(nil), y...), 1)
		assert.InDelta(t, 2, norm(xr), 1e-5)
		assert.InDelta(t, 3, norm(yr), 1e-5)
		assert.InDelta(t, cosine(x, y), cosine(xr, yr), 1e-5)
		r.undo(yr)
		for i := range y {
			require.InDelta(t, float64(y[i]), float64(yr[i]), 1e-5)
		}
	})
}

// TestRotationIsRandom looks at the images of axes, whose elements under a uniformly random rotation are normal with
// variance 1/d: kurtosis 3−6/(d+2), no element large.
func TestRotationIsRandom(t *testing.T) {
	for _, d := range []int{128, 384, 768, 1000, 1025, 2560, 4096} {
		r, x, e := newRotation(d, newRandom(1, forRotation)), make([]float32, d), make([]float32, d)
		var all []float64
		for axis := range 40 {
			clear(e)
			e[axis*d/40] = 1
			r.apply(x, e, 1)
			for _, v := range x {
				all = append(all, float64(v)*math.Sqrt(float64(d)))
			}
		}
		n := float64(len(all))
		assert.InDelta(t, 0, stat.Mean(all, nil), 4/math.Sqrt(n), "d=%d", d)
		assert.InDelta(t, 0, stat.Skew(all, nil), 4*math.Sqrt(6/n), "d=%d", d)
		assert.InDelta(t, -6/float64(d+2), stat.ExKurtosis(all, nil), 4*math.Sqrt(24/n)+0.02, "d=%d", d)
		for _, v := range all {
			require.Less(t, math.Abs(v), 6.5, "d=%d", d)
		}
	}
}

func BenchmarkRotation(b *testing.B) {
	const d = 2560
	r, x, v := newRotation(d, newRandom(1, forRotation)), make([]float32, d), make([]float32, d)
	for b.Loop() {
		v[0] = 1
		r.apply(x, v, 1)
	}
}
