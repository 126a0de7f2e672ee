//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// prometheusServer is a real Prometheus that scrapes one target every second.
type prometheusServer struct {
	t   *testing.T
	url string
}

// startPrometheus starts a Prometheus that scrapes target and loads the rule files.
func startPrometheus(t *testing.T, target string, rules ...string) *prometheusServer {
	t.Helper()
	return runPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
  - job_name: otelcol-embedding
    static_configs: [{targets: [%q]}]
rule_files: [%s]
`, target, joinQuoted(rules)))
}

// runPrometheus starts a Prometheus with a configuration, checked by promtool first.
func runPrometheus(t *testing.T, config string) *prometheusServer {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "these tests need prometheus on the PATH (Debian: apt-get install prometheus)")
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	check := collector.Start(t, "promtool", nil, "check", "config", file)
	require.NoError(t, check.Wait(), check.Output())

	address := collector.Address(t)
	p := collector.Start(t, binary, nil,
		"--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address,
		"--enable-feature=exemplar-storage")
	p.WaitHTTP("http://" + address + "/-/ready")
	return &prometheusServer{t: t, url: "http://" + address}
}

func joinQuoted(files []string) string {
	out := ""
	for _, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			panic(err)
		}
		out += strconv.Quote(abs) + ","
	}
	return out
}

// sample is one series of an instant query's answer.
type sample struct {
	Labels map[string]string
	Value  float64
}

// query runs an instant query now.
func (p *prometheusServer) query(expr string) []sample {
	p.t.Helper()
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	p.get("/api/v1/query?query="+url.QueryEscape(expr), &answer)
	require.Equal(p.t, "success", answer.Status, "%s: %s", expr, answer.Error)
	samples := make([]sample, 0, len(answer.Data.Result))
	for _, r := range answer.Data.Result {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		require.NoError(p.t, err)
		samples = append(samples, sample{Labels: r.Metric, Value: v})
	}
	return samples
}

// value runs an instant query that yields one series, or none, which counts as 0.
func (p *prometheusServer) value(expr string) float64 {
	p.t.Helper()
	samples := p.query(expr)
	require.LessOrEqual(p.t, len(samples), 1, expr)
	if len(samples) == 0 {
		return 0
	}
	return samples[0].Value
}

// eventually waits until the query's value meets the condition.
func (p *prometheusServer) eventually(expr string, condition func(float64) bool, what string) {
	p.t.Helper()
	p.within(time.Minute, expr, condition, what)
}

// within is eventually for what takes longer.
func (p *prometheusServer) within(timeout time.Duration, expr string, condition func(float64) bool, what string) {
	p.t.Helper()
	var last float64
	deadline := time.Now().Add(timeout)
	for {
		last = p.value(expr)
		if condition(last) {
			return
		}
		if time.Now().After(deadline) {
			require.FailNow(p.t, "the condition was not met in time", "%s: %s, last value %v", expr, what, last)
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// alertState returns "firing", "pending" or "inactive".
func (p *prometheusServer) alertState(name string) string {
	p.t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, State, Health, LastError string }
			}
		}
	}
	p.get("/api/v1/rules", &answer)
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.Name == name {
				require.NotEqual(p.t, "err", r.Health, "%s: %s", name, r.LastError)
				return r.State
			}
		}
	}
	require.FailNow(p.t, "no such rule", name)
	return ""
}

// exemplars returns the trace ids of the exemplars that the query's series carry.
func (p *prometheusServer) exemplars(expr string) []string {
	p.t.Helper()
	var answer struct {
		Data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
	}
	now := time.Now()
	p.get(fmt.Sprintf("/api/v1/query_exemplars?query=%s&start=%d&end=%d",
		url.QueryEscape(expr), now.Add(-time.Hour).Unix(), now.Add(time.Minute).Unix()), &answer)
	var ids []string
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			ids = append(ids, e.Labels["trace_id"])
		}
	}
	return ids
}

func (p *prometheusServer) get(path string, into any) {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(body, into), string(body))
}
