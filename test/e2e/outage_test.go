//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPrometheusAway: Prometheus is killed and comes back. What was pushed meanwhile is all there, in order, and nothing was refused.
// By OTLP it also outlives a collector that is killed before Prometheus is back.
func TestPrometheusAway(t *testing.T) {
	// Longer than the time after which the exporters give up by default, and than the gaps that a busy machine makes.
	const away, gap = 8 * time.Second, 3 * time.Second
	w := startWays(t, nil, `
exporters:
  prometheus_remote_write: {retry_on_failure: {initial_interval: 200ms}}
  otlp_http/prometheus: {retry_on_failure: {initial_interval: 200ms, max_interval: 500ms}}
`)
	pushed := []string{"remote write 1", "OTLP"}
	total := 0
	traffic := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			require.Equal(t, 200, w.embed(map[string]any{"input": fmt.Sprint("away ", total), "dimensions": 64}))
			total++
		}
	}
	arrives := func(p *prometheusServer) {
		p.eventually(`sum(max_over_time(embedding_requests_total[5m]))`, func(v float64) bool { return v == float64(total) },
			fmt.Sprintf("all of %d calls", total))
	}
	traffic(2 * time.Second)
	for _, name := range pushed {
		arrives(w.servers[name])
	}
	for _, name := range append(pushed, "remote write 2") {
		w.servers[name].process.Kill()
	}
	traffic(away)
	for _, name := range append(pushed, "remote write 2") {
		w.servers[name].process = w.servers[name].start()
	}
	traffic(time.Second)
	for _, name := range pushed {
		p := w.servers[name]
		arrives(p)
		samples := p.samples(`embedding_requests_total[5m]`)
		require.Greater(t, samples[len(samples)-1].Sub(samples[0]), away, name)
		for i := 1; i < len(samples); i++ {
			assert.Less(t, samples[i].Sub(samples[i-1]), gap, "%s: samples of the outage", name)
		}
		assert.Zero(t, counted(t, p.url, "prometheus_tsdb_out_of_order_samples_total"), name)
	}
	lost := func(exporter string) float64 {
		return counted(t, "http://"+w.telemetry, "otelcol_exporter_send_failed_metric_points", `exporter="`+exporter+`"`)
	}
	assert.Zero(t, lost("prometheus_remote_write"))
	assert.Zero(t, lost("otlp_http/prometheus"))
	assert.Positive(t, lost("prometheus_remote_write/v2"), "it gives up by default: the outage is long enough for that")

	otlp := w.servers["OTLP"]
	otlp.process.Kill()
	before := total
	traffic(2 * time.Second)
	require.Greater(t, total, before)
	time.Sleep(2 * time.Second) // the last calls are counted and queued
	w.collector.Kill()
	w.collector = w.start()
	otlp.process = otlp.start()
	arrives(otlp)
}

// samples returns the times of the samples of one series.
func (p *prometheusServer) samples(expr string) []time.Time {
	p.t.Helper()
	var answer struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	p.get("/api/v1/query?query="+url.QueryEscape(expr), &answer)
	require.Len(p.t, answer.Data.Result, 1, expr)
	var times []time.Time
	for _, v := range answer.Data.Result[0].Values {
		times = append(times, time.UnixMilli(int64(v[0].(float64)*1000)))
	}
	return times
}

// counted sums the series of a metric on the page of a program, of those with all the labels.
func counted(t *testing.T, base, metric string, labels ...string) float64 {
	t.Helper()
	resp, err := http.Get(base + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	sum := 0.0
series:
	for _, m := range regexp.MustCompile(`(?m)^`+metric+`(\{.*\})? (\S+)`).FindAllStringSubmatch(string(body), -1) {
		for _, l := range labels {
			if !strings.Contains(m[1], l) {
				continue series
			}
		}
		v, err := strconv.ParseFloat(m[2], 64)
		require.NoError(t, err)
		sum += v
	}
	return sum
}
