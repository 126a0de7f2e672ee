//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// batch is a call of many texts, whose answer is large.
func batch(n int) map[string]any {
	return map[string]any{"input": texts(fmt.Sprint(n), 16)}
}

// testCollectorAlerts has two hosts, of which one goes down, and the other reads too little of its calls. The latter is its own gateway,
// to which each report comes twice.
func testCollectorAlerts(t *testing.T, arrived *arrivals) {
	s := startSite(t, "127.0.0.2", nil, `
receivers: {embedding: {tap: {max_captured_body_size: 100000, workers: 1, queue_size: 1}}}
connectors: {embedding_metrics: {max_models: 5}, forward/once: , forward/twice: }
processors:
  embedding_quality: {report_state: true, max_keys: 2}
  embedding_quality/gateway: {window: 200ms, merge: {wait: 1s}}
exporters: {debug: }
service:
  pipelines:
    logs: {exporters: [embedding_metrics, otlp_http/loki, otlp_http/backend, forward/once, forward/twice]}
    logs/gateway: {receivers: [forward/once, forward/twice], processors: [embedding_quality/gateway], exporters: [debug]}
`)
	down := startSite(t, "127.0.0.3", nil)
	w := startWatch(t, arrived, append(s.targets, down.targets...), "EmbeddingNoRequests", "EmbeddingStillLearning",
		"EmbeddingTrafficShift", "EmbeddingClientErrorsHigh", "EmbeddingErrorBudgetBurnSlow", "EmbeddingErrorBudgetBurnFast")

	w.prometheus.within(alertTimeout, `sum(up{exported_job=""})`, func(v float64) bool { return v == 4 }, "both hosts are scraped")
	down.collector.Kill()
	w.fires("EmbeddingCollectorDown", "host=127.0.0.3")
	down.collector = down.start()
	w.resolves("EmbeddingCollectorDown", "host=127.0.0.3")

	clients := startTraffic(t, s.tap, 1, 100*time.Millisecond, batch)
	w.fires("EmbeddingTapBlind", "host=127.0.0.2", "reason=body_too_large")
	clients.send(single)
	w.resolves("EmbeddingTapBlind")

	// Many calls end at the same moment.
	s.fault("latency", map[string]any{"value": 0.3})
	var crowd [64]*traffic
	for i := range crowd {
		crowd[i] = startTraffic(t, s.tap, 1, 0, single)
	}
	w.fires("EmbeddingTapDropping", "host=127.0.0.2", "reason=queue_full")
	for _, c := range crowd {
		c.every(time.Second)
		c.send(nil)
	}
	s.heal()
	w.resolves("EmbeddingTapDropping")

	clients.send(func(n int) map[string]any {
		r := single(n)
		if n%2 == 0 {
			r["model"] = fmt.Sprint("model ", n%20)
		} else {
			r["dimensions"] = 64 + n%8 // each is judged apart, and these are more than there is room for
		}
		return r
	})
	w.fires("EmbeddingLabelOverflow", "host=127.0.0.2", "label=model")
	clients.send(single)
	w.resolves("EmbeddingLabelOverflow")
}

// testMemoryAlerts has a collector that may not have the memory it needs.
func testMemoryAlerts(t *testing.T, arrived *arrivals) {
	s := startSite(t, "127.0.0.1", nil, `processors: {memory_limiter: {limit_mib: 12, spike_limit_mib: 2}}`)
	w := startWatch(t, arrived, s.targets,
		"EmbeddingTapDropping") // its events are among what is refused
	clients := startTraffic(t, s.tap, 2, 100*time.Millisecond, single)
	w.fires("EmbeddingCollectorRefusing", "signal=logs")
	w.fires("EmbeddingMetricsNotFlushed")
	clients.send(nil)
	w.resolves("EmbeddingCollectorRefusing", "signal=logs")
}

