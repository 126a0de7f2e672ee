package embeddingqualityprocessor

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

func TestLearningThenHealthy(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.Reference.Vectors = 100 }), newSource(testDimension, 1)
	assert.Equal(t, embedding.VerdictLearning, h.judge(s.event(60)).Verdict)
	first := h.reports()
	require.Len(t, first, 1)
	assert.Equal(t, embedding.VerdictLearning, first[0].Verdict)
	assert.True(t, first[0].HasNorm)
	assert.Nil(t, first[0].Drift)

	// The window in which the reference is completed holds its last vectors, which are not compared with it.
	assert.Equal(t, embedding.VerdictLearning, h.judge(s.event(40)).Verdict)
	assert.Equal(t, embedding.VerdictHealthy, h.judge(s.event(10)).Verdict)
	second := h.reports()
	require.Len(t, second, 1)
	assert.Equal(t, embedding.VerdictLearning, second[0].Verdict, "nothing is known of windows yet")
	assert.EqualValues(t, 50, second[0].Vectors)
	require.NotNil(t, second[0].Drift)
	assert.EqualValues(t, 100, second[0].Drift.ReferenceVectors)
	assert.True(t, second[0].Drift.HasMeanShiftZ)
	assert.Equal(t, first[0].End, second[0].Start)
	assert.Equal(t, 10*time.Second, second[0].End.Sub(second[0].Start))

	h.judge(s.event(1))
	third := h.reports()
	require.Len(t, third, 1)
	require.NotNil(t, third[0].Drift)
	assert.False(t, third[0].Drift.HasMeanShiftZ, "one vector")
	assert.Empty(t, h.reports(), "nothing came")

	// Windows of 10 vectors: it takes ten of them to be compared.
	for i := range 10 * drift.MinNull {
		h.judge(s.event(10))
		report := h.reports()[0]
		want := embedding.VerdictLearning
		if report.Drift.ReferenceWindows == drift.MinNull {
			want = embedding.VerdictHealthy
		}
		require.Equal(t, want, report.Verdict, "window %d", i)
		require.InDelta(t, i/10, report.Drift.ReferenceWindows, 1)
		require.Empty(t, report.Alarms())
	}
	assert.Equal(t, embedding.VerdictHealthy, h.judge(s.event(1)).Verdict)
}

// TestInvalidVectorsDoNotTeach: what is flagged as invalid has no part in the reference or the statistics.
func TestInvalidVectorsDoNotTeach(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 2)
	x := s.vector()
	assert.Equal(t, embedding.VerdictLearning, h.judge(s.answer(x)).Verdict)
	for range 200 {
		h.judge(s.answer(x))
	}
	reports := h.reports()
	require.Len(t, reports, 1)
	assert.Equal(t, embedding.ReasonCounts{Duplicate: 200}, reports[0].Counts)
	assert.Equal(t, embedding.VerdictInvalidOutput, reports[0].Verdict)
	assert.Equal(t, embedding.VerdictLearning, h.judge(s.event(10)).Verdict)
}

// armed returns a processor that knows the traffic of s, of n vectors a window, well enough to judge it.
func armed(t *testing.T, s *source, n int, configure ...func(*Config)) *harness {
	h := newHarness(t, append([]func(*Config){func(c *Config) { c.Reference.Vectors = 2000 }}, configure...)...)
	for range 2000 / n {
		h.judge(s.event(n))
	}
	h.reports()
	for range drift.MinNull {
		h.judge(s.event(n))
		h.reports()
	}
	h.judge(s.event(n))
	require.Equal(t, embedding.VerdictHealthy, h.reports()[0].Verdict)
	return h
}

// TestTrafficShift: other texts for the same model move the mean, and keep to the directions of the model.
func TestTrafficShift(t *testing.T) {
	s := newSource(64, 3)
	h := armed(t, s, 100)
	h.judge(s.event(100))
	clean := h.reports()[0].Drift
	assert.Less(t, clean.MeanShiftZ, 6.0)
	assert.Less(t, clean.CentroidDistance, 0.05)

	for i := range s.mean {
		s.mean[i] += 0.4 * s.random.NormFloat64()
	}
	h.judge(s.event(100))
	report := h.reports()[0]
	assert.Equal(t, embedding.VerdictTrafficShift, report.Verdict)
	assert.Contains(t, report.Alarms(), "mean_shift")
	assert.Greater(t, report.Drift.MeanShiftZ, 20.0)
	assert.Greater(t, report.Drift.CentroidDistance, 2*clean.CentroidDistance)
	q := report.Drift.CosineQuantiles
	assert.Less(t, q.P05, q.P50)
	assert.Less(t, q.P50, q.P95)
}

// TestAlarmEnds: a fault that is over is over in the verdict within minutes, however long it was.
func TestAlarmEnds(t *testing.T) {
	s := newSource(testDimension, 4)
	h := armed(t, s, 100)
	healthy := s.mean
	s.mean = newSource(testDimension, 5).mean
	for i := range 60 {
		h.judge(s.event(100))
		verdict := h.reports()[0].Verdict
		require.True(t, i < 5 || verdict.Alarming(), "window %d: %s", i, verdict)
	}
	s.mean = healthy
	windows := 0
	for ; ; windows++ {
		h.judge(s.event(100))
		if h.reports()[0].Verdict == embedding.VerdictHealthy {
			break
		}
		require.Less(t, windows, 60)
	}
	t.Logf("%d windows", windows)
}

