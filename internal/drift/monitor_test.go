package drift

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// month is 30 days of windows of 10 seconds.
const month = 30 * 24 * 360

// monitored returns a population with a Monitor that has seen enough of it in windows of n vectors.
func monitored(t *testing.T, d, n, windows int, seed uint64) (*population, *Monitor) {
	p := newPopulation(d, 1, rand.New(rand.NewPCG(seed, seed)))
	m := NewMonitor(p.learn(2000))
	for i := range windows {
		f := m.Add(p.window(m.reference, n, nil, 0), month)
		require.Empty(t, f.Alarms(), "window %d", i)
		require.Equal(t, min(i+1, MinNull), f.Windows)
	}
	return p, m
}

// alarm returns the number of windows until the first alarm, and its statistics.
func alarm(m *Monitor, most int, next func() *Window) (windows int, which []Statistic) {
	for windows = 1; windows <= most; windows++ {
		f := m.Add(next(), month)
		if which = f.Alarms(); len(which) > 0 {
			break
		}
	}
	return windows, which
}

func TestMonitorFindsWrongMean(t *testing.T) {
	p, m := monitored(t, 256, 100, 400, 5)
	wrong := turned(p.mean, 0.6, p.random)
	windows, which := alarm(m, 10, func() *Window { return p.window(m.reference, 100, wrong, 0.1) })
	assert.LessOrEqual(t, windows*100, 1000, "vectors until 10%% wrong ones were found")
	assert.NotEmpty(t, which)
}

func TestMonitorFindsCovariance(t *testing.T) {
	p, m := monitored(t, 256, 1000, MinNull+1, 6)
	other := newPopulation(256, 1, p.random)
	other.mean = p.mean
	p.random.Shuffle(len(other.stddev), func(i, j int) { other.stddev[i], other.stddev[j] = other.stddev[j], other.stddev[i] })
	windows, which := alarm(m, 3, func() *Window { return other.window(m.reference, 1000, nil, 0) })
	assert.Equal(t, 1, windows)
	assert.Contains(t, which, StatisticCovariance)
	assert.NotContains(t, which, StatisticMean)
}

func TestMonitorFindsNoise(t *testing.T) {
	p, m := monitored(t, 256, 1000, MinNull+1, 7)
	const cosine = 0.99
	noisy := &population{mean: make([]float64, 256), stddev: make([]float64, 256), random: p.random}
	for j := range noisy.mean {
		noisy.mean[j] = cosine * p.mean[j]
		noisy.stddev[j] = math.Sqrt(cosine*cosine*p.stddev[j]*p.stddev[j] + (1-cosine*cosine)/256)
	}
	windows, which := alarm(m, 30, func() *Window { return noisy.window(m.reference, 1000, nil, 0) })
	assert.LessOrEqual(t, windows, 20)
	assert.Contains(t, which, StatisticCosines)
}

// TestMonitorOfOneText: whoever probes a server with one and the same text must get no verdict but that all is well.
func TestMonitorOfOneText(t *testing.T) {
	x := []float32{0.6, 0.8, 0}
	l := NewLearner(3, MinLearn)
	var r *Reference
	for r == nil {
		r = l.Add(x, norm(x))
	}
	m := NewMonitor(r)
	for i := range 2 * MinNull {
		w := NewWindow(3)
		for range 2 + i%7 {
			w.Add(x, norm(x), 1, r)
		}
		f := m.Add(w, month)
		require.Empty(t, f.Alarms(), "window %d", i)
	}
	other := NewWindow(3)
	for range 5 {
		other.Add([]float32{0, 0.8, 0.6}, 1, 0.64, r)
	}
	f := m.Add(other, month)
	assert.NotEmpty(t, f.Alarms())
}

// TestDifferentialNamesTheReplica plants a wrong mean in a tenth of the answers of one replica in eight, while the traffic moves
// from one mean to another in each window.
func TestDifferentialNamesTheReplica(t *testing.T) {
	const d, replicas, n = 256, 8, 250
	random := rand.New(rand.NewPCG(8, 8))
	p := newPopulation(d, 1, random)
	r := p.learn(2000)
	differential := NewDifferential()
	names := []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1", "h:1"}
	window := func(faulty int) []Replica {
		traffic := turned(p.mean, 0.7+0.3*random.Float64(), random)
		wrong := turned(traffic, 0.6, random)
		parts := make([]Replica, replicas)
		for i := range parts {
			moved := &population{mean: traffic, stddev: p.stddev, random: random}
			share := 0.0
			if i == faulty {
				share = 0.3
			}
			parts[i] = Replica{names[i], moved.window(r, n, wrong, share)}
		}
		return parts
	}
	for range 150 {
		for name, w := range differential.Add(window(-1), month) {
			require.False(t, w.Alarm(), name)
		}
	}
	weights := differential.Add(window(3), month)
	require.Len(t, weights, replicas)
	for name, w := range weights {
		assert.Equal(t, name == "d:1", w.Alarm(), name)
	}
}

func TestDifferentialForgetsReplicas(t *testing.T) {
	d, r := NewDifferential(), axes(2)
	for i := range 100 {
		parts := make([]Replica, 2)
		for j := range parts {
			w := NewWindow(2)
			for range MinReplica {
				w.Add([]float32{1, 0}, 1, 1, r)
			}
			parts[j] = Replica{string(rune('a' + (2*i+j)%26)), w}
		}
		d.Add(parts, month)
		assert.LessOrEqual(t, len(d.replicas), 6)
	}
	assert.Nil(t, d.Add([]Replica{{"alone", NewWindow(2)}}, month))
}