// testExportAlerts has a backend that refuses, and one that is away for so long that the queue fills.
func testExportAlerts(t *testing.T, arrived *arrivals) {
	const queue = `sending_queue: {queue_size: 400000, batch: {flush_timeout: 200ms, min_size: 10000, max_size: 40000}}`
	s := startSite(t, "127.0.0.1", nil, `
exporters: {otlp_http/loki: {`+queue+`}, otlp_http/backend: {`+queue+`}}
service: {pipelines: {metrics: {exporters: [prometheus, otlp_http/backend]}}}
`)
	w := startWatch(t, arrived, s.targets, "EmbeddingNoRequests", "EmbeddingStillLearning", "EmbeddingTrafficShift",
		"EmbeddingTapDropping", "EmbeddingMetricsNotFlushed") // what finds the queue full is refused
	clients := startTraffic(t, s.tap, 4, 50*time.Millisecond, single)
	w.prometheus.within(alertTimeout, `max(otelcol_exporter_sent_log_records{exporter="otlp_http/loki"})`, func(v float64) bool { return v > 0 }, "the backend takes all")

	s.backend.status.Store(http.StatusBadRequest)
	w.fires("EmbeddingExportFailing", "exporter=otlp_http/loki", "signal=logs")
	w.fires("EmbeddingExportFailing", "exporter=otlp_http/backend", "signal=metrics")
	s.backend.status.Store(http.StatusOK)
	w.resolves("EmbeddingExportFailing", "exporter=otlp_http/loki")

	s.backend.status.Store(http.StatusServiceUnavailable)
	const fill = `max(otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)`
	w.prometheus.within(alertTimeout, fill, func(v float64) bool { return v > 0.85 }, "the queue fills")
	clients.send(nil)
	w.fires("EmbeddingExportQueueNearFull")
	clients.send(single)
	w.fires("EmbeddingExportQueueFull", "signal=logs")
	w.fires("EmbeddingExportQueueFull", "signal=traces")
	// The dashboard shows rates, which take two samples, and asks at every second second.
	w.prometheus.within(alertTimeout, `max(rate(otelcol_exporter_enqueue_failed_spans[10s] offset 3s))`, func(v float64) bool { return v > 0 }, "spans are refused")
	s.backend.status.Store(http.StatusOK)
	w.resolves("EmbeddingExportQueueFull") // which silences that the queue was nearly full
}

// testStorageAlert has a storage that takes no more.
func testStorageAlert(t *testing.T, arrived *arrivals) {
	s := startSite(t, "127.0.0.1", nil, `
extensions: {file_storage: {max_size: 65536}}
exporters: {otlp_http/loki: {sending_queue: {storage: null}}, otlp_http/backend: {sending_queue: {storage: null}}}
`)
	w := startWatch(t, arrived, s.targets, "EmbeddingNoRequests", "EmbeddingStillLearning", "EmbeddingTrafficShift")
	startTraffic(t, s.tap, 2, 50*time.Millisecond, batch)
	w.fires("EmbeddingStateNotSaved")
}

// testPanicAlert is the one alert whose cause has to be played: there is no input that is known to make the collector panic. What a
// collector would expose is scraped instead.
func testPanicAlert(t *testing.T, arrived *arrivals) {
	var panics atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := panics.Load(); n > 0 { // born at its first count, as the collector's own
			_, _ = io.WriteString(w, fmt.Sprintf("# TYPE otelcol_processor_embedding_quality_panics counter\notelcol_processor_embedding_quality_panics %[1]d\n"+
				"# TYPE otelcol_embedding_tap_unanalyzed_calls counter\notelcol_embedding_tap_unanalyzed_calls{reason=\"panic\"} %[1]d\n", n))
		}
	}))
	t.Cleanup(server.Close)
	w := startWatch(t, arrived, []string{strings.TrimPrefix(server.URL, "http://")})
	w.prometheus.within(alertTimeout, `min(up offset 31s)`, func(v float64) bool { return v == 1 }, "it has been scraped for as long as the alert looks back")
	panics.Store(1)
	w.fires("EmbeddingCollectorPanic")
	w.resolves("EmbeddingCollectorPanic")
	require.EqualValues(t, 1, panics.Load())
}
