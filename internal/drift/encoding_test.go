package drift

import (
	"encoding"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// restored returns a copy of a state by way of its binary form.
func restored[T any, S interface {
	*T
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}](t testing.TB, s S) S {
	t.Helper()
	data, err := s.AppendBinary(nil)
	require.NoError(t, err)
	read := S(new(T))
	require.NoError(t, read.UnmarshalBinary(data))
	again, err := read.AppendBinary(nil)
	require.NoError(t, err)
	require.Equal(t, data, again)
	return read
}

// TestRestartChangesNothing: a monitor and a differential that are written and read again and again must find, bit for bit, what
// those find that stay in memory, through learning, a healthy time and a fault.
func TestRestartChangesNothing(t *testing.T) {
	p := newPopulation(96, 1, rand.New(rand.NewPCG(1, 2)))
	other := turned(p.mean, 0.6, p.random)
	reference := p.learn(400)
	stay, restart := NewMonitor(reference), restored(t, NewMonitor(reference))
	stays, restarts := NewDifferential(), NewDifferential()
	pending, pendingRestored := NewWindow(96), NewWindow(96)
	alarms := 0
	for i := range MinNull + 60 {
		share := 0.0
		if i > MinNull+30 {
			share = 0.2
		}
		a, b := p.window(reference, 40, nil, 0), p.window(reference, 40, other, share)
		replicas := []Replica{{"a", a}, {"b", b}}
		assert.Equal(t, stays.Add(replicas, 1000), restarts.Add(replicas, 1000), "window %d", i)
		for _, w := range []*Window{a, b} {
			pending.Merge(w)
			pendingRestored.Merge(restored(t, w))
			pendingRestored = restored(t, pendingRestored)
		}
		want, got := stay.Add(pending, 1000), restart.Add(pendingRestored, 1000)
		require.Equal(t, want, got, "window %d", i)
		alarms += len(want.Alarms())
		pending.Reset()
		pendingRestored.Reset()
		if i%11 == 0 {
			state, err := restart.AppendDetectors(nil)
			require.NoError(t, err)
			restart = NewMonitor(restored(t, reference))
			require.NoError(t, restart.UnmarshalDetectors(state))
			assert.Error(t, restart.UnmarshalDetectors(state[1:]))
		}
		if i%7 == 0 {
			restart, restarts, pendingRestored = restored(t, restart), restored(t, restarts), restored(t, pendingRestored)
		}
	}
	assert.Positive(t, alarms)
}

// TestNullRestored: whatever the number of windows it was learned from.
func TestNullRestored(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	m := NewMonitor(newPopulation(4, 1, random).learn(100))
	for n := range maxNull + 2 {
		if n == 1 || n == MinNull-1 || n == MinNull || n == MinNull+5 || n >= maxNull-1 {
			read := restored(t, m)
			for i := range m.detectors {
				assert.Equal(t, m.detectors[i].null, read.detectors[i].null, "%d windows", n)
			}
		}
		for i := range m.detectors {
			m.detectors[i].null.Add(Sample{random.ExpFloat64(), 0.9})
		}
	}
}

// TestLearnerRestored: learning that was interrupted, in either half, ends with the same reference.
func TestLearnerRestored(t *testing.T) {
	p := newPopulation(16, 1, rand.New(rand.NewPCG(5, 6)))
	const target = 300
	stay, restart := NewLearner(16, target), NewLearner(16, target)
	x := make([]float32, 16)
	for range target {
		restart = restored(t, restart)
		p.draw(x, p.mean)
		want, got := stay.Add(x, norm(x)), restart.Add(x, norm(x))
		require.Equal(t, want, got)
		if want != nil {
			assert.Equal(t, want.Digest(), got.Digest())
			return
		}
	}
	assert.Fail(t, "no reference")
}

// TestDigest: references are told apart, and a monitor's learning does not change them.
func TestDigest(t *testing.T) {
	p := newPopulation(8, 1, rand.New(rand.NewPCG(7, 8)))
	a, b := p.learn(100), p.learn(100)
	assert.NotEqual(t, a.Digest(), b.Digest())
	assert.Equal(t, a.Digest(), restored(t, NewMonitor(a)).Reference().Digest())
}

func TestMonitorJSON(t *testing.T) {
	p := newPopulation(12, 1, rand.New(rand.NewPCG(9, 10)))
	m := NewMonitor(p.learn(100))
	for range MinNull + 3 {
		m.Add(p.window(m.reference, 30, nil, 0), 1000)
	}
	data, err := json.Marshal(m)
	require.NoError(t, err)
	var read Monitor
	require.NoError(t, json.Unmarshal(data, &read))
	assert.Equal(t, m, &read)

	for name, test := range map[string]struct {
		change func(tree map[string]any)
		want   string
	}{
		"missing": {
			func(tree map[string]any) { delete(tree["reference"].(map[string]any), "mean") },
			"monitor: reference.mean: missing",
		},
		"wrong type": {
			func(tree map[string]any) { tree["mean_shift"].(map[string]any)["evidence"] = "much" },
			"monitor: mean_shift.evidence: want a number, found much",
		},
		"not a number": {
			func(tree map[string]any) { tree["reference"].(map[string]any)["mean"] = []any{1, nil} },
			"monitor: reference.mean: want numbers, found <nil> at 1",
		},
		"dimensions": {
			func(tree map[string]any) { tree["reference"].(map[string]any)["mean"] = []any{1, 2} },
			"monitor: reference: want a mean, a centroid of as many dimensions (2), cosines, and a variance for each component",
		},
		"counts": {
			func(tree map[string]any) {
				tree["reference"].(map[string]any)["cosines"].(map[string]any)["counts"] = []any{1}
			},
			"monitor: reference.cosines.counts: want 1024 numbers, found 1",
		},
		"negative": {
			func(tree map[string]any) { tree["reference"].(map[string]any)["n"] = -1 },
			"monitor: reference.n: want a whole number of up to 64 bits, found -1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tree map[string]any
			require.NoError(t, json.Unmarshal(data, &tree))
			test.change(tree)
			changed, err := json.Marshal(tree)
			require.NoError(t, err)
			assert.EqualError(t, (&Monitor{}).UnmarshalJSON(changed), test.want)
		})
	}
}

