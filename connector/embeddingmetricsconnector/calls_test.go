package embeddingmetricsconnector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestEveryCallIsCountedOnce(t *testing.T) {
	var calls []embedding.Event
	for range 950 {
		calls = append(calls, call("m"))
	}
	for range 30 {
		calls = append(calls, failure("m", 503, "InternalServerError"))
	}
	for range 15 {
		calls = append(calls, failure("m", 0, "timeout"))
	}
	for range 5 {
		calls = append(calls, failure("m", 429, ""))
	}
	got := metricsOf(t, quietConfig(), calls...)
	require.Equal(t, map[string]float64{"model=m task_type=general": 1000}, values(t, got, "embedding.requests"))
	require.Equal(t, map[string]float64{"model=m": 1000}, values(t, got, "embedding.request.duration"))
	require.Equal(t, map[string]float64{"model=m": 950}, values(t, got, "embedding.input.tokens"))
	require.Equal(t, map[string]float64{
		"error_type=InternalServerError model=m status_code=503": 30,
		"error_type=timeout model=m status_code=none":            15,
		"error_type=429 model=m status_code=429":                 5,
	}, values(t, got, "embedding.request.errors"))

	duration := find(t, got, "embedding.request.duration").Histogram().DataPoints().At(0)
	require.InDelta(t, 950*0.2+50*1, duration.Sum(), 1e-6)
	tokens := find(t, got, "embedding.input.tokens").Histogram().DataPoints().At(0)
	require.Equal(t, 95000.0, tokens.Sum())

	var durations float64
	for _, n := range values(t, got, "gen_ai.client.operation.duration") {
		durations += n
	}
	require.Equal(t, 1000.0, durations)
}

func TestTokensOfOtherUnitsAreLeftOut(t *testing.T) {
	characters, estimated, unknown, zero := call("m"), call("m"), call("m"), call("m")
	characters.TokensUnit = embedding.UnitCharacter
	estimated.TokensUnit = embedding.UnitEstimated
	unknown.HasInputTokens = false
	zero.InputTokens = 0
	failed := call("m")
	failed.ErrorType = "truncated"
	got := metricsOf(t, quietConfig(), characters, estimated, unknown, zero, failed)
	require.Equal(t, map[string]float64{"model=m": 1}, values(t, got, "embedding.input.tokens"))
	point := find(t, got, "embedding.input.tokens").Histogram().DataPoints().At(0)
	require.Zero(t, point.Sum(), "only the call that used 0 tokens counts")
	require.Len(t, values(t, got, "gen_ai.client.token.usage"), 1)
}

func TestVectorsAreCountedByDimension(t *testing.T) {
	wide, short, ragged, unknown := call("m"), call("m"), call("m"), call("m")
	short.OutputDimension = 512
	ragged.OutputCount, ragged.OutputRagged = 5, 2
	unknown.OutputDimension, unknown.OutputCount = 0, 7
	lying := call("m")
	lying.OutputCount, lying.OutputRagged = 1, 9
	got := metricsOf(t, quietConfig(), wide, short, ragged, unknown, lying)
	require.Equal(t, map[string]float64{
		"dimension=2560 model=m":    5,
		"dimension=512 model=m":     2,
		"dimension=ragged model=m":  3,
		"dimension=unknown model=m": 7,
	}, values(t, got, "embedding.vectors"))
}

func TestInvalidVectors(t *testing.T) {
	judged := call("m")
	judged.HasQuality = true
	judged.Quality = embedding.Quality{
		Verdict: embedding.VerdictInvalidOutput,
		Counts:  embedding.ReasonCounts{NonFinite: 1, Zero: 2, Dimension: 3, Norm: 4, Outlier: 6},
	}
	got := metricsOf(t, quietConfig(), judged, judged, call("m"), call("healthy"))
	require.Equal(t, map[string]float64{
		"model=m reason=non_finite":       2,
		"model=m reason=zero":             4,
		"model=m reason=dimension":        6,
		"model=m reason=norm":             8,
		"model=m reason=duplicate":        0,
		"model=healthy reason=non_finite": 0,
		"model=healthy reason=zero":       0,
		"model=healthy reason=dimension":  0,
		"model=healthy reason=norm":       0,
		"model=healthy reason=duplicate":  0,
	}, values(t, got, "embedding.vectors.invalid"))
	require.Equal(t, map[string]float64{"model=m": 12, "model=healthy": 0}, values(t, got, "embedding.vectors.outliers"))
}

func TestBatchSizeOfUnknownCountIsLeftOut(t *testing.T) {
	unknown := call("m")
	unknown.InputCount = 0
	got := metricsOf(t, quietConfig(), call("m"), unknown)
	require.Equal(t, map[string]float64{"model=m": 1}, values(t, got, "embedding.batch.size"))
}

func TestGenAIAttributes(t *testing.T) {
	bare := embedding.Event{Time: begin, ResponseModel: "served"}
	got := metricsOf(t, quietConfig(), call("m"), bare, failure("m", 503, "InternalServerError"))
	const common = "gen_ai.operation.name=embeddings gen_ai.provider.name="
	require.Equal(t, map[string]float64{
		common + "vllm gen_ai.request.model=m gen_ai.response.model=served-m server.address=10.0.0.7 server.port=8000": 1,
		common + "unknown gen_ai.response.model=served":                                                                1,
		"error.type=InternalServerError " + common + "unknown gen_ai.request.model=m":                                  1,
	}, values(t, got, "gen_ai.client.operation.duration"))
	require.Equal(t, map[string]float64{
		common + "vllm gen_ai.request.model=m gen_ai.response.model=served-m gen_ai.token.type=input " +
			"server.address=10.0.0.7 server.port=8000": 1,
	}, values(t, got, "gen_ai.client.token.usage"))
}

