package stream

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const faultDimension = 256

// compare draws a stream with a fault and the same stream without it, and calls struck for each pair that differs. It
// checks that the fault strikes the share that it promises, and nothing while it is off.
func compare(t *testing.T, effect Effect, struck func(healthy, faulty []float32)) {
	const n, share = 4000, 0.3
	m := NewModel(Clustered(faultDimension, 20), 1)
	f := NewFault(effect, share, 1)
	healthy, faulty := m.Source(NewMix(Even(20)), 1), Inject(m.Source(NewMix(Even(20)), 1), f)
	x, y := make([]float32, faultDimension), make([]float32, faultDimension)
	hits := 0
	for i := range 2 * n {
		f.On = i >= n
		healthy.Next(x)
		faulty.Next(y)
		if !slices.Equal(x, y) {
			require.True(t, f.On)
			struck(x, y)
			hits++
		}
	}
	assert.Equal(t, f.Hits, hits)
	assert.InDelta(t, share*n, hits, 4*math.Sqrt(share*(1-share)*n))
}

func TestEffects(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	constant := make([]float32, faultDimension)
	constant[3] = 1
	tests := []struct {
		name   string
		effect Effect
		check  func(t *testing.T, healthy, faulty []float32)
	}{
		{"constant", Constant(constant), func(t *testing.T, _, faulty []float32) {
			require.Equal(t, constant, faulty)
		}},
		{"noise .99", Noise(faultDimension, 0.99, 1), func(t *testing.T, healthy, faulty []float32) {
			require.InDelta(t, 0.99, cosine(healthy, faulty), 1e-6)
			require.InDelta(t, 1, norm(faulty), 1e-6)
		}},
		{"noise .999", Noise(faultDimension, 0.999, 1), func(t *testing.T, healthy, faulty []float32) {
			require.InDelta(t, 0.999, cosine(healthy, faulty), 1e-6)
		}},
		{"NaN", Element(nan, 1), func(t *testing.T, _, faulty []float32) {
			require.Equal(t, 1, count(faulty, func(v float64) bool { return math.IsNaN(v) }))
		}},
		{"infinity", Element(inf, 1), func(t *testing.T, _, faulty []float32) {
			require.Equal(t, 1, count(faulty, func(v float64) bool { return math.IsInf(v, 1) }))
		}},
		{"all NaN", All(nan), func(t *testing.T, _, faulty []float32) {
			require.Equal(t, faultDimension, count(faulty, func(v float64) bool { return math.IsNaN(v) }))
		}},
		{"zero", All(0), func(t *testing.T, _, faulty []float32) {
			require.Zero(t, norm(faulty))
		}},
		{"scale", Scale(2.5), func(t *testing.T, healthy, faulty []float32) {
			require.InDelta(t, 1, cosine(healthy, faulty), 1e-6)
			require.InDelta(t, 2.5, norm(faulty), 1e-5)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compare(t, tt.effect, func(healthy, faulty []float32) { tt.check(t, healthy, faulty) })
		})
	}
}

func count(x []float32, is func(float64) bool) int {
	n := 0
	for _, v := range x {
		if is(float64(v)) {
			n++
		}
	}
	return n
}

// TestOtherSource has vectors replaced by those of another model, and looks at the mean of the replaced ones.
func TestOtherSource(t *testing.T) {
	m, even := NewModel(Clustered(faultDimension, 20), 1), NewMix(Even(20))
	some := make([]float64, 20)
	some[2], some[3] = 0.5, 0.5
	tests := []struct {
		name     string
		source   Source
		min, max float64 // of the cosine between the means
	}{
		{"wrong mean", m.TurnMean(0.6, 1).Source(even, 2), 0.55, 0.65},
		{"covariance", m.Rotate(2).Source(even, 2), 0.98, 1},
		{"other model", NewModel(m.Geometry, 2).Source(even, 2), -0.2, 0.2},
		{"other traffic", m.Source(NewMix(some), 2), 0.5, 0.95},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum := make([]float32, faultDimension)
			compare(t, tt.source.Next, func(_, faulty []float32) {
				for i, v := range faulty {
					sum[i] += v
				}
			})
			got := cosine(sum, m.mean)
			assert.GreaterOrEqual(t, got, tt.min)
			assert.LessOrEqual(t, got, tt.max)
		})
	}
}

func TestTruncated(t *testing.T) {
	const d, full = 64, 256
	m := NewModel(PowerLaw(full), 1)
	truncated := Truncate(m.Source(NewMix(Even(1)), 1), full)
	f := NewFault(truncated.Denormalise, 0.5, 1)
	f.On = true
	reference, source := m.Source(NewMix(Even(1)), 1), Inject(truncated, f)
	x, y := make([]float32, full), make([]float32, d)
	for range 100 {
		hits := f.Hits
		reference.Next(x)
		source.Next(y)
		assert.InDelta(t, 1, cosine(x[:d], y), 1e-6)
		if f.Hits > hits {
			assert.InDelta(t, norm(x[:d]), norm(y), 1e-6)
		} else {
			assert.InDelta(t, 1, norm(y), 1e-6)
		}
	}
	assert.InDelta(t, 50, f.Hits, 20)
}

func TestReplicas(t *testing.T) {
	const n, replicas = 8000, 8
	m := NewModel(PowerLaw(faultDimension), 1)
	r := NewReplicas(m.Source(NewMix(Even(1)), 1), replicas, 1)
	r.Faults[3] = NewFault(All(0), 0.1, 1)
	r.Faults[3].On = true
	x := make([]float32, faultDimension)
	dealt, zero := make([]float64, replicas), make([]float64, replicas)
	for range n {
		i := r.Next(x)
		dealt[i]++
		if norm(x) == 0 {
			zero[i]++
		}
	}
	for i := range replicas {
		assert.InDelta(t, n/replicas, dealt[i], 4*math.Sqrt(n/replicas))
		if i == 3 {
			assert.InDelta(t, 100, zero[i], 40)
		} else {
			assert.Zero(t, zero[i])
		}
	}
}

func TestRepeats(t *testing.T) {
	const n, share, memory = 5000, 0.2, 50
	m := NewModel(PowerLaw(faultDimension), 1)
	r := NewRepeats(m.Source(NewMix(Even(1)), 1), faultDimension, share, memory, 1)
	r.Fault = NewFault(Noise(faultDimension, 0.58, 1), 1, 1)
	first := map[int][]float32{}
	x, repeats := make([]float32, faultDimension), 0
	for i := range n {
		r.Fault.On = i >= n/2
		text := r.Next(x)
		known, repeated := first[text]
		switch {
		case !repeated:
			require.Len(t, first, text, "texts are numbered from 0")
			first[text] = slices.Clone(x)
		case r.Fault.On:
			require.InDelta(t, 0.58, cosine(known, x), 1e-6)
		default:
			require.Equal(t, known, x)
		}
		if repeated {
			require.Less(t, len(first)-text, memory+1)
			repeats++
		}
	}
	assert.InDelta(t, share*n, repeats, 4*math.Sqrt(share*n))
}
