//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// TestShippedRulesAndDashboards loads the rules of deploy/prometheus, and runs the queries of the dashboards, against what the real
// collector exports, by every way into Prometheus. Rules have no error and no alarm, and every panel has data but those of what is
// not there.
func TestShippedRulesAndDashboards(t *testing.T) {
	rules := shippedRules(t)
	s := startWays(t, rules, verdictsOverlay, `
receivers:
  nvml:
    intervals: {costly: 1s} # energy; what is pushed comes as often as it is read, and rates here are over 10 s
  embedding_canary:
    interval: 1s
    budget: {server_time: 1}
    learning: {rounds: 2}
service:
  pipelines:
    logs:
      receivers: [embedding, embedding_canary]
    metrics:
      receivers: [embedding_metrics, embedding_canary, nvml]
    metrics/push:
      receivers: [embedding_metrics, embedding_canary, nvml]
`)
	s.servers["scrape by Prometheus 2"] = startPrometheus(t, s.metrics, rules...)
	prometheus := s.servers["scrape by Prometheus 2"]

	call := 0
	embed := func() {
		call++
		batch := append(texts(fmt.Sprint("panel ", call), 15), "a text that comes again")
		require.Equal(t, 200, s.embed(map[string]any{"input": batch, "dimensions": 256, "encoding_format": "base64"}))
	}
	require.Eventually(t, func() bool {
		for range 50 {
			embed()
		}
		return prometheus.value(`max(embedding_quality_state{verdict="healthy"})`) == 1
	}, 3*time.Minute, time.Millisecond)
	require.Equal(t, 400, s.embed(map[string]any{"input": "a", "dimensions": 1}))
	s.each(t, func(t *testing.T, p *prometheusServer) {
		p.eventually(`max(embedding_quality_state{verdict="healthy"})`, func(v float64) bool { return v == 1 }, "healthy")
		p.eventually(`min(embedding_canary_ok)`, func(v float64) bool { return v == 1 }, "the canary knows its texts")
		p.eventually(`count(rate(embedding_request_errors_total{status_code="400"}[10s]))`, func(v float64) bool { return v == 1 },
			"the error arrived twice")
		assertPanels(t, p)
		assertRules(t, p)
		assert.Zero(t, counted(t, p.url, "prometheus_tsdb_out_of_order_samples_total"), "samples refused because they came too late")
	})
}

// assertPanels runs the queries of the dashboards.
func assertPanels(t *testing.T, prometheus *prometheusServer) {
	t.Helper()
	boards, err := dashboards.Load(filepath.Join(collector.Root(t), "deploy/grafana/dashboards"))
	require.NoError(t, err)
	values := dashboards.Values{
		Variables:    map[string]string{"model": model, "job": "otelcol-embedding"},
		RateInterval: 10 * time.Second, Interval: 2 * time.Second, Range: time.Minute,
	}
	// What is not there: failures, a change of verdict, vLLM, a GPU in parts or held down, a second replica.
	empty := map[string][]string{
		"embedding-canary":   {"Calls that got no vectors", "annotation Canary verdicts"},
		"embedding-gpus":     {"Memory by MIG device", "Throttling by reason", "XID errors"},
		"embedding-overview": {"Requests in the server", "annotation Verdicts"},
		"embedding-vectors":  {"Evidence against a replica", "annotation Verdicts"},
	}
	for _, b := range boards {
		// The collector's own metrics are at a port that is not scraped here.
		if b.UID == "embedding-collector" {
			continue
		}
		var found []string
		for _, a := range dashboards.Run(t.Context(), "prometheus", prometheus.url, b.Queries(), values, time.Now()) {
			if assert.NoError(t, a.Err, "%s: %s", a.Query, a.Expr) && a.Series == 0 {
				found = append(found, a.Query.Panel)
			}
		}
		slices.Sort(found)
		assert.Equal(t, empty[b.UID], slices.Compact(found), "panels of %s without data", b.UID)
	}

}

// assertRules asks how the rules fare.
func assertRules(t *testing.T, prometheus *prometheusServer) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Type, Health, LastError, State string }
			}
		}
	}
	prometheus.get("/api/v1/rules", &answer)
	count, firing := map[string]int{}, []string{}
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			count[rule.Type]++
			assert.Equal(t, "ok", rule.Health, "%s: %s", rule.Name, rule.LastError)
			if rule.State == "firing" {
				firing = append(firing, rule.Name)
			}
		}
	}
	assert.Empty(t, firing)
	t.Logf("%v rules", count)
}
