package embeddingqualityprocessor

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

const testDimension = 32

// opposite returns a unit vector that points away from all that s makes.
func (s *source) opposite() []float32 {
	x := make([]float32, len(s.mean))
	for i := range x {
		x[i] = float32(-s.mean[i])
	}
	return scaled(x, 1)
}

// TestFaults plants each fault once in a stream that was healthy before. The vector with the fault must be flagged,
// for the right reason, and no other.
func TestFaults(t *testing.T) {
	tests := []struct {
		name string
		// plant makes an event with one faulty vector among clean ones.
		plant func(s *source) *embedding.Event
		want  embedding.ReasonCounts
	}{
		{
			name: "NaN",
			plant: func(s *source) *embedding.Event {
				return s.answer(s.vector(), with(s.vector(), testDimension-1, math.NaN()), s.vector())
			},
			want: embedding.ReasonCounts{NonFinite: 1},
		},
		{
			name: "infinity",
			plant: func(s *source) *embedding.Event {
				return s.answer(with(s.vector(), 0, math.Inf(-1)), s.vector())
			},
			want: embedding.ReasonCounts{NonFinite: 1},
		},
		{
			name:  "zero",
			plant: func(s *source) *embedding.Event { return s.answer(make([]float32, testDimension), s.vector()) },
			want:  embedding.ReasonCounts{Zero: 1},
		},
		{
			name:  "short",
			plant: func(s *source) *embedding.Event { return s.answer(scaled(s.vector()[:testDimension/2], 1)) },
			want:  embedding.ReasonCounts{Dimension: 1},
		},
		{
			name: "requested dimension ignored",
			plant: func(s *source) *embedding.Event {
				ev := s.event(1)
				ev.RequestedDimension = testDimension / 2
				return ev
			},
			want: embedding.ReasonCounts{Dimension: 1},
		},
		{
			name: "ragged",
			plant: func(s *source) *embedding.Event {
				ev := s.event(2)
				ev.InputCount, ev.OutputCount, ev.OutputRagged = 3, 3, 1
				return ev
			},
			want: embedding.ReasonCounts{Dimension: 1},
		},
		{
			name:  "unnormalised",
			plant: func(s *source) *embedding.Event { return s.answer(s.vector(), scaled(s.vector(), 1.02)) },
			want:  embedding.ReasonCounts{Norm: 1},
		},
		{
			name: "unnormalised at a requested dimension",
			plant: func(s *source) *embedding.Event {
				ev := s.answer(s.vector()[:testDimension/2])
				ev.RequestedDimension = testDimension / 2
				return ev
			},
			want: embedding.ReasonCounts{Norm: 1},
		},
		{
			name: "same vector in one answer",
			plant: func(s *source) *embedding.Event {
				x := s.vector()
				return s.answer(x, s.vector(), x)
			},
			want: embedding.ReasonCounts{Duplicate: 1},
		},
		{
			name:  "outlier",
			plant: func(s *source) *embedding.Event { return s.answer(s.vector(), s.opposite()) },
			want:  embedding.ReasonCounts{Outlier: 1},
		},
		{
			name: "first reason only",
			plant: func(s *source) *embedding.Event {
				x := with(make([]float32, testDimension/2), 0, math.NaN())
				return s.answer(x, x)
			},
			want: embedding.ReasonCounts{NonFinite: 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, s := newHarness(t), newSource(testDimension, 1)
			for range 40 {
				require.Zero(t, h.judge(s.event(8)).Counts)
			}
			h.reports()

			ev := tt.plant(s)
			q := h.judge(ev)
			assert.Equal(t, tt.want, q.Counts)
			assert.EqualValues(t, ev.OutputCount, q.Vectors)
			verdict := embedding.VerdictHealthy
			if tt.want.Invalid() > 0 {
				verdict = embedding.VerdictInvalidOutput
			}
			if ev.RequestedDimension != 0 && verdict == embedding.VerdictHealthy {
				verdict = embedding.VerdictLearning
			}
			assert.Equal(t, verdict, q.Verdict)

			reports := h.reports()
			require.Len(t, reports, 1)
			assert.Equal(t, tt.want, reports[0].Counts)
			if verdict == embedding.VerdictHealthy {
				verdict = embedding.VerdictLearning // which it takes many windows to do
			}
			assert.Equal(t, verdict, reports[0].Verdict)
			assert.Equal(t, q.Vectors, reports[0].Vectors)

			assert.Zero(t, h.judge(s.event(8)).Counts, "clean vectors after the fault")
			assertFlagged(t, h, tt.want)
		})
	}
}

func assertFlagged(t *testing.T, h *harness, want embedding.ReasonCounts) {
	var points []metricdata.DataPoint[int64]
	for _, reason := range embedding.Reasons() {
		if n := *want.Of(reason); n > 0 {
			points = append(points, metricdata.DataPoint[int64]{
				Value:      n,
				Attributes: attribute.NewSet(attribute.String("reason", string(reason))),
			})
		}
	}
	metadatatest.AssertEqualProcessorEmbeddingQualityVectorsFlagged(t, h.telemetry, points,
		metricdatatest.IgnoreTimestamp())
}