func TestStatesRefused(t *testing.T) {
	w := newPopulation(3, 1, rand.New(rand.NewPCG(11, 12))).window(axes(3), 20, nil, 0)
	data, err := w.AppendBinary(nil)
	require.NoError(t, err)
	for want, data := range map[string][]byte{
		"window: the data ends in it":                              nil,
		"window: want version 2, found 7":                          {7},
		"window: norm.mean: the data ends in it":                   data[:3],
		"window: want nothing after the last field, found 1 bytes": append(data[:len(data):len(data)], 0),
	} {
		var read Window
		assert.EqualError(t, read.UnmarshalBinary(data), want)
		assert.Equal(t, Window{}, read)
	}
}

// FuzzStates: what is read is either refused or can be worked with, whatever it claims.
func FuzzStates(f *testing.F) {
	p := newPopulation(3, 1, rand.New(rand.NewPCG(13, 14)))
	r := p.learn(80)
	w := p.window(r, 20, nil, 0)
	m, d, l := NewMonitor(r), NewDifferential(), NewLearner(3, 100)
	for i := range MinNull + 2 {
		m.Add(w, 1000)
		d.Add([]Replica{{"a", w}, {"b", p.window(r, 20, nil, 0)}}, 1000)
		if i < 60 {
			l.Add([]float32{1, float32(i), 2}, 1)
		}
	}
	for _, s := range []encoding.BinaryAppender{w, NewWindow(3), m, d, l} {
		data, err := s.AppendBinary(nil)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var window Window
		if window.UnmarshalBinary(data) == nil {
			restored(t, &window)
			if window.n > 0 && window.Fits(r) == nil {
				r.Compare(&window)
				sum := NewWindow(3)
				sum.Merge(&window)
				sum.Reset()
			}
		}
		var monitor Monitor
		if monitor.UnmarshalBinary(data) == nil {
			restored(t, &monitor)
			if w.Fits(monitor.reference) == nil {
				monitor.Add(w, 1000)
			}
		}
		var differential Differential
		if differential.UnmarshalBinary(data) == nil {
			restored(t, &differential)
			differential.Add([]Replica{{"a", w}, {"b", p.window(r, 20, nil, 0)}}, 1000)
		}
		var learner Learner
		if learner.UnmarshalBinary(data) == nil {
			restored(t, &learner)
			if len(learner.sum) == 3 {
				learner.Add([]float32{1, 2, 3}, 1)
			}
		}
	})
}
