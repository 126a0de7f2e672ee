// Package servers tests the sections in config/servers with the real binary: pages as several versions of each server
// write them go in, and the documented names have to come out.
package servers

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// scrapeTimeout bounds the wait for the first scrape to come out of the exporter.
const scrapeTimeout = 60 * time.Second

// vllmPipeline puts vLLM's receiver into the pipeline of quickstart.yaml, as config/servers/README.md says.
const vllmPipeline = "yaml:service::pipelines::metrics::receivers: [embedding_metrics, embedding_canary, nvml, prometheus/vllm]"

// vllmRenames puts the processor for old names behind it.
const vllmRenames = "yaml:service::pipelines::metrics::processors: [memory_limiter, transform/vllm]"

// aboutScrapes are the metrics that the receiver adds for each target, whatever the target exposes.
var aboutScrapes = map[string]string{
	"up":                                    "GAUGE",
	"scrape_duration_seconds":               "GAUGE",
	"scrape_samples_scraped":                "GAUGE",
	"scrape_samples_post_metric_relabeling": "GAUGE",
	"scrape_series_added":                   "GAUGE",
	"target_info":                           "GAUGE",
}

var vllmFamilies = map[string]string{
	"vllm:num_requests_running":           "GAUGE",
	"vllm:num_requests_waiting":           "GAUGE",
	"vllm:kv_cache_usage_perc":            "GAUGE",
	"vllm:prefix_cache_queries_total":     "COUNTER",
	"vllm:prefix_cache_hits_total":        "COUNTER",
	"vllm:prompt_tokens_total":            "COUNTER",
	"vllm:request_success_total":          "COUNTER",
	"vllm:request_prompt_tokens":          "HISTOGRAM",
	"vllm:e2e_request_latency_seconds":    "HISTOGRAM",
	"vllm:request_queue_time_seconds":     "HISTOGRAM",
	"vllm:request_inference_time_seconds": "HISTOGRAM",
	"vllm:request_prefill_time_seconds":   "HISTOGRAM",
}

var vllmValues = map[string]float64{
	"vllm:num_requests_running":              3,
	"vllm:num_requests_waiting":              2,
	"vllm:kv_cache_usage_perc":               0.25,
	"vllm:prefix_cache_queries_total":        4000,
	"vllm:prefix_cache_hits_total":           1000,
	"vllm:prompt_tokens_total":               4096,
	"vllm:request_success_total":             41, // of all finish reasons
	"vllm:request_prompt_tokens sum":         4096,
	"vllm:request_prompt_tokens count":       41,
	"vllm:request_prompt_tokens le=100":      20,
	"vllm:e2e_request_latency_seconds sum":   0.82,
	"vllm:e2e_request_latency_seconds count": 41,
}

var teiFamilies = map[string]string{
	"te_request_count_total":           "COUNTER",
	"te_request_success_total":         "COUNTER",
	"te_embed_count_total":             "COUNTER",
	"te_embed_success_total":           "COUNTER",
	"te_queue_size":                    "GAUGE",
	"te_request_duration":              "HISTOGRAM",
	"te_request_queue_duration":        "HISTOGRAM",
	"te_request_tokenization_duration": "HISTOGRAM",
	"te_request_inference_duration":    "HISTOGRAM",
	"te_embed_tokenization_duration":   "HISTOGRAM",
	"te_embed_inference_duration":      "HISTOGRAM",
	"te_embed_duration":                "HISTOGRAM",
	"te_embed_queue_duration":          "HISTOGRAM",
	"te_request_input_length":          "HISTOGRAM",
	"te_batch_next_size":               "HISTOGRAM",
	"te_batch_next_tokens":             "HISTOGRAM",
}

var teiValues = map[string]float64{
	"te_request_count_total":      40, // of both methods
	"te_queue_size":               4,
	"te_batch_next_size sum":      44,
	"te_batch_next_size count":    20,
	"te_batch_next_size le=4":     16,
	"te_embed_duration le=0.0049": 30,
}

