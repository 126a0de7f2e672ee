package embeddingmetricsconnector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadatatest"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// cappedMetricsOf returns the metrics and requires that so many events overflowed under label.
func cappedMetricsOf(t *testing.T, cfg *Config, label string, overflows int64, calls ...embedding.Event) pmetric.Metrics {
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(t.Context())) }()
	set := connectortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	got := feed(t, set, cfg, calls...)
	metadatatest.AssertEqualConnectorEmbeddingMetricsLabelOverflows(t, telemetry, []metricdata.DataPoint[int64]{{
		Value: overflows, Attributes: attribute.NewSet(attribute.String("label", label)),
	}}, metricdatatest.IgnoreTimestamp())
	return got
}

func feed(t *testing.T, set connector.Settings, cfg *Config, calls ...embedding.Event) pmetric.Metrics {
	p := newPair(t, set, cfg)
	p.start(t)
	for _, ev := range calls { // one by one: order is what matters
		require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(ev)))
	}
	return p.stop(t)
}

func TestModelsBeyondTheCapAreOther(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxModels = 2
	cfg.Models = []ModelConfig{{Name: "configured"}}
	got := cappedMetricsOf(t, cfg, "model", 3,
		call("first"), call("second"), call("third"), call("first"), call("configured"), call("second"))
	require.Equal(t, map[string]float64{
		"model=configured task_type=general": 1,
		"model=first task_type=general":      2,
		"model=other task_type=general":      3,
	}, values(t, got, "embedding.requests"))
}

func TestNamesThatOnlyFailCannotTakeEveryPlace(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxModels = 4
	var calls []embedding.Event
	for i := range 10 {
		calls = append(calls, failure(fmt.Sprintf("guess-%d", i), 404, "NotFoundError"))
	}
	calls = append(calls, call("real-1"), call("real-2"))
	got := cappedMetricsOf(t, cfg, "model", 8, calls...)
	require.Equal(t, map[string]float64{
		"model=guess-0 task_type=general": 1,
		"model=guess-1 task_type=general": 1,
		"model=other task_type=general":   8,
		"model=real-1 task_type=general":  1,
		"model=real-2 task_type=general":  1,
	}, values(t, got, "embedding.requests"))
}

func TestModelThatFailsFirstIsCountedUnderItsName(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxModels = 4
	got := metricsOf(t, cfg,
		failure("a", 503, "x"), call("a"), failure("b", 503, "x"), call("b"), failure("c", 503, "x"), call("c"))
	require.Equal(t, map[string]float64{
		"model=a task_type=general": 2, "model=b task_type=general": 2, "model=c task_type=general": 2,
	}, values(t, got, "embedding.requests"), "a model that succeeded leaves its place to the next that fails first")
}

func TestNamesThatAreNoLabels(t *testing.T) {
	long, broken := call(strings.Repeat("x", maxLabelLength+1)), call("\xff\xfe")
	nameless := embedding.Event{Time: begin}
	longest := call(strings.Repeat("y", maxLabelLength))
	got := metricsOf(t, quietConfig(), long, broken, nameless, longest)
	require.Equal(t, map[string]float64{
		"model=other task_type=general":                        2,
		"model=unknown task_type=general":                      1,
		"model=" + longest.RequestModel + " task_type=general": 1,
	}, values(t, got, "embedding.requests"))
}

func TestTaskTypesBeyondTheCapAreOther(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxTaskTypes = 2
	cfg.Models = []ModelConfig{{Name: "m", TaskTypes: []string{"query"}}}
	task := func(name string) embedding.Event {
		ev := call("m")
		ev.TaskType = name
		return ev
	}
	got := cappedMetricsOf(t, cfg, "task_type", 2, task("a"), task("b"), task("query"), task("c"), task("a"))
	require.Equal(t, map[string]float64{
		"model=m task_type=query": 1, "model=m task_type=a": 2, "model=m task_type=other": 2,
	}, values(t, got, "embedding.requests"))
}

func TestErrorTypesBeyondTheCapAreOther(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxErrorTypes = 2
	got := cappedMetricsOf(t, cfg, "error_type", 4,
		failure("m", 400, "a"), failure("m", 400, "b"),
		failure("m", 400, "c"), failure("m", 503, "a"), failure("m", 799, "a"), failure("m", 0, "timeout"),
		failure("m", 400, "a"))
	require.Equal(t, map[string]float64{
		"error_type=a model=m status_code=400":       2,
		"error_type=b model=m status_code=400":       1,
		"error_type=other model=m status_code=400":   1,
		"error_type=other model=m status_code=503":   1,
		"error_type=other model=m status_code=none":  1,
		"error_type=other model=m status_code=other": 1,
	}, values(t, got, "embedding.request.errors"))
}

func TestServersBeyondTheCapAreOther(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxServers = 1
	elsewhere := call("m")
	elsewhere.ServerAddress = "10.0.0.8"
	got := cappedMetricsOf(t, cfg, "server", 2, call("m"), elsewhere, elsewhere)
	require.Equal(t, map[string]float64{
		"gen_ai.operation.name=embeddings gen_ai.provider.name=vllm gen_ai.request.model=m " +
			"gen_ai.response.model=served-m server.address=10.0.0.7 server.port=8000": 1,
		"gen_ai.operation.name=embeddings gen_ai.provider.name=other gen_ai.request.model=m": 2,
	}, values(t, got, "gen_ai.client.operation.duration"))
}

func TestDimensionsBeyondTheCapAreOther(t *testing.T) {
	cfg := quietConfig()
	cfg.MaxDimensions = 1
	short, ragged := call("m"), call("m")
	short.OutputDimension = 512
	ragged.OutputRagged = 1
	got := cappedMetricsOf(t, cfg, "dimension", 2, call("m"), short, short, ragged)
	require.Equal(t, map[string]float64{
		"dimension=2560 model=m": 3, "dimension=other model=m": 4, "dimension=ragged model=m": 1,
	}, values(t, got, "embedding.vectors"))
}
