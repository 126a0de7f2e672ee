package embeddingmetricsconnector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector/connectortest"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestAnomalies(t *testing.T) {
	// Nobody has looked at the first three; what shows in a call alone is counted all the same.
	none, reordered, both := call("m"), call("m"), call("m")
	reordered.OutputReordered = true
	both.RequestedDimension, both.OutputCount = 512, 1
	// The processor knows the limit.
	found := call("m")
	found.Request = found.JudgeRequest(50)
	require.True(t, found.Request.Anomalies.Has(embedding.AnomalyTruncated))
	failed := failure("m", 400, "BadRequestError")
	failed.InputsEmpty = 1

	got := metricsOf(t, quietConfig(), none, reordered, both, found, failed)
	require.Equal(t, map[string]float64{
		"anomaly=truncated model=m":          1,
		"anomaly=dimension_mismatch model=m": 1,
		"anomaly=count_mismatch model=m":     1,
		"anomaly=index_order model=m":        1,
		"anomaly=empty_input model=m":        1,
		"anomaly=duplicate_input model=m":    0,
	}, values(t, got, "embedding.request.anomalies"))
}

// TestCanariesCountApart: in logs and in traces, by whatever marks them.
func TestCanariesCountApart(t *testing.T) {
	marked, named := call("m"), call("m")
	marked.Canary = true
	named.UserAgent = embedding.CanaryAgent + "/1.2.3"
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(marked, named, call("m"))))
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), tracesOf("an application", marked)))
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), tracesOf(embedding.CanaryScope, marked)))
	got := p.stop(t)
	require.Equal(t, map[string]float64{"model=m": 3}, values(t, got, "embedding.canary.requests"))
	require.Equal(t, map[string]float64{"model=m task_type=general": 1}, values(t, got, "embedding.requests"))
	require.Equal(t, map[string]float64{"model=m": 1}, values(t, got, "embedding.request.duration"))
	require.Equal(t, map[string]float64{"dimension=2560 model=m": 2}, values(t, got, "embedding.vectors"))
}

func TestUtilizationAndCharacters(t *testing.T) {
	one, two, unknown := call("m"), call("m"), call("m")
	one.Request.Utilization = 0.97
	two.Request.Utilization = 1
	unknown.InputCharacters = []int64{0, 300, 40}
	got := metricsOf(t, quietConfig(), one, two, unknown)
	require.Equal(t, map[string]float64{"model=m": 2}, values(t, got, "embedding.input.utilization"))
	counts := find(t, got, "embedding.input.utilization").Histogram().DataPoints().At(0).BucketCounts().AsRaw()
	require.Equal(t, []uint64{0, 0, 0, 0, 0, 0, 0, 1, 1, 0}, counts)
	characters := find(t, got, "embedding.input.characters").Histogram().DataPoints().At(0)
	require.Equal(t, uint64(2), characters.Count(), "0 is what token ids have")
	require.Equal(t, 340.0, characters.Sum())
}

func TestServerDuration(t *testing.T) {
	ev := call("m")
	ev.Server = embedding.ServerTimings{Total: 30 * time.Millisecond, Queue: 10 * time.Millisecond}
	got := metricsOf(t, quietConfig(), ev, call("m"))
	require.Equal(t, map[string]float64{"model=m phase=total": 1, "model=m phase=queue": 1}, values(t, got, "embedding.server.duration"))
}

// TestSemconv: each generation has its two metrics, over the same calls.
func TestSemconv(t *testing.T) {
	legacy := []string{"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
	latest := []string{"gen_ai.client.embeddings.duration", "gen_ai.client.embeddings.operation.input_tokens"}
	for generation, want := range map[string][]string{
		SemconvLegacy: legacy, SemconvLatest: latest, SemconvBoth: append(append([]string{}, legacy...), latest...),
	} {
		t.Run(generation, func(t *testing.T) {
			cfg := quietConfig()
			cfg.Semconv = generation
			require.NoError(t, confmap.Validate(cfg))
			got := metricsOf(t, cfg, call("m"), failure("m", 503, "overloaded"))
			var names []string
			for metric := range all(got) {
				if len(metric.Name()) > 7 && metric.Name()[:7] == "gen_ai." {
					names = append(names, metric.Name())
				}
			}
			require.ElementsMatch(t, want, names)
			const server = "gen_ai.operation.name=embeddings gen_ai.provider.name=vllm gen_ai.request.model=m gen_ai.response.model=served-m "
			if generation != SemconvLegacy {
				require.Equal(t, map[string]float64{
					server + "server.address=10.0.0.7 server.port=8000":                                                          1,
					"error.type=overloaded gen_ai.operation.name=embeddings gen_ai.provider.name=unknown gen_ai.request.model=m": 1,
				}, values(t, got, latest[0]))
				require.Equal(t, map[string]float64{server + "server.address=10.0.0.7 server.port=8000": 1}, values(t, got, latest[1]))
			}
		})
	}
}
