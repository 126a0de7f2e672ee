package embeddingqualityprocessor

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// question returns a call for texts that were asked before: the vectors are theirs, but for those that change replaces.
func question(asked *embedding.Event, change func(i int, x []float32) []float32) *embedding.Event {
	ev := *asked
	ev.Vectors = nil
	for i := range asked.OutputCount {
		x := slices.Clone(asked.Vectors[i*asked.OutputDimension : (i+1)*asked.OutputDimension])
		ev.Vectors = append(ev.Vectors, change(i, x)...)
	}
	return &ev
}

func same(_ int, x []float32) []float32 { return x }

// TestUnstableOutput: a text that gets another vector is found when it comes for the second time.
func TestUnstableOutput(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 1)
	asked := s.event(20)
	h.judge(asked)
	h.judge(question(asked, same))
	report := h.reports()[0]
	require.NotNil(t, report.Repeats)
	assert.EqualValues(t, 20, report.Repeats.Count)
	assert.Zero(t, report.Repeats.Mismatches)
	assert.InDelta(t, 1, report.Repeats.MinCosine, 1e-9)
	assert.Equal(t, embedding.VerdictLearning, report.Verdict)

	h.judge(question(asked, func(i int, x []float32) []float32 {
		if i == 7 {
			return s.vector()
		}
		return x
	}))
	report = h.reports()[0]
	assert.Equal(t, embedding.VerdictUnstableOutput, report.Verdict)
	assert.EqualValues(t, 1, report.Repeats.Mismatches)
	assert.Less(t, report.Repeats.MinCosine, 0.9)

	windows := 0
	for ; ; windows++ {
		h.judge(s.event(1))
		if h.reports()[0].Verdict == embedding.VerdictLearning {
			break
		}
	}
	assert.Equal(t, holdUnstable-1, windows, "windows in which it is remembered")
}

// TestModelChangedByRepeats: all texts get other vectors, and keep them.
func TestModelChangedByRepeats(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 2)
	asked := s.event(20)
	for range 3 {
		h.judge(question(asked, same))
	}
	require.Zero(t, h.reports()[0].Repeats.Mismatches)
	changed := question(asked, func(int, []float32) []float32 { return s.vector() })
	h.judge(changed)
	assert.Equal(t, embedding.VerdictModelChanged, h.reports()[0].Verdict)
	h.judge(question(changed, same))
	report := h.reports()[0]
	assert.Zero(t, report.Repeats.Mismatches)
	assert.Equal(t, embedding.VerdictModelChanged, report.Verdict, "it is remembered")
}

// TestModelChangedByDrift: where few texts come again, they say of drift that it is the model's.
func TestModelChangedByDrift(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.Reference.Vectors = 2000 }), newSource(testDimension, 5)
	asked := s.event(2)
	for range 20 + drift.MinNull {
		h.judge(question(asked, same))
		h.judge(s.event(100))
		verdict := h.reports()[0].Verdict
		require.False(t, verdict.Alarming(), verdict)
	}
	s.mean = newSource(testDimension, 6).mean
	changed := question(asked, func(int, []float32) []float32 { return s.vector() })
	for i := range 40 {
		h.judge(question(changed, same))
		h.judge(s.event(100))
		require.Equal(t, embedding.VerdictModelChanged, h.reports()[0].Verdict, "window %d", i)
	}
}

// TestUnstableOutputThatDrifts: a server that answers with one model and another in turn is unstable, however much its vectors drift.
func TestUnstableOutputThatDrifts(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.Reference.Vectors = 2000 }), newSource(testDimension, 5)
	asked := s.event(10)
	for range 20 + drift.MinNull {
		h.judge(question(asked, same))
		h.judge(s.event(100))
		require.False(t, h.reports()[0].Verdict.Alarming())
	}
	other := newSource(testDimension, 6)
	swapped := func(_ int, x []float32) []float32 {
		if s.random.IntN(2) == 0 {
			return x
		}
		return other.vector()
	}
	drifts := false
	for i := range 40 {
		h.judge(question(asked, swapped))
		h.judge(question(s.event(100), swapped))
		report := h.reports()[0]
		drifts = drifts || len(report.Alarms()) > 0
		if i > 2 {
			require.Equal(t, embedding.VerdictUnstableOutput, report.Verdict, "window %d", i)
		}
	}
	assert.True(t, drifts)
}

// TestSmallDifferencesAgree: another kernel or batch changes the last digits.
func TestSmallDifferencesAgree(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 3)
	asked := s.event(100)
	for range 10 {
		h.judge(question(asked, func(_ int, x []float32) []float32 {
			for i := range x {
				x[i] += 1e-3 * float32(s.random.NormFloat64()) / 6
			}
			return scaled(x, 1)
		}))
		report := h.reports()[0]
		assert.NotEqual(t, embedding.VerdictUnstableOutput, report.Verdict)
		if report.Repeats != nil {
			assert.Zero(t, report.Repeats.Mismatches)
			assert.Greater(t, report.Repeats.MinCosine, 0.999)
		}
	}
}

// TestReplicaBlamedByRepeats: of three replicas that are asked the same texts in turn, one disagrees with the others.
func TestReplicaBlamedByRepeats(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 4)
	asked := s.event(30)
	other := question(asked, func(int, []float32) []float32 { return s.vector() })
	for round := range 6 {
		ev := question(asked, same)
		if round%3 == 1 {
			ev = question(other, same)
		}
		ev.ServerPort = 8000 + round%3
		h.judge(ev)
	}
	for i, report := range h.reports() {
		want := embedding.VerdictLearning
		if i == 1 {
			want = embedding.VerdictReplicaFault
		}
		assert.Equal(t, want, report.Verdict, report.Key.Replica)
	}
}
