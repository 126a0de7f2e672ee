package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLearnerMeetsPopulation(t *testing.T) {
	for _, decay := range []float64{0, 0.5, 1} {
		t.Run(fmt.Sprintf("decay=%g", decay), func(t *testing.T) {
			t.Parallel()
			p := newPopulation(128, decay, rand.New(rand.NewPCG(5, 5)))
			trace, squaredTrace := p.traces()
			var traces, squaredTraces Moments
			for range 40 {
				r := p.learn(500)
				traces.Add(r.CovarianceTrace / trace)
				squaredTraces.Add(r.SquaredCovarianceTrace / squaredTrace)
			}
			assert.InDelta(t, 1, traces.Mean, 0.02)
			assert.InDelta(t, 1, squaredTraces.Mean, 0.1, "without bias")
			assert.Less(t, squaredTraces.StdDev(), 0.35, "one estimate is of use")

			r := p.learn(4000)
			require.Equal(t, 4000, r.N)
			distance, centroidSquared := 0.0, 0.0
			for i, v := range r.Mean {
				distance += (v - p.mean[i]) * (v - p.mean[i])
				centroidSquared += float64(r.Centroid[i]) * float64(r.Centroid[i])
			}
			assert.Less(t, distance, 4*trace/4000)
			assert.InDelta(t, 1, centroidSquared, 1e-6)
			assert.EqualValues(t, 4000, r.Norm.N)
			assert.EqualValues(t, 2000, r.Cosine.N)
			assert.Equal(t, r.Cosine.N, r.Cosines.N())
		})
	}
}

// TestReferenceCosinesFitWindows: cosines of later vectors are distributed as the reference says, because its own
// were taken from vectors that had no part in the centroid.
func TestReferenceCosinesFitWindows(t *testing.T) {
	p := newPopulation(256, 0.5, rand.New(rand.NewPCG(6, 6)))
	r := p.learn(400)
	w := p.window(r, 4000, nil, 0)
	standardError := r.Cosine.StdDev() * math.Sqrt(1.0/200+1.0/4000)
	assert.InDelta(t, r.Cosine.Mean, w.Cosine.Mean, 4*standardError)
	assert.InEpsilon(t, r.Cosine.StdDev(), w.Cosine.StdDev(), 0.25)
	assert.InDelta(t, r.Cosines.Quantile(0.5), w.Cosines.Quantile(0.5), 2*binWidth+4*standardError)
}

// TestReservoirIsUniform: each vector of the stream must be as likely as any other to be sampled.
func TestReservoirIsUniform(t *testing.T) {
	const streams, parts = 10, 8
	var sampled [parts]float64
	for i := range streams {
		length := 640 << i
		l := NewLearner(1, 2*length+2) // not halfway by the end
		for i := range length {
			require.Nil(t, l.Add([]float32{float32(i + 1)}, float64(i+1)))
		}
		for _, x := range l.reservoir {
			sampled[(int(x[0])-1)*parts/length]++
		}
	}
	const expected = streams * reservoirSize / parts
	for i, n := range sampled {
		assert.InDelta(t, expected, n, 4*math.Sqrt(expected), "part %d", i)
	}
}

func TestLearnerFreesSamples(t *testing.T) {
	l := NewLearner(3, 0)
	x := []float32{1, 2, 3}
	for range MinLearn - 1 {
		require.Nil(t, l.Add(x, norm(x)))
		require.LessOrEqual(t, len(l.reservoir), reservoirSize)
	}
	r := l.Add(x, norm(x))
	require.NotNil(t, r)
	assert.Nil(t, l.reservoir)
	assert.InDelta(t, 1, r.Cosine.Mean, 1e-6)
	assert.InDelta(t, 0, r.CovarianceTrace, 1e-9)
}

// TestLearnerOfZeroMean: vectors that cancel out have no centroid; their cosines are 0 and nothing is NaN.
func TestLearnerOfZeroMean(t *testing.T) {
	l := NewLearner(2, MinLearn)
	var r *Reference
	for i := 0; r == nil; i++ {
		sign := float32(1 - 2*(i%2))
		r = l.Add([]float32{sign, 0}, 1)
	}
	assert.Equal(t, []float32{0, 0}, r.Centroid)
	assert.Zero(t, r.Cosine.Mean)
	assert.InDelta(t, 1, r.CovarianceTrace, 0.05)
}

func TestLearnerAddDoesNotAllocate(t *testing.T) {
	l := NewLearner(256, math.MaxInt)
	x := make([]float32, 256)
	x[0] = 1
	for range reservoirSize {
		l.Add(x, 1)
	}
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.Add(x, 1) }))
}

func BenchmarkLearnerAdd(b *testing.B) {
	l := NewLearner(2560, math.MaxInt)
	x := make([]float32, 2560)
	x[0] = 1
	b.ReportAllocs()
	for b.Loop() {
		l.Add(x, 1)
	}
}
