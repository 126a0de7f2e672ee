//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestCollectorsOfJobs: two jobs embed a corpus one after the other, each with a collector that lives as long as it does. The gateway
// counts their calls on, with none lost at their ends.
func TestCollectorsOfJobs(t *testing.T) {
	otlp, metrics := collector.Address(t), collector.Address(t)
	startShipped(t, "gateway.yaml", []string{
		"OTLP_GRPC=" + otlp,
		"OTLP_HTTP=" + collector.Address(t),
		"EMBEDDING_METRICS=" + metrics,
	}, `
connectors: {embedding_metrics: {flush_interval: 500ms}}
service: {pipelines: {logs: {exporters: [embedding_metrics]}, traces: {exporters: [embedding_metrics]}}} # no backends here
`)
	prometheus := startPrometheus(t, metrics)
	server := collector.Address(t)
	startDemo(t, "http://"+server)

	total := 0
	for _, calls := range []int{30, 12} {
		s := &stack{t: t, tap: "http://" + collector.Address(t)}
		job := startShipped(t, "agent.yaml", []string{
			"EMBEDDING_UPSTREAM=http://" + server,
			"EMBEDDING_TAP=" + strings.TrimPrefix(s.tap, "http://"),
			"EMBEDDING_INGEST=" + collector.Address(t),
			"VLLM_TARGET=" + collector.Address(t),
			"GATEWAY_ENDPOINT=" + otlp,
		})
		s.sendCalls(t, calls, 0)
		require.NoError(t, job.Stop(), job.Output())
		total += calls
		prometheus.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v >= float64(total) }, "every call is counted")
		assert.EqualValues(t, total, prometheus.value(`sum(embedding_requests_total)`))
	}
	assert.Zero(t, prometheus.value(`sum(resets(embedding_requests_total[5m]))`), "no counter went back")
}

// TestMetricsOfJobs: jobs push metrics of their own by OTLP. They can be seen after the end of a job and are gone after the expiry.
func TestMetricsOfJobs(t *testing.T) {
	jobs, metrics := collector.Address(t), collector.Address(t)
	startShipped(t, "gateway.yaml", []string{
		"OTLP_GRPC=" + collector.Address(t),
		"OTLP_HTTP=" + collector.Address(t),
		"EMBEDDING_METRICS=" + collector.Address(t),
		"JOBS_OTLP_HTTP=" + jobs,
		"JOBS_METRICS=" + metrics,
		"JOBS_EXPIRATION=8s",
	}, section(t, "jobs.yaml"),
		`service: {pipelines: {logs: {exporters: [embedding_metrics]}, traces: {exporters: [embedding_metrics]}}}`)
	prometheus := runPrometheus(t, prometheus3(t), scrapeConfig(metrics, "honor_labels: true"))

	// push is a job that has embedded so many documents; an empty instance is one that does not say which run it is.
	push := func(instance string, documents int) {
		now := time.Now()
		attributes := `{"key": "service.name", "value": {"stringValue": "corpus"}}`
		if instance != "" {
			attributes += fmt.Sprintf(`, {"key": "service.instance.id", "value": {"stringValue": %q}}`, instance)
		}
		resp, err := http.Post("http://"+jobs+"/v1/metrics", "application/json", strings.NewReader(fmt.Sprintf(`{"resourceMetrics": [{
			"resource": {"attributes": [%s]},
			"scopeMetrics": [{"metrics": [{"name": "corpus.documents", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
				{"startTimeUnixNano": "%d", "timeUnixNano": "%d", "asInt": "%d"}]}}]}]}]}`,
			attributes, now.Add(-time.Second).UnixNano(), now.UnixNano(), documents)))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	push("run-1", 100)
	prometheus.eventually(`corpus_documents_total{job="corpus",instance="run-1"}`, func(v float64) bool { return v == 100 }, "the job that has ended")
	push("run-2", 40)
	prometheus.eventually(`corpus_documents_total{job="corpus",instance="run-2"}`, func(v float64) bool { return v == 40 }, "the one after it")
	assert.Zero(t, prometheus.value(`sum(resets(corpus_documents_total[5m]))`), "no counter went back")
	assert.EqualValues(t, 140, prometheus.value(`sum(max_over_time(corpus_documents_total{job="corpus"}[5m]))`), "all that both have done")
	prometheus.eventually(`count(corpus_documents_total)`, func(v float64) bool { return v == 0 }, "both are gone after the expiry")

	// Runs that share a series make it go back, which Prometheus takes for a restart; if the second had done more, it would see
	// the difference alone.
	push("", 100)
	prometheus.eventually(`corpus_documents_total`, func(v float64) bool { return v == 100 }, "a run without a name")
	push("", 40)
	prometheus.eventually(`sum(resets(corpus_documents_total{job="corpus",instance!~"run-.*"}[5m]))`, func(v float64) bool { return v == 1 }, "the next run")
}

// TestPushgateway: what a job has pushed to a Pushgateway arrives with the job's own labels, scraped by Prometheus and by the
// collector.
func TestPushgateway(t *testing.T) {
	binary, err := exec.LookPath("prometheus-pushgateway")
	require.NoError(t, err, "this test needs prometheus-pushgateway on the PATH (Debian: apt-get install prometheus-pushgateway)")
	address := collector.Address(t)
	gateway := collector.Start(t, binary, nil, "--web.listen-address="+address)
	gateway.WaitHTTP("http://" + address + "/-/ready")

	s := startStack(t, []string{"PUSHGATEWAY_TARGET=" + address}, section(t, "pushgateway.yaml"),
		"receivers: {prometheus/pushgateway: {config: {global: {scrape_interval: 1s}}}}")
	servers := map[string]*prometheusServer{
		"Prometheus":    runPrometheus(t, prometheus3(t), scrapeConfig(address, "honor_labels: true")),
		"the collector": runPrometheus(t, prometheus3(t), scrapeConfig(s.metrics, "honor_labels: true")),
	}
	for _, documents := range []int{100, 40} {
		before := time.Now()
		resp, err := http.Post("http://"+address+"/metrics/job/corpus/instance/nightly", "text/plain", strings.NewReader(fmt.Sprintf(
			"# TYPE corpus_documents gauge\ncorpus_documents{model=%q} %d\n", model, documents)))
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		for name, p := range servers {
			p.eventually(`corpus_documents{job="corpus",instance="nightly",model="`+model+`"}`, func(v float64) bool { return v == float64(documents) },
				"through "+name)
			p.eventually(`push_time_seconds{job="corpus",instance="nightly"}`,
				func(v float64) bool { return v >= float64(before.Unix()) }, "when the job pushed, through "+name)
		}
	}
}
