package embeddingmetricsconnector

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// quietConfig returns a configuration with no flush but those of Start and Shutdown.
func quietConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.FlushInterval = time.Hour
	return cfg
}

// pair is the connector with both of its instances, as the collector wires it into a pipeline of logs and one of
// traces.
type pair struct {
	connector.Logs
	traces connector.Traces
	sink   *consumertest.MetricsSink
}

func newPair(t testing.TB, set connector.Settings, cfg *Config) *pair {
	factory, sink := NewFactory(), &consumertest.MetricsSink{}
	logs, err := factory.CreateLogsToMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	traces, err := factory.CreateTracesToMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	return &pair{Logs: logs, traces: traces, sink: sink}
}

func (p *pair) start(t testing.TB) {
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.traces.Start(t.Context(), componenttest.NewNopHost()))
}

// stop returns the last metrics delivered.
func (p *pair) stop(t testing.TB) pmetric.Metrics {
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.traces.Shutdown(t.Context()))
	all := p.sink.AllMetrics()
	if len(all) == 0 {
		return pmetric.NewMetrics()
	}
	return all[len(all)-1]
}

// metricsOf returns what a connector with cfg makes of calls.
func metricsOf(t testing.TB, cfg *Config, calls ...embedding.Event) pmetric.Metrics {
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(calls...)))
	return p.stop(t)
}

func logsOf(calls ...embedding.Event) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range calls {
		calls[i].WriteLogRecord(records.AppendEmpty(), calls[i].Time)
	}
	return logs
}

func reportLogs(reports ...embedding.WindowReport) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for i := range reports {
		reports[i].WriteLogRecord(records.AppendEmpty(), reports[i].End)
	}
	return logs
}

func tracesOf(scope string, calls ...embedding.Event) ptrace.Traces {
	traces := ptrace.NewTraces()
	ss := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	ss.Scope().SetName(scope)
	for i := range calls {
		calls[i].WriteSpan(ss.Spans().AppendEmpty())
	}
	return traces
}

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// call is a call that succeeded, in every detail.
func call(model string) embedding.Event {
	return embedding.Event{
		Time:     begin,
		Duration: 200 * time.Millisecond,
		Provider: "vllm", RequestModel: model, ResponseModel: "served-" + model,
		ServerAddress: "10.0.0.7", ServerPort: 8000, StatusCode: 200,
		InputTokens: 100, HasInputTokens: true, TokensUnit: embedding.UnitToken, InputCount: 2,
		OutputCount: 2, OutputDimension: 2560,
		TraceID: pcommon.TraceID{1, 2, 3}, SpanID: pcommon.SpanID{4, 5},
	}
}

// failure is a call that failed.
func failure(model string, status int, errorType string) embedding.Event {
	return embedding.Event{
		Time: begin, Duration: time.Second, RequestModel: model, StatusCode: status, ErrorType: errorType,
	}
}

func report() embedding.WindowReport {
	return embedding.WindowReport{
		Key:     embedding.Key{Model: "m", TaskType: "query", Dimension: 2560, Replica: "10.0.0.7:8000"},
		Start:   begin,
		End:     begin.Add(10 * time.Second),
		Verdict: embedding.VerdictHealthy,
		Vectors: 1000,
		Norm:    embedding.Moments{Mean: 1, StdDev: 0.001, Min: 0.99, Max: 1.01},
		HasNorm: true,
		Drift: &embedding.Drift{
			ReferenceVectors: 20000,
			CentroidDistance: 0.01,
			Cosine:           embedding.Moments{Mean: 0.55, StdDev: 0.1, Min: 0.2, Max: 0.8},
			CosineQuantiles:  embedding.Quantiles{P05: 0.4, P50: 0.56, P95: 0.7},
			MeanShiftZ:       0.3,
			HasMeanShiftZ:    true,
			ReferenceWindows: 200,
			CosineKS:         0.04,
			VarianceShift:    0.01,
			EffectiveRank:    30,
			HasVariances:     true,
		},
		Repeats: &embedding.Repeats{Count: 12, Mismatches: 2, MinCosine: 0.58},
		Evidence: []embedding.Evidence{
			{Statistic: embedding.StatisticMean, P: 0.4, Share: 0.1},
			{Statistic: embedding.StatisticCosines, P: 0.4, Share: 0.1},
			{Statistic: embedding.StatisticTails, P: 0.4, Share: 0.1},
			{Statistic: embedding.StatisticCovariance, P: 0.4, Share: 0.1},
			{Statistic: embedding.StatisticReplica, P: 0.4, Share: 0.1},
		},
	}
}

// values returns the points of the named metric: for each label set, the value of a number or the count of a
// histogram.
func values(t testing.TB, metrics pmetric.Metrics, name string) map[string]float64 {
	found := map[string]float64{}
	for metric := range all(metrics) {
		if metric.Name() != name {
			continue
		}
		switch metric.Type() {
		case pmetric.MetricTypeSum:
			addNumbers(found, metric.Sum().DataPoints())
		case pmetric.MetricTypeGauge:
			addNumbers(found, metric.Gauge().DataPoints())
		case pmetric.MetricTypeHistogram:
			for _, dp := range metric.Histogram().DataPoints().All() {
				found[labels(dp.Attributes())] = float64(dp.Count())
			}
		case pmetric.MetricTypeExponentialHistogram:
			for _, dp := range metric.ExponentialHistogram().DataPoints().All() {
				found[labels(dp.Attributes())] = float64(dp.Count())
			}
		default:
			t.Fatalf("%s is a %s", name, metric.Type())
		}
	}
	return found
}

func addNumbers(to map[string]float64, points pmetric.NumberDataPointSlice) {
	for _, dp := range points.All() {
		if dp.ValueType() == pmetric.NumberDataPointValueTypeInt {
			to[labels(dp.Attributes())] = float64(dp.IntValue())
		} else {
			to[labels(dp.Attributes())] = dp.DoubleValue()
		}
	}
}

// labels returns the attributes as "a=1 b=2", sorted by name.
func labels(attrs pcommon.Map) string {
	raw := attrs.AsRaw()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, raw[name]))
	}
	return strings.Join(parts, " ")
}

// all iterates over every metric.
func all(metrics pmetric.Metrics) func(func(pmetric.Metric) bool) {
	return func(yield func(pmetric.Metric) bool) {
		for _, rm := range metrics.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, metric := range sm.Metrics().All() {
					if !yield(metric) {
						return
					}
				}
			}
		}
	}
}

func find(t testing.TB, metrics pmetric.Metrics, name string) pmetric.Metric {
	for metric := range all(metrics) {
		if metric.Name() == name {
			return metric
		}
	}
	t.Fatalf("no metric %s", name)
	return pmetric.NewMetric()
}