var llamacppFamilies = map[string]string{
	"llamacpp:prompt_tokens_total":   "COUNTER",
	"llamacpp:prompt_seconds_total":  "COUNTER",
	"llamacpp:requests_processing":   "GAUGE",
	"llamacpp:requests_deferred":     "GAUGE",
	"llamacpp:n_decode_total":        "COUNTER",
	"llamacpp:busy_slots_per_decode": "GAUGE",
	"llamacpp:context_tokens_max":    "GAUGE",
}

var llamacppValues = map[string]float64{
	"llamacpp:requests_processing":   2,
	"llamacpp:requests_deferred":     1,
	"llamacpp:n_decode_total":        120,
	"llamacpp:busy_slots_per_decode": 1.5,
	"llamacpp:context_tokens_max":    480,
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		page     string
		target   string
		more     []string // configurations after the first two
		families map[string]string
		values   map[string]float64
	}{
		{"vllm-0.8", "VLLM_TARGET", []string{vllmPipeline, vllmRenames}, vllmFamilies, vllmValues},
		{"vllm-0.10", "VLLM_TARGET", []string{vllmPipeline, vllmRenames}, vllmFamilies, vllmValues},
		{"vllm-0.14", "VLLM_TARGET", []string{vllmPipeline, vllmRenames}, vllmFamilies, vllmValues},
		// Nothing but the receiver: the current names are right as they are, with or without _total on the page.
		{"vllm-0.14", "VLLM_TARGET", []string{vllmPipeline}, vllmFamilies, vllmValues},
		{"vllm-without_total", "VLLM_TARGET", []string{vllmPipeline}, vllmFamilies, vllmValues},
		// A server on which nothing has failed yet does not have the counter of failures.
		{"tei-1.2", "TEI_TARGET", nil, teiFamilies, teiValues},
		{"tei-1.9", "TEI_TARGET", nil, with(teiFamilies, map[string]string{
			"te_request_failure_total": "COUNTER",
		}), teiValues},
		{"llamacpp-2025", "LLAMACPP_TARGET", nil, llamacppFamilies, llamacppValues},
		{"llamacpp-2026", "LLAMACPP_TARGET", nil, llamacppFamilies, llamacppValues},
	} {
		t.Run(c.page, func(t *testing.T) {
			t.Parallel()
			server, _, _ := strings.Cut(c.page, "-")
			page, err := os.ReadFile(filepath.Join("testdata", c.page+".txt"))
			require.NoError(t, err)
			target := serve(t, page)

			health, metrics := collector.Address(t), collector.Address(t)
			telemetryHost, telemetryPort, _ := strings.Cut(collector.Address(t), ":")
			args := []string{"--config", "config/quickstart.yaml", "--config", quickly(t, server)}
			for _, config := range c.more {
				args = append(args, "--config", config)
			}
			p := collector.Start(t, collector.Binary(t), []string{
				c.target + "=" + target,
				"EMBEDDING_TAP=" + collector.Address(t),
				"EMBEDDING_INGEST=" + collector.Address(t),
				"EMBEDDING_METRICS=" + metrics,
				"EMBEDDING_HEALTH=" + health,
				"EMBEDDING_REQUEST_LOG=" + filepath.Join(t.TempDir(), "requests.jsonl"),
				"EMBEDDING_TELEMETRY=" + telemetryHost,
				"EMBEDDING_TELEMETRY_PORT=" + telemetryPort,
			}, args...)
			p.WaitHTTP("http://" + health)

			require.Eventually(t, func() bool {
				families, _ := scrape(t, "http://"+metrics+"/metrics", server)
				return len(families) > 0
			}, scrapeTimeout, 200*time.Millisecond, "nothing was scraped")
			// What the receiver makes of the first scrape and of the later ones must not differ: only the later ones
			// have the types of the whole page from the start.
			for range 2 {
				families, values := scrape(t, "http://"+metrics+"/metrics", server)
				assert.Equal(t, with(c.families, aboutScrapes), families)
				for name, want := range c.values {
					assert.Equal(t, want, values[name], name)
				}
				time.Sleep(2 * time.Second)
			}
			require.NoError(t, p.Stop(), p.Output())
			assert.NotContains(t, p.Output(), "samples with different value but same timestamp")
			assert.NotContains(t, p.Output(), "failed to add datapoint")
		})
	}
}

