//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// contract are the metrics whose names and labels are a promise, whatever the way into Prometheus. Prometheus adds job and
// instance to each, and le to buckets.
var contract = []struct {
	metric    string
	labels    []string
	histogram bool
}{
	{metric: "embedding_requests_total", labels: []string{"model", "task_type"}},
	{metric: "embedding_request_duration_seconds", labels: []string{"model"}, histogram: true},
	{metric: "embedding_input_tokens", labels: []string{"model"}, histogram: true},
	{metric: "embedding_request_errors_total", labels: []string{"error_type", "model", "status_code"}},
	{metric: "gpu_memory_used_mb", labels: []string{"device"}},
}

// assertContract checks names, labels and values of the contract's metrics: calls were counted, failed of them answered with 400,
// and the one GPU has 4000 MiB in use. native says that histograms are native ones.
func assertContract(t *testing.T, p *prometheusServer, instance string, calls, failed int, native bool) {
	t.Helper()
	labelsOf := func(name string, want ...string) {
		series := p.query(name)
		assert.NotEmpty(t, series, name)
		for _, s := range series {
			assert.Equal(t, "otelcol-embedding", s.Labels["job"], name)
			assert.Equal(t, instance, s.Labels["instance"], name)
			got := slices.Sorted(maps.Keys(s.Labels))
			got = slices.DeleteFunc(got, func(l string) bool { return slices.Contains([]string{"__name__", "job", "instance"}, l) })
			assert.Equal(t, want, got, "labels of %s", name)
		}
	}
	for _, c := range contract {
		switch {
		case !c.histogram:
			labelsOf(c.metric, c.labels...)
		case native:
			labelsOf("histogram_count("+c.metric+")", c.labels...)
			assert.Empty(t, p.query(c.metric+"_bucket"), "%s is a native histogram and has no buckets beside it", c.metric)
		default:
			labelsOf(c.metric+"_count", c.labels...)
			labelsOf(c.metric+"_sum", c.labels...)
			labelsOf(c.metric+"_bucket", append([]string{"le"}, c.labels...)...)
		}
	}
	count := func(histogram string) string {
		if native {
			return "sum(histogram_count(" + histogram + "))"
		}
		return "sum(" + histogram + "_count)"
	}
	assert.EqualValues(t, calls, p.value(`sum(embedding_requests_total)`))
	assert.EqualValues(t, calls, p.value(count("embedding_request_duration_seconds")))
	assert.EqualValues(t, calls-failed, p.value(count("embedding_input_tokens")))
	assert.EqualValues(t, failed, p.value(`sum(embedding_request_errors_total{status_code="400"})`))
	assert.EqualValues(t, 4000, p.value(`gpu_memory_used_mb{device="gpu0"}`))
}

// section returns the text of a file of config/metrics.
func section(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(collector.Root(t), "config", "metrics", name))
	require.NoError(t, err)
	return string(text)
}

// pushConfig is what a Prometheus that only takes what is pushed needs.
const pushConfig = "global: {evaluation_interval: 1s}\n"

// ways are a collector that goes every way at once, and a Prometheus at the end of each.
type ways struct {
	*stack
	servers map[string]*prometheusServer
}

// startWays starts them; more is YAML that is merged over the configuration.
func startWays(t *testing.T, rules []string, more ...string) *ways {
	t.Helper()
	gpu := fakenvml.Build(t, t.TempDir())
	scenario := filepath.Join(t.TempDir(), "scenario")
	writeMemoryUsed(t, scenario, 4000)
	push := func(flag string) *prometheusServer {
		return runPrometheus(t, prometheus3(t), pushConfig+ruleFiles(rules), flag)
	}
	w := &ways{servers: map[string]*prometheusServer{
		"remote write 1": push("--web.enable-remote-write-receiver"),
		"remote write 2": push("--web.enable-remote-write-receiver"),
		"OTLP":           push("--web.enable-otlp-receiver"),
	}}
	w.stack = startStackWith(t, []string{"--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2"}, []string{
		fakenvml.ScenarioEnv + "=" + scenario,
		"HOST_NAME=host-a",
		"REMOTE_WRITE_ENDPOINT=" + w.servers["remote write 1"].url + "/api/v1/write",
		"METRICS_OTLP_ENDPOINT=" + w.servers["OTLP"].url + "/api/v1/otlp/v1/metrics",
	}, append([]string{section(t, "remote-write.yaml"), section(t, "otlp.yaml"), fmt.Sprintf(`
receivers:
  nvml: {library_path: %q}
extensions:
  file_storage: {directory: %q}
exporters:
  prometheus_remote_write/v2:
    http:
      endpoint: %s/api/v1/write
    protobuf_message: io.prometheus.write.v2.Request
    disable_scope_info: true
    max_batch_request_parallelism: 1
service:
  extensions: [health_check, file_storage]
  pipelines:
    metrics:
      processors: [memory_limiter]
      exporters: [prometheus]
    metrics/push:
      receivers: [embedding_metrics, nvml]
      processors: [memory_limiter, resource/identity]
      exporters: [prometheus_remote_write, prometheus_remote_write/v2, otlp_http/prometheus]
`, gpu, t.TempDir(), w.servers["remote write 2"].url)}, more...)...)
	w.servers["scrape by Prometheus 3"] = runPrometheus(t, prometheus3(t),
		scrapeConfig(w.metrics, "scrape_native_histograms: true")+ruleFiles(rules))
	return w
}

