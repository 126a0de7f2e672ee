package vector

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// measureScalar is what Measure computes, spelled out.
func measureScalar(x, r []float32) (normSquared, dot float64) {
	for i, v := range x {
		normSquared += float64(v) * float64(v)
		if len(r) > 0 {
			dot += float64(v) * float64(r[i])
		}
	}
	return normSquared, dot
}

// TestMeasure draws slices at every alignment: the assembly has a path for each.
func TestMeasure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), 0, 70).Draw(t, "values")
		half := len(values) / 2
		skip := rapid.IntRange(0, min(half, 5)).Draw(t, "skip")
		x, r := values[skip:half], values[half:half+half-skip]

		wantNorm, wantDot := measureScalar(x, r)
		norm, dot := Measure(x, r)
		assert.InDelta(t, wantNorm, norm, 1e-13*wantNorm)
		// The rounding error of a sum is relative to the sum of magnitudes.
		rNorm, _ := measureScalar(r, nil)
		assert.InDelta(t, wantDot, dot, 1e-13*math.Sqrt(wantNorm*rNorm))

		norm, dot = Measure(x, nil)
		assert.InDelta(t, wantNorm, norm, 1e-13*wantNorm)
		assert.Zero(t, dot)
	})
}

func TestMeasureExtremes(t *testing.T) {
	t.Parallel()
	large := make([]float32, 4096)
	for i := range large {
		large[i] = math.MaxFloat32
	}
	norm, dot := Measure(large, large)
	assert.InEpsilon(t, 4096*float64(math.MaxFloat32)*math.MaxFloat32, norm, 1e-12)
	assert.InEpsilon(t, norm, dot, 1e-12)

	norm, dot = Measure(nil, nil)
	assert.Zero(t, norm)
	assert.Zero(t, dot)

	norm, _ = Measure([]float32{math.SmallestNonzeroFloat32, 0, 0}, nil)
	assert.Positive(t, norm)
}

func TestMeasureNotFinite(t *testing.T) {
	t.Parallel()
	for _, bad := range []float32{nan32, inf32, -inf32} {
		for n := 1; n < 40; n++ {
			for at := range n {
				x := make([]float32, n)
				x[at] = bad
				norm, _ := Measure(x, make([]float32, n))
				require.True(t, math.IsNaN(norm) || math.IsInf(norm, 1), "%g at %d of %d gives %g", bad, at, n, norm)
			}
		}
	}
}

func TestAddTo(t *testing.T) {
	t.Parallel()
	sum := []float64{1, 2, 3, 4, 5}
	AddTo(sum, []float32{0.5, -2, math.MaxFloat32, 0})
	assert.Equal(t, []float64{1.5, 0, 3 + math.MaxFloat32, 4, 5}, sum)
	AddTo(sum, nil)
	AddTo(nil, nil)
	assert.Panics(t, func() { AddTo(sum[:1:1], make([]float32, 2)) })
}

// TestAddToIsExact: whatever instructions do it, every sum is that of float64.
func TestAddToIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		x, sum, want := make([]float32, n), make([]float64, n+1), make([]float64, n+1)
		for i := range x {
			x[i] = math.Float32frombits(random.Uint32()) // NaN and infinities among them
			sum[i] = random.NormFloat64() * math.Exp(40*random.NormFloat64())
			want[i] = sum[i] + float64(x[i])
		}
		AddTo(sum, x)
		for i := range sum {
			require.True(t, sum[i] == want[i] || math.IsNaN(sum[i]) && math.IsNaN(want[i]), "%d of %d", i, n)
		}
	}
}

func TestKernelsDoNotAllocate(t *testing.T) {
	x, r, sum := unitVector(1), unitVector(2), make([]float64, dimension)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		Measure(x, r)
		AddTo(sum, x)
	}))
}

func TestDot(t *testing.T) {
	t.Parallel()
	x, r := unitVector(1), unitVector(2)
	_, want := Measure(x, r)
	assert.InDelta(t, want, Dot(x, r), 1e-6)
	assert.Zero(t, Dot(nil, nil))
}
