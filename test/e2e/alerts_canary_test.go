//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// testCanaryAlerts has a canary that asks two servers of one model. Nobody else calls them.
func testCanaryAlerts(t *testing.T, arrived *arrivals) {
	other := collector.Address(t)
	s := newSite(t, "127.0.0.1", nil)
	canary := func(generation string) string {
		return `
receivers:
  embedding_canary:
    targets:
      - {name: first, endpoint: "` + s.server + `/v1/embeddings", model: qwen3-embedding-4b}
      - {name: second, endpoint: "http://` + other + `/v1/embeddings", model: qwen3-embedding-4b}
    interval: 2s
    budget: {server_time: 1}
    learning: {rounds: 2}
    generation: ` + generation + `
service:
  pipelines:
    logs: {receivers: [embedding, embedding_canary]}
    metrics: {receivers: [embedding_metrics, embedding_canary]}
`
	}
	s.merge(canary("2"))
	s.demo = startDemo(t, s.server)
	startDemo(t, "http://"+other)
	s.collector = s.start()
	w := startWatch(t, arrived, s.targets, "EmbeddingNoRequests")
	same := func() {
		t.Helper()
		w.prometheus.within(alertTimeout, `sum(embedding_canary_ok)`, func(v float64) bool { return v == 2 }, "both servers are well")
	}
	replica := "replica=" + strings.TrimPrefix(s.server, "http://")
	same()

	s.fault("rounding", map[string]any{"value": "bf16"})
	w.fires("EmbeddingCanaryNumericChange", replica)
	s.heal()
	w.resolves("EmbeddingCanaryNumericChange")

	s.fault("model_swap", nil)
	w.fires("EmbeddingCanaryWrong", replica, "verdict=different_model_or_pooling")
	s.heal()
	w.resolves("EmbeddingCanaryWrong", "verdict=different_model_or_pooling")

	s.fault("alternating", map[string]any{"value": "model"})
	w.fires("EmbeddingCanaryWrong", replica, "verdict=unstable")
	s.heal()
	w.resolves("EmbeddingCanaryWrong", "verdict=unstable")

	s.fault("errors", map[string]any{"value": http.StatusInternalServerError})
	w.fires("EmbeddingCanaryFailing", replica, "outcome=failed")
	s.heal()
	w.resolves("EmbeddingCanaryFailing")

	s.demo.Kill()
	w.fires("EmbeddingCanaryUnreachable", replica)
	s.demo = startDemo(t, s.server)
	w.resolves("EmbeddingCanaryUnreachable")

	// The server asks to be left alone for longer than anybody would believe it.
	s.fault("errors", map[string]any{"value": "503:3600"})
	w.fires("EmbeddingCanarySilent", "target=first")
	s.heal()

	// Pins of a later generation than the configured one are no pins: somebody took an old configuration.
	s.collector.Kill()
	s.merge(canary("1"))
	s.collector = s.start()
	w.resolves("EmbeddingCanarySilent")
	w.fires("EmbeddingCanaryPinsLost", "target=first")
	same()
}