// each runs a check for every way.
func (w *ways) each(t *testing.T, check func(t *testing.T, p *prometheusServer)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(w.servers)) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			p := *w.servers[name]
			p.t = t
			check(t, &p)
		})
	}
}

// instance is the label of the series that came in by a way.
func (w *ways) instance(p *prometheusServer) string {
	if w.scraped(p) {
		return w.metrics
	}
	return "host-a"
}

func (w *ways) scraped(p *prometheusServer) bool {
	return p.url == w.servers["scrape by Prometheus 3"].url
}

// sendCalls sends n calls of which the first failed ones ask for more dimensions than there are.
func (s *stack) sendCalls(t *testing.T, n, failed int) {
	t.Helper()
	for i, text := range texts("ways", n) {
		request, want := map[string]any{"input": text, "dimensions": 64}, 200
		if i < failed {
			request["dimensions"], want = 4096, 400
		}
		require.Equal(t, want, s.embed(request))
	}
}

var ours = regexp.MustCompile(`^(embedding|gen_ai|gpu|hw|nvml)_`)

// TestWaysIntoPrometheus: the same metrics with the same labels and values come out of a scrape, of remote write in both versions
// and of OTLP. That the collector ends only a scrape notices at once.
func TestWaysIntoPrometheus(t *testing.T) {
	const calls, failed = 60, 7
	w := startWays(t, nil)
	debian := startPrometheus(t, w.metrics)
	w.sendCalls(t, calls-1, failed)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	w.traced(t, trace)

	debian.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == calls }, "every call is counted")
	want := seriesOf(debian)
	require.Greater(t, len(want), 100)
	assertContract(t, debian, w.metrics, calls, failed, false)
	w.each(t, func(t *testing.T, p *prometheusServer) {
		p.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == calls }, "every call is counted")
		assertContract(t, p, w.instance(p), calls, failed, false)
		assert.Equal(t, want, seriesOf(p), "every series that a scrape by Prometheus 2 shows, and no other")
		exemplars := p.exemplars(`embedding_request_duration_seconds_bucket`)
		if p.url == w.servers["remote write 2"].url {
			assert.Empty(t, exemplars, "the exporter's second version sends none; docs/prometheus.md says so")
		} else {
			assert.Contains(t, exemplars, trace)
		}
		bound := "2"
		if w.scraped(p) {
			bound = "2.0"
		}
		assert.NotEmpty(t, p.query(`embedding_request_duration_seconds_bucket{le="`+bound+`"}`), "how a bound of 2 is written")
	})

	require.NoError(t, w.collector.Stop(), w.collector.Output())
	w.each(t, func(t *testing.T, p *prometheusServer) {
		if w.scraped(p) {
			p.eventually(`count(embedding_requests_total)`, func(v float64) bool { return v == 0 }, "gone with the collector")
			assert.Zero(t, p.value(`up`))
			return
		}
		assert.EqualValues(t, calls, p.value(`sum(embedding_requests_total)`), "shown for 5 minutes more")
		assert.Empty(t, p.query(`up`))
	})
}

// traced sends one call that belongs to a trace.
func (s *stack) traced(t *testing.T, trace string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.tap+"/v1/embeddings", strings.NewReader(`{"model": "`+model+`", "input": "traced"}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// TestNativeHistograms: with exponential histograms the same metrics come out as native ones, by every way.
func TestNativeHistograms(t *testing.T) {
	const calls, failed = 40, 3
	w := startWays(t, nil, section(t, "native-histograms.yaml"))
	w.sendCalls(t, calls/2, failed)
	for _, p := range w.servers { // a rate needs two samples that differ
		p.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == calls/2 }, "the first half is counted")
	}
	w.sendCalls(t, calls/2, 0)
	w.each(t, func(t *testing.T, p *prometheusServer) {
		p.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == calls }, "every call is counted")
		assertContract(t, p, w.instance(p), calls, failed, true)
		p.eventually(`histogram_quantile(0.95, sum(rate(embedding_request_duration_seconds[5m])))`,
			func(v float64) bool { return v > 0 && v < 5 }, "a quantile of the calls")
		assert.InDelta(t, 1, p.value(`histogram_fraction(0, 5, sum(rate(embedding_request_duration_seconds[5m])))`), 1e-6,
			"the share of calls below a bound, which need not be one of a bucket")
	})
}

// seriesOf returns the names and labels of all series of our metrics, without job, instance and the way a bound is written.
func seriesOf(p *prometheusServer) []string {
	p.t.Helper()
	var all []string
	for _, s := range p.query(`{__name__=~"` + ours.String()[1:] + `.+"}`) {
		delete(s.Labels, "job")
		delete(s.Labels, "instance")
		if le, err := strconv.ParseFloat(s.Labels["le"], 64); err == nil {
			s.Labels["le"] = strconv.FormatFloat(le, 'g', -1, 64)
		}
		all = append(all, fmt.Sprint(s.Labels))
	}
	slices.Sort(all)
	return all
}
