//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// testAbsence begins with nothing at all. Then there is a collector that nobody calls, and at last one that is called and has no
// histogram of durations.
func testAbsence(t *testing.T, arrived *arrivals) {
	s := newSite(t, "127.0.0.1", nil, `
connectors:
  embedding_metrics:
    models: []
    metrics:
      embedding.request.duration: {enabled: false}
`)
	startDemo(t, s.server)
	w := startWatch(t, arrived, s.targets, "EmbeddingNoRequests", "EmbeddingStillLearning")
	w.fires("EmbeddingCollectorAbsent")
	s.start()
	w.resolves("EmbeddingCollectorAbsent")
	w.fires("EmbeddingRequestsAbsent")
	clients := startTraffic(t, s.tap, 4, 200*time.Millisecond, single)
	w.resolves("EmbeddingRequestsAbsent")
	w.fires("EmbeddingLatencyUnknown", "model="+model)
	clients.send(nil)
	w.resolves("EmbeddingLatencyUnknown")
}

func testCallAlerts(t *testing.T, arrived *arrivals) {
	vllm := collector.Address(t)
	s := startSite(t, "127.0.0.1", nil, `
receivers:
  prometheus/vllm:
    config:
      scrape_configs:
        - job_name: vllm
          scrape_interval: 1s
          static_configs: [{targets: ["`+vllm+`", "${env:VLLM_TARGET}"]}]
service: {pipelines: {metrics: {receivers: [embedding_metrics, prometheus/vllm]}}}
`)
	w := startWatch(t, arrived, s.targets, "EmbeddingStillLearning", "EmbeddingTrafficShift")
	clients := startTraffic(t, s.tap, 32, 5*time.Second, single)

	w.fires("EmbeddingServerScrapeDown", "replica="+vllm)
	startDemo(t, "http://"+vllm)
	w.resolves("EmbeddingServerScrapeDown")

	clients.send(nil)
	w.fires("EmbeddingNoRequests", "model="+model)
	clients.send(single)
	w.resolves("EmbeddingNoRequests")

	// Slow and failing calls, too few for somebody to get up. What follows is worse, and the warnings are silent then.
	clients.every(400 * time.Millisecond)
	s.fault("latency", map[string]any{"share": 0.22, "value": 2.2})
	s.fault("errors", map[string]any{"share": 0.022, "value": http.StatusInternalServerError})
	w.fires("EmbeddingLatencyHigh", "model="+model)
	w.fires("EmbeddingLatencyBudgetBurnSlow", "model="+model)
	w.fires("EmbeddingErrorBudgetBurnSlow", "model="+model)
	s.fault("errors", map[string]any{"value": http.StatusServiceUnavailable})
	w.fires("EmbeddingErrorBudgetBurnFast", "model="+model)
	s.heal()
	s.fault("latency", map[string]any{"value": 2.2})
	w.fires("EmbeddingLatencyBudgetBurnFast", "model="+model)
	s.heal()
	w.resolves("EmbeddingErrorBudgetBurnFast")
	w.resolves("EmbeddingLatencyBudgetBurnFast")
	w.resolves("EmbeddingLatencyHigh")

	clients.send(func(n int) map[string]any {
		r := single(n)
		if n%2 == 0 {
			r["dimensions"] = 1 // fewer than the model has
		}
		return r
	})
	w.fires("EmbeddingClientErrorsHigh", "model="+model)
	clients.send(single)
	w.resolves("EmbeddingClientErrorsHigh")

	s.demo.Kill()
	w.fires("EmbeddingServerUnreachable", "model="+model)
	startDemo(t, s.server)
	w.resolves("EmbeddingServerUnreachable")
}
