//go:build e2e

// Package e2e runs the real collector binary between real clients and the demo server, with a real Prometheus that
// scrapes it.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// model is the name of the model that the demo server serves.
const model = "qwen3-embedding-4b"

// overlay is merged over the shipped quickstart configuration: it makes things happen sooner, names the model so that its
// counters start at 0, reads every answer however busy the machine is, and leaves the canary out: its calls would meet
// faults that are planted for a number of calls.
const overlay = `
receivers:
  embedding:
    tap:
      shed_load: false
  nvml:
    collection_interval: 1s
    initial_delay: 0s
processors:
  embedding_quality:
    window: 1s
    reference:
      vectors: 300
connectors:
  embedding_metrics:
    flush_interval: 500ms
    models:
      - name: qwen3-embedding-4b
service:
  pipelines:
    logs:
      receivers: [embedding]
    metrics:
      receivers: [embedding_metrics, nvml]
`

// stack is a demo server with the shipped quickstart configuration in front of it.
type stack struct {
	t          *testing.T
	server     string // base URL of the demo server
	tap        string // base URL of the tap
	ingest     string // base URL of the ingest
	metrics    string // host:port that Prometheus scrapes
	telemetry  string // host:port of the collector's own metrics
	requestLog string // file of the request log
	collector  *collector.Process
	start      func() *collector.Process
	calls      int // of usualCall
}

// startStack starts the demo server and the collector; more is YAML that is merged over the configuration.
func startStack(t *testing.T, env []string, more ...string) *stack {
	t.Helper()
	return startStackWith(t, nil, env, more...)
}

// startStackWith is startStack with further flags of the collector.
func startStackWith(t *testing.T, flags, env []string, more ...string) *stack {
	t.Helper()
	server, tap, ingest := collector.Address(t), collector.Address(t), collector.Address(t)
	metrics, health, telemetry := collector.Address(t), collector.Address(t), collector.Address(t)
	s := &stack{
		t:          t,
		server:     "http://" + server,
		tap:        "http://" + tap,
		ingest:     "http://" + ingest,
		metrics:    metrics,
		telemetry:  telemetry,
		requestLog: filepath.Join(t.TempDir(), "requests.jsonl"),
	}
	startDemo(t, s.server, "--created", "1") // equal requests get equal answers

	args := []string{"--config", filepath.Join(collector.Root(t), "config", "quickstart.yaml")}
	for i, text := range append([]string{overlay}, more...) {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("overlay-%d.yaml", i))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		args = append(args, "--config", file)
	}
	args = append(args, flags...)
	host, port, _ := strings.Cut(telemetry, ":")
	s.start = func() *collector.Process {
		p := collector.Start(t, collector.Binary(t), append(env,
			"EMBEDDING_UPSTREAM="+s.server,
			"EMBEDDING_TAP="+tap,
			"EMBEDDING_INGEST="+ingest,
			"EMBEDDING_METRICS="+metrics,
			"EMBEDDING_HEALTH="+health,
			"EMBEDDING_TELEMETRY="+host,
			"EMBEDDING_TELEMETRY_PORT="+port,
			"EMBEDDING_REQUEST_LOG="+s.requestLog,
		), args...)
		p.WaitHTTP("http://" + health)
		return p
	}
	s.collector = s.start()
	return s
}

// fault switches a fault of the demo server on.
func (s *stack) fault(name string, settings map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(settings)
	require.NoError(s.t, err)
	s.do(http.MethodPut, "/faults/"+name, body)
}

// heal switches every fault off.
func (s *stack) heal() {
	s.t.Helper()
	s.do(http.MethodDelete, "/faults", nil)
}

func (s *stack) do(method, path string, body []byte) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.server+path, bytes.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Less(s.t, resp.StatusCode, 300, "%s %s: %s", method, path, answer)
}

// embed sends one embedding request through the tap and returns the answer's status.
func (s *stack) embed(request map[string]any) int {
	s.t.Helper()
	if _, ok := request["model"]; !ok {
		request["model"] = model
	}
	body, err := json.Marshal(request)
	require.NoError(s.t, err)
	resp, err := http.Post(s.tap+"/v1/embeddings", "application/json", bytes.NewReader(body))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode
}

// texts returns n texts that occur nowhere else in the test, made from words of several languages.
func texts(series string, n int) []string {
	words := []string{
		"latency", "Antwort", "requête", "consulta", "запрос", "嵌入", "ベクトル", "임베딩", "متجه", "वेक्टर",
		"tensor", "Speicher", "mémoire", "respuesta", "сервер", "模型", "検索", "검색", "بحث", "खोज",
	}
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %d:", series, i)
		for j := range 5 + (i*7)%23 {
			b.WriteByte(' ')
			b.WriteString(words[(i*31+j*j*17+j*5)%len(words)])
		}
		out[i] = b.String()
	}
	return out
}

// startDemo starts a demo server at a URL.
func startDemo(t *testing.T, url string, flags ...string) *collector.Process {
	t.Helper()
	demo := collector.Start(t, collector.Demo(t), nil, append([]string{"serve", "--endpoint", strings.TrimPrefix(url, "http://")}, flags...)...)
	demo.WaitHTTP(url + "/health")
	return demo
}
