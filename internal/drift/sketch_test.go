package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// unitFloats returns a random vector of length 1.
func unitFloats(d int, random *rand.Rand) []float32 {
	return toFloat64(direction(d, random))
}

func toFloat64(v []float64) []float32 {
	x := make([]float32, len(v))
	for i := range v {
		x[i] = float32(v[i])
	}
	return x
}

// similar returns a vector at the given cosine to x.
func similar(x []float32, cosine float64, random *rand.Rand) []float32 {
	v := make([]float64, len(x))
	for i := range x {
		v[i] = float64(x[i])
	}
	return toFloat64(turned(v, cosine, random))
}

func sketched(x, y []float32) (distance, step float64) {
	var p projection
	var s sketch
	p.project(x, norm(x))
	s.set(&p)
	p.project(y, norm(y))
	return s.distance(&p), float64(s.scale)
}

// distanceSpread is the stated standard deviation of an estimate.
func distanceSpread(d int, distance, step float64) float64 {
	spread := 0.41 * step * math.Sqrt(distance)
	if d > sketchSize {
		spread = math.Hypot(spread, math.Sqrt(2.0/sketchSize)*distance)
	}
	return spread
}

var sketchedDimensions = []int{64, 256, 384, 1024, 2560, 4096}

func TestSketchDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(sketchedDimensions).Draw(t, "d")
		cosine := rapid.SampledFrom([]float64{1, 0.999999, 0.9999, 0.999, 0.99, 0.58, 0}).Draw(t, "cosine")
		length := rapid.SampledFrom([]float32{1, 1e-20, 37, 1e20}).Draw(t, "length")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		x := unitFloats(d, random)
		y := similar(x, cosine, random)
		for i := range y {
			y[i] *= length
		}
		got, step := sketched(x, y)
		assert.InDelta(t, 1-cosine, got, 6*distanceSpread(d, 1-cosine, step)+1e-9)
	})
}

// TestSketchIsUnbiased: the mean of many estimates meets the distance, and their spread is what is stated, also for
// vectors that live in coordinates with a period, as attention heads have it.
func TestSketchIsUnbiased(t *testing.T) {
	const rounds = 400
	for _, d := range sketchedDimensions {
		for _, period := range []int{1, 16, 256} {
			if d/period < 4 {
				continue // hardly a direction to differ in
			}
			for _, cosine := range []float64{0.9999, 0.99, 0.58} {
				t.Run(fmt.Sprintf("d=%d,period=%d,cosine=%g", d, period, cosine), func(t *testing.T) {
					t.Parallel()
					random := rand.New(rand.NewPCG(20, uint64(d)))
					var ratio, spread Moments
					for range rounds {
						x := unitFloats(d/period, random)
						y := similar(x, cosine, random)
						distance, step := sketched(spaced(x, period), spaced(y, period))
						ratio.Add(distance / (1 - cosine))
						spread.Add(distanceSpread(d, 1-cosine, step) / (1 - cosine))
					}
					assert.InDelta(t, 1, ratio.Mean, 5*spread.Mean/math.Sqrt(rounds))
					// Over few coordinates the one hash there is shows: it may have them meet more often than most would.
					limit := 1.2
					if period > 1 {
						limit = 4
					}
					assert.Less(t, ratio.StdDev(), limit*spread.Mean)
				})
			}
		}
	}
}

// spaced returns x with its elements period apart.
func spaced(x []float32, period int) []float32 {
	y := make([]float32, len(x)*period)
	for i, v := range x {
		y[i*period] = v
	}
	return y
}

// TestSketchOfEqualVectors: quantisation leaves no floor under the distance of vectors that did not change.
func TestSketchOfEqualVectors(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 21))
	for _, d := range sketchedDimensions {
		for range 50 {
			x := unitFloats(d, random)
			distance, _ := sketched(x, x)
			assert.Less(t, distance, 1e-11)
		}
	}
}

// TestSketchOfRoundedVectors: what a server loses by answering in half precision is no difference.
func TestSketchOfRoundedVectors(t *testing.T) {
	random := rand.New(rand.NewPCG(22, 22))
	for _, d := range sketchedDimensions {
		for range 50 {
			x := unitFloats(d, random)
			half, _ := sketched(x, rounded(x, 11))
			assert.Less(t, half, 1e-5, "float16")
			brain, _ := sketched(x, rounded(x, 8))
			assert.Less(t, brain, 1e-4, "bfloat16")
		}
	}
}

// rounded returns x with so many bits of mantissa.
func rounded(x []float32, bits int) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		fraction, exponent := math.Frexp(float64(v))
		y[i] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(fraction, bits)), exponent-bits))
	}
	return y
}

// TestSketchIsStable pins the buckets and signs: stored sketches are compared with ones of a later build.
func TestSketchIsStable(t *testing.T) {
	x := make([]float32, 4096)
	for i := range x {
		x[i] = float32(i + 1)
	}
	var p projection
	p.project(x, 1)
	sum := uint64(0)
	for _, v := range p {
		sum = mix(sum ^ math.Float64bits(v))
	}
	assert.Equal(t, uint64(0x269d6e5f63561192), sum)
}

func TestSketchOfNothing(t *testing.T) {
	var p projection
	var s sketch
	s.set(&p)
	require.Zero(t, s)
	p.project([]float32{1}, 1)
	assert.Equal(t, 0.5, s.distance(&p))
}

func BenchmarkProject(b *testing.B) {
	x := unitFloats(2560, rand.New(rand.NewPCG(23, 23)))
	var p projection
	for b.Loop() {
		p.project(x, 1)
	}
}

func BenchmarkSketchSet(b *testing.B) {
	var p projection
	var s sketch
	p.project(unitFloats(2560, rand.New(rand.NewPCG(24, 24))), 1)
	for b.Loop() {
		s.set(&p)
	}
}

func BenchmarkSketchDistance(b *testing.B) {
	var p projection
	var s sketch
	p.project(unitFloats(2560, rand.New(rand.NewPCG(25, 25))), 1)
	s.set(&p)
	for b.Loop() {
		_ = s.distance(&p)
	}
}
