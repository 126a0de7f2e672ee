//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestTailSampling runs standalone.yaml with the section that samples traces. Calls that are slow, failed or got wrong vectors are all
// kept, and of the others the share that is asked for.
func TestTailSampling(t *testing.T) {
	const (
		usual   = 400
		percent = 20
		// Five standard deviations of a binomial distribution with these two.
		least, most = usual*percent/100 - 40, usual*percent/100 + 40
	)
	backend := startTraceBackend(t)
	server, tap := collector.Address(t), collector.Address(t)
	s := &stack{t: t, server: "http://" + server, tap: "http://" + tap}
	startDemo(t, s.server)
	section, err := os.ReadFile(filepath.Join(collector.Root(t), "config/traces/sampling.yaml"))
	require.NoError(t, err)
	startShipped(t, "standalone.yaml", []string{
		"EMBEDDING_UPSTREAM=" + s.server,
		"EMBEDDING_TAP=" + tap,
		"EMBEDDING_INGEST=" + collector.Address(t),
		"EMBEDDING_METRICS=" + collector.Address(t),
		"VLLM_TARGET=" + server,
		"OTLP_GRPC=" + collector.Address(t),
		"OTLP_HTTP=" + collector.Address(t),
		"OTLP_ENDPOINT=" + backend.url,
		"TRACES_SLOW_MS=300",
		fmt.Sprintf("TRACES_PERCENT=%d", percent),
		"TRACES_DECISION_WAIT=1s",
	}, string(section), `
receivers:
  embedding: {tap: {shed_load: false}}
exporters:
  otlp_http/backend: {sending_queue: {batch: {flush_timeout: 200ms}}}
service:
  pipelines:
    logs: {receivers: [embedding], exporters: [embedding_metrics]}
`)

	// The number of inputs tells on a span what the call was: 1 usual, 2 slow, 3 failed, 4 with vectors of zeros, 5 with NaN.
	call := func(status, inputs int, more ...any) {
		t.Helper()
		request := map[string]any{"input": texts("sampled", inputs), "dimensions": 64}
		for i := 0; i < len(more); i += 2 {
			request[more[i].(string)] = more[i+1]
		}
		require.Equal(t, status, s.embed(request))
	}
	for range usual {
		call(http.StatusOK, 1)
	}
	rare := map[string]int{"2": 5, "3": 6, "4": 7, "5": 8}
	s.fault("latency", map[string]any{"share": 1, "value": 0.35})
	for range rare["2"] {
		call(http.StatusOK, 2)
	}
	s.heal()
	for range rare["3"] {
		call(http.StatusBadRequest, 3, "dimensions", 1)
	}
	s.fault("zero", map[string]any{"share": 1})
	for range rare["4"] {
		call(http.StatusOK, 4)
	}
	s.heal()
	s.fault("nan", map[string]any{"share": 1})
	for range rare["5"] {
		call(http.StatusOK, 5, "encoding_format", "base64")
	}
	s.heal()

	var kept map[string]int
	verdicts := map[string]int{}
	require.Eventually(t, func() bool {
		kept = map[string]int{}
		clear(verdicts)
		for _, span := range backend.spans() {
			kept[span.attribute("embedding.input.count")]++
			verdicts[span.attribute("embedding.quality.verdict")]++
		}
		found := maps.Clone(kept)
		delete(found, "1")
		return maps.Equal(rare, found)
	}, 30*time.Second, 200*time.Millisecond, "every slow, failed and wrong call: want %v, found %v", rare, &kept)
	time.Sleep(3 * time.Second) // decisions on the last traces, and what would come twice
	kept = map[string]int{}
	for _, span := range backend.spans() {
		kept[span.attribute("embedding.input.count")]++
	}
	assert.GreaterOrEqual(t, kept["1"], least)
	assert.LessOrEqual(t, kept["1"], most)
	delete(kept, "1")
	assert.Equal(t, rare, kept, "once each")
	assert.Equal(t, rare["4"]+rare["5"], verdicts["invalid_output"], "verdicts on spans")
	t.Logf("kept %v of %d usual calls, %v of the others", len(backend.spans())-5-6-7-8, usual, kept)
}