// TestValidate checks the combinations that config/servers/README.md gives, and that the one it warns of is refused.
func TestValidate(t *testing.T) {
	agent := []string{
		"SERVER_METRICS_PROCESSORS=[memory_limiter, resource/host]",
		"SERVER_METRICS_EXPORTERS=[otlp_grpc/gateway]",
	}
	withoutVLLM := "yaml:service::pipelines::metrics::receivers: [embedding_metrics, embedding_canary, nvml, host_metrics]"
	agentWithoutVLLM := "yaml:service::pipelines::metrics::receivers: [embedding_canary, nvml, host_metrics]"
	for _, c := range []struct {
		env     []string
		configs []string
		want    string // part of the message; none if the combination is right
	}{
		{nil, []string{"config/standalone.yaml", "config/servers/vllm.yaml"}, ""},
		{nil, []string{"config/agent.yaml", "config/servers/vllm.yaml"}, ""},
		{nil, []string{"config/quickstart.yaml", "config/servers/vllm.yaml", vllmPipeline}, ""},
		{nil, []string{"config/standalone.yaml", "config/servers/vllm.yaml", vllmRenames}, ""},
		{nil, []string{"config/quickstart.yaml", "config/servers/tei.yaml", "config/servers/llamacpp.yaml"}, ""},
		{nil, []string{"config/standalone.yaml", "config/servers/tei.yaml", withoutVLLM}, ""},
		{nil, []string{"config/standalone.yaml", "config/servers/llamacpp.yaml", withoutVLLM}, ""},
		{agent, []string{"config/agent.yaml", "config/servers/tei.yaml", agentWithoutVLLM}, ""},
		{agent, []string{"config/agent.yaml", "config/servers/llamacpp.yaml", agentWithoutVLLM}, ""},
		{nil, []string{"config/agent.yaml", "config/servers/tei.yaml"}, `references exporter "prometheus"`},
	} {
		t.Run(strings.Join(c.configs[:2], "+"), func(t *testing.T) {
			t.Parallel()
			args := []string{"validate"}
			for _, config := range c.configs {
				args = append(args, "--config", config)
			}
			p := collector.Start(t, collector.Binary(t), c.env, args...)
			err := p.Wait()
			if c.want == "" {
				require.NoError(t, err, p.Output())
				return
			}
			require.Error(t, err)
			assert.Contains(t, p.Output(), c.want)
		})
	}
}

// serve serves page as a server's /metrics and returns its host and port.
func serve(t *testing.T, page []byte) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(page)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// quickly returns a copy of a server's file that differs in the interval only, so that a test need not wait for it.
func quickly(t *testing.T, server string) string {
	t.Helper()
	const interval = "scrape_interval: 15s"
	raw, err := os.ReadFile(filepath.Join(collector.Root(t), "config", "servers", server+".yaml"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(raw), interval))
	file := filepath.Join(t.TempDir(), server+".yaml")
	raw = []byte(strings.Replace(string(raw), interval, "scrape_interval: 1s", 1))
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	return file
}

// scrape reads the exporter's page and returns the type of each metric of job, and its values: of a gauge or a
// counter the sum over its series, of a histogram its parts. It returns nothing before the job's metrics are there.
func scrape(t *testing.T, url, job string) (map[string]string, map[string]float64) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, nil
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	page, err := parser.TextToMetricFamilies(resp.Body)
	if !assert.NoError(t, err) {
		return nil, nil
	}
	families, values := map[string]string{}, map[string]float64{}
	for name, family := range page {
		for _, m := range family.GetMetric() {
			ours := false
			for _, l := range m.GetLabel() {
				ours = ours || l.GetName() == "job" && l.GetValue() == job
			}
			if !ours {
				continue
			}
			families[name] = family.GetType().String()
			values[name] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			h := m.GetHistogram()
			values[name+" sum"] += h.GetSampleSum()
			values[name+" count"] += float64(h.GetSampleCount())
			for _, b := range h.GetBucket() {
				values[fmt.Sprintf("%s le=%v", name, b.GetUpperBound())] += float64(b.GetCumulativeCount())
			}
		}
	}
	return families, values
}

// with returns a copy of base with the entries of more.
func with(base, more map[string]string) map[string]string {
	out := maps.Clone(base)
	maps.Copy(out, more)
	return out
}