func TestConfiguredModelsStartAtZero(t *testing.T) {
	cfg := quietConfig()
	cfg.Models = []ModelConfig{{Name: "a"}, {Name: "b", TaskTypes: []string{"query", "document"}}}
	got := metricsOf(t, cfg)
	require.Equal(t, map[string]float64{
		"model=a task_type=general":  0,
		"model=b task_type=query":    0,
		"model=b task_type=document": 0,
	}, values(t, got, "embedding.requests"))
	require.Len(t, values(t, got, "embedding.vectors.invalid"), 10)
	require.Len(t, values(t, got, "embedding.vectors.outliers"), 2)
}

func TestZerosAreDeliveredBeforeTheFirstCall(t *testing.T) {
	cfg := quietConfig()
	cfg.Models = []ModelConfig{{Name: "a"}}
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	require.Eventually(t, func() bool { return p.sink.DataPointCount() > 0 }, 10*time.Second, time.Millisecond)
	p.stop(t)
}

func TestBothSignalsMakeOneSeries(t *testing.T) {
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(call("m"), call("m"))))
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), tracesOf("an application", call("m"))))
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), tracesOf(embedding.ReceiverScope, call("m"))))
	require.Equal(t, map[string]float64{"model=m task_type=general": 3}, values(t, p.stop(t), "embedding.requests"))
	for _, metrics := range p.sink.AllMetrics() {
		require.LessOrEqual(t, metrics.ResourceMetrics().Len(), 1)
	}
}

func TestOtherRecordsAreIgnored(t *testing.T) {
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	logs := logsOf(call("m"))
	logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).SetEventName("something.else")
	require.NoError(t, p.ConsumeLogs(t.Context(), logs))
	traces := tracesOf("an application", call("m"))
	traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("gen_ai.operation.name", "chat")
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), traces))
	p.stop(t)
	require.Empty(t, p.sink.AllMetrics(), "nothing was counted, so nothing is sent")
}

func TestInputIsNotChanged(t *testing.T) {
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	require.False(t, p.Capabilities().MutatesData)
	p.start(t)
	logs := logsOf(call("m"))
	logs.MarkReadOnly() // a write would panic
	require.NoError(t, p.ConsumeLogs(t.Context(), logs))
	traces := tracesOf("an application", call("m"))
	traces.MarkReadOnly()
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), traces))
	p.stop(t)
}

func TestExemplarsLeadToTraces(t *testing.T) {
	untraced := call("m")
	untraced.TraceID, untraced.SpanID = pcommon.TraceID{}, pcommon.SpanID{}
	untraced.Duration = 3 * time.Second // another bucket
	for _, kind := range []string{HistogramExplicit, HistogramExponential} {
		t.Run(kind, func(t *testing.T) {
			cfg := quietConfig()
			cfg.Histogram = kind
			got := metricsOf(t, cfg, call("m"), untraced)
			for _, name := range []string{"embedding.request.duration", "gen_ai.client.operation.duration"} {
				exemplars := exemplarsOf(find(t, got, name))
				require.Equal(t, 1, exemplars.Len(), "%s: one of the calls has a trace", name)
				require.Equal(t, 0.2, exemplars.At(0).DoubleValue())
				requireSource(t, call("m"), exemplars.At(0))
			}
			for _, name := range []string{"embedding.input.tokens", "gen_ai.client.token.usage", "embedding.batch.size"} {
				exemplars := exemplarsOf(find(t, got, name))
				require.Equal(t, 1, exemplars.Len(), "%s: one of the calls has a trace", name)
				requireSource(t, call("m"), exemplars.At(0))
			}
		})
	}
}

func exemplarsOf(metric pmetric.Metric) pmetric.ExemplarSlice {
	if metric.Type() == pmetric.MetricTypeExponentialHistogram {
		return metric.ExponentialHistogram().DataPoints().At(0).Exemplars()
	}
	return metric.Histogram().DataPoints().At(0).Exemplars()
}

func requireSource(t *testing.T, ev embedding.Event, e pmetric.Exemplar) {
	require.Equal(t, ev.TraceID, e.TraceID())
	require.Equal(t, ev.SpanID, e.SpanID())
	require.Equal(t, pcommon.NewTimestampFromTime(ev.Time.Add(ev.Duration)), e.Timestamp())
}

func TestExemplarOfEventWithoutTimestampIsOfNow(t *testing.T) {
	before := time.Now()
	undated := call("m")
	logs := logsOf(undated)
	record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	record.SetTimestamp(0)
	record.SetObservedTimestamp(0)
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logs))
	e := exemplarsOf(find(t, p.stop(t), "embedding.request.duration")).At(0)
	require.False(t, e.Timestamp().AsTime().Before(before))
}

func TestExponentialHistograms(t *testing.T) {
	cfg := quietConfig()
	cfg.Histogram = HistogramExponential
	free := call("m")
	free.InputTokens = 0
	got := metricsOf(t, cfg, call("m"), failure("m", 500, "x"), free)
	point := find(t, got, "embedding.request.duration").ExponentialHistogram().DataPoints().At(0)
	require.Equal(t, uint64(3), point.Count())
	require.InDelta(t, 1.4, point.Sum(), 1e-9)
	require.Equal(t, 0.2, point.Min())
	require.Equal(t, 1.0, point.Max())
	var inBuckets uint64
	for _, n := range point.Positive().BucketCounts().All() {
		inBuckets += n
	}
	require.Equal(t, uint64(3), inBuckets)
	tokens := find(t, got, "embedding.input.tokens").ExponentialHistogram().DataPoints().At(0)
	require.Equal(t, uint64(1), tokens.ZeroCount())
	require.Equal(t, uint64(2), tokens.Count())
}