// TestReplicaFault: one replica of four answers otherwise, while the traffic swings.
func TestReplicaFault(t *testing.T) {
	s := newSource(testDimension, 6)
	h := newHarness(t, func(c *Config) { c.Reference.Vectors = 1000 })
	mean := s.mean
	window := func(faulty int) []embedding.WindowReport {
		for i := range s.mean {
			s.mean[i] = mean[i] + 0.3*s.random.NormFloat64()
		}
		for replica := range 4 {
			ev := s.event(50)
			if replica == faulty {
				other := newSource(testDimension, 7)
				ev = other.event(50)
				ev.InputFingerprints = s.event(50).InputFingerprints
			}
			ev.ServerPort = 8000 + replica
			h.judge(ev)
		}
		return h.reports()
	}
	mean = append([]float64(nil), mean...)
	for range 5 + drift.MinNull {
		window(-1)
	}
	for _, report := range window(-1) {
		require.Equal(t, embedding.VerdictHealthy, report.Verdict)
	}
	reports := window(2)
	require.Len(t, reports, 4)
	for i, report := range reports {
		want := embedding.VerdictHealthy
		if i == 2 {
			want = embedding.VerdictReplicaFault
		}
		assert.Equal(t, want, report.Verdict, report.Key.Replica)
	}
	assert.Contains(t, reports[2].Alarms(), embedding.StatisticReplica)
}

// TestWrongDimensionGetsNoKey: vectors of a wrong length are counted where the right ones were expected.
func TestWrongDimensionGetsNoKey(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 5)
	for range 8 {
		h.judge(s.event(8))
	}
	h.reports()
	wrong := newSource(testDimension/2, 6)
	for range 200 {
		assert.Equal(t, embedding.VerdictInvalidOutput, h.judge(wrong.event(1)).Verdict)
	}
	reports := h.reports()
	require.Len(t, reports, 1)
	assert.Equal(t, testDimension, reports[0].Key.Dimension)
	assert.Equal(t, embedding.ReasonCounts{Dimension: 200}, reports[0].Counts)
	assert.False(t, reports[0].HasNorm)
	metadatatest.AssertEqualProcessorEmbeddingQualityKeys(t, h.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
}

func TestKeys(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 7)
	requested := s.answer(scaled(s.vector()[:16], 1))
	requested.RequestedDimension = 16
	responseModel := s.event(1)
	responseModel.RequestModel, responseModel.ResponseModel = "", "answered"
	task := s.event(1)
	task.TaskType = "query"
	noPort := s.event(1)
	noPort.ServerPort = 0
	v6 := s.event(1)
	v6.ServerAddress = "::1"
	for _, ev := range []*embedding.Event{s.event(1), requested, responseModel, task, noPort, v6} {
		h.judge(ev)
	}
	var keys []string
	for _, report := range h.reports() {
		keys = append(keys, report.Key.Group()+"|"+report.Key.Replica)
	}
	assert.Equal(t, []string{
		"answered|general|32|10.0.0.1:8000",
		testModel + "|general|16|10.0.0.1:8000",
		testModel + "|general|32|10.0.0.1",
		testModel + "|general|32|10.0.0.1:8000",
		testModel + "|general|32|[::1]:8000",
		testModel + "|query|32|10.0.0.1:8000",
	}, keys)
}

// TestEviction: the key unused for longest makes room, and has to learn again.
func TestEviction(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.MaxKeys = 2 }), newSource(testDimension, 8)
	of := func(model string, n int) *embedding.Event {
		ev := s.event(n)
		ev.RequestModel = model
		return ev
	}
	for _, model := range []string{"a", "b"} {
		h.judge(of(model, 64))
		assert.Equal(t, embedding.VerdictHealthy, h.judge(of(model, 1)).Verdict)
	}
	h.judge(of("a", 1))
	h.judge(of("c", 1)) // in place of b
	assert.Equal(t, embedding.VerdictHealthy, h.judge(of("a", 1)).Verdict)
	assert.Equal(t, embedding.VerdictLearning, h.judge(of("b", 1)).Verdict)
	metadatatest.AssertEqualProcessorEmbeddingQualityKeysEvicted(t, h.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualProcessorEmbeddingQualityKeys(t, h.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
	for i := range 100 {
		h.judge(of(fmt.Sprint("model-", i), 1))
	}
	assert.Len(t, h.reports(), 2)
}

// TestStatisticsHaveOneName: what the mathematics compares is called in reports and metrics what it is called there.
func TestStatisticsHaveOneName(t *testing.T) {
	var names []string
	for _, statistic := range drift.Statistics() {
		names = append(names, string(statistic))
	}
	assert.Equal(t, embedding.Statistics(), append(names, embedding.StatisticReplica))
}
