package embeddingmetricsconnector

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadatatest"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const reportLabels = "dimension=2560 model=m replica=10.0.0.7:8000 task_type=query"

func TestReportsBecomeGaugesAndNoRequests(t *testing.T) {
	older := report()
	older.Norm.Mean = 7
	want := report()
	span := ptrace.NewTraces()
	want.WriteSpan(span.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())

	for name, feedLatest := range map[string]func(*pair){
		"log":  func(p *pair) { require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(want))) },
		"span": func(p *pair) { require.NoError(t, p.traces.ConsumeTraces(t.Context(), span)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
			p.start(t)
			require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(older)))
			feedLatest(p)
			got := p.stop(t)
			for metric, value := range map[string]float64{
				"embedding.norm.mean":          1,
				"embedding.norm.stddev":        0.001,
				"embedding.norm.min":           0.99,
				"embedding.norm.max":           1.01,
				"embedding.cosine.mean":        0.55,
				"embedding.cosine.stddev":      0.1,
				"embedding.centroid.distance":  0.01,
				"embedding.mean_shift.z":       0.3,
				"embedding.reference.vectors":  20000,
				"embedding.reference.windows":  200,
				"embedding.cosine.ks":          0.04,
				"embedding.variance_shift":     0.01,
				"embedding.effective_rank":     30,
				"embedding.repeats":            12,
				"embedding.repeats.mismatches": 2,
				"embedding.repeats.cosine.min": 0.58,
			} {
				require.Equal(t, map[string]float64{reportLabels: value}, values(t, got, metric), metric)
			}
			require.Equal(t, map[string]float64{
				"dimension=2560 model=m quantile=0.05 replica=10.0.0.7:8000 task_type=query": 0.4,
				"dimension=2560 model=m quantile=0.5 replica=10.0.0.7:8000 task_type=query":  0.56,
				"dimension=2560 model=m quantile=0.95 replica=10.0.0.7:8000 task_type=query": 0.7,
			}, values(t, got, "embedding.cosine.quantile"))
			require.Equal(t, map[string]float64{
				reportLabels + " verdict=healthy":         1,
				reportLabels + " verdict=learning":        0,
				reportLabels + " verdict=invalid_output":  0,
				reportLabels + " verdict=traffic_shift":   0,
				reportLabels + " verdict=model_changed":   0,
				reportLabels + " verdict=replica_fault":   0,
				reportLabels + " verdict=unstable_output": 0,
			}, values(t, got, "embedding.quality.state"))
			require.Empty(t, values(t, got, "embedding.requests"))
		})
	}
}

func TestReportWithoutReferenceHasNoDrift(t *testing.T) {
	learning := report()
	learning.Verdict, learning.Drift = embedding.VerdictLearning, nil
	empty := report()
	empty.Key.Replica = "other:1"
	empty.HasNorm, empty.Drift = false, nil
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(report(), learning, empty)))
	got := p.stop(t)
	require.Empty(t, values(t, got, "embedding.cosine.mean"), "of the report before")
	require.Len(t, values(t, got, "embedding.norm.mean"), 1)
	require.Equal(t, 1.0, values(t, got, "embedding.quality.state")[reportLabels+" verdict=learning"])
}

func TestValuesThatAreNoNumbersAreLeftOut(t *testing.T) {
	hostile := report()
	hostile.Norm.Mean = math.NaN()
	hostile.Drift.MeanShiftZ = math.Inf(1)
	hostile.Verdict = "unheard of"
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(hostile)))
	got := p.stop(t)
	require.Empty(t, values(t, got, "embedding.norm.mean"))
	require.Empty(t, values(t, got, "embedding.mean_shift.z"))
	require.Len(t, values(t, got, "embedding.norm.max"), 1)
	for labels, value := range values(t, got, "embedding.quality.state") {
		require.Zero(t, value, labels)
	}
}

func TestGaugesOfKeysWithoutReportsVanish(t *testing.T) {
	cfg := quietConfig()
	cfg.FlushInterval = time.Millisecond
	cfg.WindowExpiration = 50 * time.Millisecond
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(call("m")))) // keeps deliveries going
	latest := func() pmetric.Metrics {
		all := p.sink.AllMetrics()
		if len(all) == 0 {
			return pmetric.NewMetrics()
		}
		return all[len(all)-1]
	}
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(report())))
	require.Eventually(t, func() bool {
		for _, metrics := range p.sink.AllMetrics() {
			if len(values(t, metrics, "embedding.norm.mean")) == 1 {
				return true
			}
		}
		return false
	}, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		return len(values(t, latest(), "embedding.norm.mean")) == 0 && len(values(t, latest(), "embedding.requests")) == 1
	}, 10*time.Second, time.Millisecond)
	p.stop(t)
}

// The Prometheus exporter shows a series for as long as metric_expiration, unless it is told that there is no value any more.
func TestPrometheusForgetsGaugesOfKeysWithoutReports(t *testing.T) {
	cfg := quietConfig()
	cfg.FlushInterval = time.Millisecond
	cfg.WindowExpiration = 50 * time.Millisecond
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(call("m"))))
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(report())))
	time.Sleep(4 * cfg.WindowExpiration)
	p.stop(t)
	deliveries := p.sink.AllMetrics()
	require.True(t, slices.ContainsFunc(deliveries, func(m pmetric.Metrics) bool { return len(values(t, m, "embedding.quality.state")) > 1 }),
		"the gauges were there")
	page := scrapeAfter(t, deliveries, "text/plain")
	require.NotContains(t, page, "embedding_quality_state")
	require.NotContains(t, page, "embedding_norm_mean")
	require.Contains(t, page, "embedding_requests_total")
}

func TestReportsBeyondTheCapAreDropped(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(t.Context())) }()
	set := connectortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	cfg := quietConfig()
	cfg.MaxWindows = 1
	p := newPair(t, set, cfg)
	p.start(t)
	other, unusable := report(), report()
	other.Key.Replica = "10.0.0.8:8000"
	unusable.Key.Model = "\xff"
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(unusable, report(), other, report())))
	require.Len(t, values(t, p.stop(t), "embedding.norm.mean"), 1)
	metadatatest.AssertEqualConnectorEmbeddingMetricsLabelOverflows(t, telemetry, []metricdata.DataPoint[int64]{{
		Value: 2, Attributes: attribute.NewSet(attribute.String("label", "window")),
	}}, metricdatatest.IgnoreTimestamp())
}

func TestExpiredKeysGiveTheirPlaceToOthers(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxWindows = 1
	cfg.WindowExpiration = time.Nanosecond
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	newer := report()
	newer.Key.Replica = "10.0.0.8:8000"
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(report())))
	inst := p.Logs.(*instance)
	require.Eventually(t, func() bool {
		inst.shared.windows.put(&newer)
		inst.shared.windows.mu.Lock()
		defer inst.shared.windows.mu.Unlock()
		_, ok := inst.shared.windows.latest[newer.Key]
		return ok
	}, 10*time.Second, time.Millisecond)
	p.stop(t)
}
