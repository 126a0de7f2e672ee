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

// prometheusServer is a real Prometheus.
type prometheusServer struct {
	t       *testing.T
	url     string
	process *collector.Process
	start   func() *collector.Process
}

// startPrometheus starts a Prometheus that scrapes target every second and loads the rule files.
func startPrometheus(t *testing.T, target string, rules ...string) *prometheusServer {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	require.NoError(t, err, "these tests need prometheus on the PATH (Debian: apt-get install prometheus)")
	return runPrometheus(t, binary, scrapeConfig(target)+ruleFiles(rules))
}

// prometheus3 returns the path of a Prometheus 3, which Debian does not have.
func prometheus3(t *testing.T) string {
	t.Helper()
	path := os.Getenv("E2E_PROMETHEUS")
	require.NotEmpty(t, path, "these tests need Prometheus 3: make build/backends/prometheus, and E2E_PROMETHEUS is its path")
	return path
}

// scrapeConfig is a configuration that scrapes one target; more are further keys of the scrape, one a line.
func scrapeConfig(target string, more ...string) string {
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
  - job_name: otelcol-embedding
    static_configs: [{targets: [%q]}]
`, target)
	for _, line := range more {
		config += "    " + line + "\n"
	}
	return config
}

func ruleFiles(files []string) string {
	return "rule_files: [" + joinQuoted(files) + "]\n"
}

// runPrometheus starts a Prometheus with a configuration that promtool has checked first, and waits until it is ready.
func runPrometheus(t *testing.T, binary, config string, flags ...string) *prometheusServer {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	promtool := filepath.Join(filepath.Dir(binary), "promtool")
	check := collector.Start(t, promtool, nil, "check", "config", file)
	require.NoError(t, check.Wait(), check.Output())

	address := collector.Address(t)
	p := &prometheusServer{t: t, url: "http://" + address}
	p.start = func() *collector.Process {
		process := collector.Start(t, binary, nil, append([]string{
			"--config.file=" + file,
			"--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=" + address,
			"--enable-feature=exemplar-storage",
		}, flags...)...)
		process.WaitHTTP(p.url + "/-/ready")
		return process
	}
	p.process = p.start()
	return p
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
	getJSON(p.t, p.url+path, into)
}

// getJSON decodes what is at a URL, whatever the status, which it returns.
func getJSON(t *testing.T, url string, into any) int {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, into), "%s: %s", resp.Status, body)
	return resp.StatusCode
}