// TestConstantVector: a server that answers every text with one vector is found at the second text.
func TestConstantVector(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 2)
	x := s.vector()
	assert.Zero(t, h.judge(s.answer(x)).Counts)
	for range 100 {
		assert.Equal(t, embedding.ReasonCounts{Duplicate: 1}, h.judge(s.answer(x)).Counts)
	}
}

// TestConstantVectorAmongMany: the fault stays found when more vectors pass than are remembered.
func TestConstantVectorAmongMany(t *testing.T) {
	h, s := newHarness(t), newSource(8, 3)
	x := s.vector()
	h.judge(s.answer(x))
	for range 10 {
		require.Zero(t, h.judge(s.event(generationSize/2)).Counts)
		assert.Equal(t, embedding.ReasonCounts{Duplicate: 1}, h.judge(s.answer(x)).Counts)
	}
}

func TestSameTextIsNoDuplicate(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 4)
	ev := s.event(2)
	assert.Zero(t, h.judge(ev).Counts)
	assert.Zero(t, h.judge(ev).Counts)

	twice := s.answer(s.vector(), s.vector())
	copy(twice.Vectors[testDimension:], twice.Vectors[:testDimension])
	copy(twice.InputFingerprints[embedding.FingerprintSize:], twice.InputFingerprints[:embedding.FingerprintSize])
	assert.Zero(t, h.judge(twice).Counts)
}

func TestUnknownTextsAreNoDuplicates(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 5)
	x := s.vector()
	ev := s.answer(x, x)
	ev.InputFingerprints = nil
	assert.Zero(t, h.judge(ev).Counts)
}

func TestDuplicatesEndWithWindow(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 6)
	x := s.vector()
	h.judge(s.answer(x))
	h.reports()
	assert.Zero(t, h.judge(s.answer(x)).Counts)
}

// TestSparseVectorsAreNoDuplicates: vectors with one element set have the same norm and, to a centroid that is
// symmetric in them, the same cosine.
func TestSparseVectorsAreNoDuplicates(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 7)
	for range 4 {
		for i := range testDimension {
			x := make([]float32, testDimension)
			require.Zero(t, h.judge(s.answer(with(x, i, 1))).Counts)
		}
		h.reports()
	}
}

// TestCleanVectors passes 100,000 clean vectors, through learning and after it, on several replicas and tasks.
func TestCleanVectors(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.Reference.Vectors = 1000 }), newSource(testDimension, 8)
	const calls, batch = 3200, 32
	for i := range calls {
		ev := s.event(batch)
		ev.ServerPort += i % 2
		if i%3 == 0 {
			ev.TaskType = "query"
		}
		require.Zero(t, h.judge(ev).Counts)
		if i%400 == 399 {
			for _, report := range h.reports() {
				require.Zero(t, report.Counts)
				require.NotEqual(t, embedding.VerdictInvalidOutput, report.Verdict)
			}
		}
	}
	metadatatest.AssertEqualProcessorEmbeddingQualityVectorsJudged(t, h.telemetry,
		[]metricdata.DataPoint[int64]{{Value: calls * batch}}, metricdatatest.IgnoreTimestamp())
	assertNotReported(t, h, "otelcol_processor_embedding_quality_vectors_flagged")
}

// assertNotReported asserts that a counter never counted.
func assertNotReported(t *testing.T, h *harness, name string) {
	_, err := h.telemetry.GetMetric(name)
	require.Error(t, err)
}

// TestJudgementRanges checks what is written to an event beside the counts.
func TestJudgementRanges(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 9)
	first := h.judge(s.event(64))
	assert.Equal(t, embedding.VerdictLearning, first.Verdict)
	assert.False(t, first.Cosine.Set)

	q := h.judge(s.answer(s.vector(), scaled(s.opposite(), 0.5), with(s.vector(), 0, math.NaN())))
	assert.Equal(t, embedding.ReasonCounts{NonFinite: 1, Norm: 1}, q.Counts)
	assert.InDelta(t, 0.5, q.Norm.Min, 1e-6)
	assert.InDelta(t, 1, q.Norm.Max, 1e-6)
	assert.Less(t, q.Cosine.Min, -0.9)
	assert.Greater(t, q.Cosine.Max, 0.3)
}

// TestFingerprintsOfOtherCountAreNotUsed: without one vector for each text, none can be told to be a duplicate.
func TestFingerprintsOfOtherCountAreNotUsed(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 10)
	x := s.vector()
	ev := s.answer(x, x)
	ev.InputCount = 1
	ev.InputFingerprints = bytes.Repeat([]byte{1}, embedding.FingerprintSize)
	assert.Zero(t, h.judge(ev).Counts)
}

// TestPrefixNotRenormalised: a Matryoshka prefix has to have length 1 like the whole, and is found at the first vector if it has not.
func TestPrefixNotRenormalised(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 11)
	h.judge(s.event(minObserved))
	prefix := func(renormalise bool) embedding.ReasonCounts {
		x := s.vector()[:testDimension/2]
		if renormalise {
			x = scaled(x, 1)
		}
		ev := s.answer(x)
		ev.RequestedDimension = len(x)
		return h.judge(ev).Counts
	}
	assert.Zero(t, prefix(true))
	assert.Equal(t, embedding.ReasonCounts{Norm: 1}, prefix(false))
}
