//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

const (
	// maxIndexLabels bounds the labels of a stream: those that deploy/loki/loki.yaml names.
	maxIndexLabels = 5
	// maxStreams bounds the streams of one host: calls, canaries, reports of windows and GPUs, each a service.
	maxStreams = 4
)

// lokiOverlay is merged over the shipped standalone configuration: it makes things happen sooner.
const lokiOverlay = `
receivers:
  embedding:
    tap:
      shed_load: false
  embedding_canary:
    interval: 1s
    budget: {server_time: 1}
    learning: {rounds: 2}
  nvml:
    library_path: %q
    collection_interval: 1s
    initial_delay: 0s
processors:
  embedding_quality:
    window: 200ms
    min_vectors: 32
    reference:
      vectors: 300
exporters:
  otlp_http/loki: {sending_queue: {batch: {flush_timeout: 200ms}}}
  otlp_http/backend: {sending_queue: {batch: {flush_timeout: 200ms}}}
service:
  pipelines:
    logs:
      exporters: [embedding_metrics, otlp_http/loki] # Jaeger takes traces alone
`

// TestLoki sends everything that queries of logs look for through the shipped standalone configuration into a real Loki: calls that
// are slow, fail, or get wrong vectors or too few, canaries that find the model changed, GPUs with errors.
func TestLoki(t *testing.T) {
	loki, jaeger := startLoki(t), startJaeger(t)
	scenario := filepath.Join(t.TempDir(), "scenario")
	gpu := fakenvml.Healthy(1)
	gpu.Write(t, scenario)
	s := startLogged(t, loki, jaeger, fmt.Sprintf(lokiOverlay, fakenvml.Build(t, t.TempDir())),
		fakenvml.ScenarioEnv+"="+scenario)

	const secret = "nobody but the server may know this sentence"
	require.Equal(t, 200, s.embed(map[string]any{"input": secret}))
	learnUsual(s, loki)

	// What the runbooks are about, one after the other.
	call := func(want int, fault string, value any, request map[string]any) {
		t.Helper()
		if fault != "" {
			settings := map[string]any{"share": 1}
			if value != nil {
				settings["value"] = value
			}
			s.fault(fault, settings)
			defer s.heal()
		}
		require.Equal(t, want, s.embed(request), fault)
	}
	call(200, "latency", 2.1, map[string]any{"input": "slow"})
	call(400, "", nil, map[string]any{"input": "a dimension that the model does not have", "dimensions": 1})
	call(200, "nan", nil, map[string]any{"input": "base64 carries NaN", "encoding_format": "base64"})
	call(200, "zero", nil, map[string]any{"input": "zeros"})
	call(200, "dimension", 512, map[string]any{"input": "another length than asked for", "dimensions": 256})
	call(200, "truncation", 8, map[string]any{"input": strings.Repeat("far more words than tokens ", 40)})
	require.Equal(t, 200, s.embed(map[string]any{"input": []string{"two texts", shortAnswer}}))
	gpu.SetGPU(0, "remapped.pending", 1)
	gpu.Write(t, scenario)
	waitFor(t, loki, `{service_name=~".+"} | hw_state="degraded"`)
	gpu.Set("event.1", "1:0:79")
	gpu.Write(t, scenario)
	s.fault("errors", map[string]any{"share": 1})
	require.Equal(t, 500, s.embed(map[string]any{"input": "the server is ill"}))
	waitFor(t, loki, `{service_name="embedding-canary"} | error_type != ""`)
	s.heal()
	s.fault("rounding", map[string]any{"share": 1, "value": "bf16"})
	waitFor(t, loki, `{service_name="embedding-canary"} | embedding_canary_verdict="numeric_change"`)
	s.heal()
	s.fault("model_swap", map[string]any{"share": 1})
	waitFor(t, loki, `{service_name="embedding-canary"} | embedding_canary_verdict="different_model_or_pooling"`)
	require.Eventually(t, func() bool {
		usualCall(s)
		return len(loki.lines(`{service_name=~".+"} |= "embedding.quality.window" | embedding_quality_verdict="model_changed"`)) > 0
	}, time.Minute, 100*time.Millisecond)
	waitFor(t, loki, `{service_name=~".+"} | nvml_xid_code="79"`)
	waitFor(t, loki, `{service_name="embedding-tap"} | http_response_status_code=500`)

	t.Run("labels", func(t *testing.T) {
		streams := loki.streams()
		assert.LessOrEqual(t, len(streams), maxStreams, "streams: %v", streams)
		for _, labels := range streams {
			assert.LessOrEqual(t, len(labels), maxIndexLabels, "labels of a stream: %v", labels)
			for _, name := range []string{"trace_id", "span_id", "service_instance_id", "gen_ai_request_model"} {
				assert.NotContains(t, labels, name, "would make a stream for each value")
			}
		}
		t.Logf("%d streams: %v", len(streams), streams)
	})
	t.Run("queries in documents", func(t *testing.T) {
		found := documentedLogQL(t)
		require.NotEmpty(t, found)
		values := dashboards.Values{Interval: 2 * time.Second, Range: 10 * time.Minute}
		for _, a := range dashboards.Run(t.Context(), "loki", loki.url, found, values, time.Now()) {
			if assert.NoError(t, a.Err, "%s: %s", a.Query.Board, a.Expr) {
				assert.Positive(t, a.Series, "%s has no data: %s", a.Query.Board, a.Expr)
			}
		}
		t.Logf("%d queries", len(found))
	})
	t.Run("queries of dashboards", func(t *testing.T) {
		boards, err := dashboards.Load(filepath.Join(collector.Root(t), "deploy/grafana/dashboards"))
		require.NoError(t, err)
		values := dashboards.Values{
			Variables: map[string]string{"service": ".+", "model": model}, Interval: 2 * time.Second, Range: 10 * time.Minute,
		}
		n := 0
		for _, b := range boards {
			for _, a := range dashboards.Run(t.Context(), "loki", loki.url, b.Queries(), values, time.Now()) {
				n++
				if assert.NoError(t, a.Err, "%s: %s", a.Query, a.Expr) {
					assert.Positive(t, a.Series, "%s has no data: %s", a.Query, a.Expr)
				}
			}
		}
		assert.Positive(t, n)
		t.Logf("%d queries", n)
	})
	t.Run("a line leads to its span", func(t *testing.T) {
		lines := loki.lines(`{service_name="embedding-tap"} | http_response_status_code = 500`)
		require.Len(t, lines, 1)
		trace, span := lines[0].Labels["trace_id"], lines[0].Labels["span_id"]
		require.Len(t, trace, 32)
		assert.NotContains(t, lines[0].Line, trace, "trace ids are structured metadata and no part of a line")
		require.Eventually(t, func() bool {
			return slices.ContainsFunc(jaeger.spans(trace), func(s backendSpan) bool {
				return s.SpanID == span && s.attribute("http.response.status_code") == "500"
			})
		}, time.Minute, 200*time.Millisecond, "span %s of trace %s", span, trace)
	})
	t.Run("a verdict finds its traces, and they their lines", func(t *testing.T) {
		var traces []string
		require.Eventually(t, func() bool {
			traces = jaeger.tagged("embedding-tap", "embedding.quality.verdict", "invalid_output")
			return len(traces) >= 2
		}, time.Minute, 200*time.Millisecond, "calls that got NaN, and zeros")
		for _, trace := range traces {
			assert.Len(t, loki.lines(fmt.Sprintf(`{service_name="embedding-tap"} | trace_id=%q | embedding_quality_verdict="invalid_output"`, trace)), 1)
		}
	})
	t.Run("no text and no vector", func(t *testing.T) {
		lines := loki.lines(`{service_name=~".+"}`)
		require.NotEmpty(t, lines)
		require.NotEmpty(t, loki.lines(`{service_name="embedding-tap"} | embedding_input_count > 0`))
		for _, expr := range []string{
			fmt.Sprintf(`{service_name=~".+"} |= %q`, secret),
			`{service_name=~".+"} | embedding_vectors != ""`,
			`{service_name=~".+"} | embedding_input_texts != ""`,
			`{service_name=~".+"} | embedding_input_fingerprints != ""`,
		} {
			assert.Empty(t, loki.lines(expr), expr)
		}
		for _, line := range lines {
			for name, value := range line.Labels {
				assert.NotContains(t, value, secret, name)
				assert.Less(t, len(value), 512, "%s is long for what is no vector: %s", name, value)
			}
			assert.Less(t, len(line.Line), 512, line.Line)
		}
		call := loki.lines(`{service_name="embedding-tap"} | embedding_input_count = 16`)[0]
		metadata := 0
		for name, value := range call.Labels {
			metadata += len(name) + len(value)
		}
		t.Logf("a call of 16 texts has %d bytes of line and %d bytes of metadata: %s %v", len(call.Line), metadata, call.Line, call.Labels)
	})
}

// shortAnswer is a text that makes the server of startLogged leave out a vector.
const shortAnswer = "this text gets no vector"

// startLogged starts the demo server and the shipped standalone configuration in front of it, with its logs in loki and its traces
// in jaeger.
func startLogged(t *testing.T, loki *lokiServer, jaeger *jaegerServer, overlay string, env ...string) *stack {
	t.Helper()
	server, tap := collector.Address(t), collector.Address(t)
	s := &stack{t: t, server: "http://" + server, tap: "http://" + tap}
	startDemo(t, s.server)
	upstream := httptest.NewServer(leavesOut(t, s.server))
	t.Cleanup(upstream.Close)
	startShipped(t, "standalone.yaml", append(env,
		"EMBEDDING_UPSTREAM="+upstream.URL,
		"EMBEDDING_TAP="+tap,
		"EMBEDDING_INGEST="+collector.Address(t),
		"EMBEDDING_METRICS="+collector.Address(t),
		"VLLM_TARGET="+server,
		"OTLP_GRPC="+collector.Address(t),
		"OTLP_HTTP="+collector.Address(t),
		"LOKI_ENDPOINT="+loki.url+"/otlp",
		"OTLP_ENDPOINT="+jaeger.url,
	), overlay)
	return s
}

// leavesOut passes calls on to a server, except that a batch with shortAnswer gets one vector only: no fault of the demo server.
func leavesOut(t *testing.T, server string) http.Handler {
	target, err := url.Parse(server)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, err := body.ReadFrom(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if strings.Contains(body.String(), shortAnswer) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{
				"object": "list", "model": model, "usage": map[string]int{"prompt_tokens": 9, "total_tokens": 9},
				"data": []any{map[string]any{"object": "embedding", "index": 0, "embedding": []float32{0.6, 0.8}}},
			})
			return
		}
		r.Body = http.NoBody
		if body.Len() > 0 {
			r.Body = readCloser{&body}
		}
		proxy.ServeHTTP(w, r)
	})
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// usualCall sends a batch of texts that never come again and one that always does.
func usualCall(s *stack) {
	s.t.Helper()
	s.calls++
	batch := append(texts(fmt.Sprint("usual ", s.calls), 15), "a text that comes again")
	require.Equal(s.t, 200, s.embed(map[string]any{"input": batch, "dimensions": 256, "encoding_format": "base64"}))
}

// learnUsual sends calls until it is known what is usual, and the canary knows its texts.
func learnUsual(s *stack, loki *lokiServer) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		for range 20 {
			usualCall(s)
		}
		return len(loki.lines(`{service_name=~".+"} |= "embedding.quality.window" | embedding_quality_verdict="healthy"`)) > 0
	}, 3*time.Minute, time.Millisecond, "the first healthy window")
	waitFor(s.t, loki, `{service_name="embedding-canary"} | embedding_canary_verdict="same"`)
	require.Equal(s.t, 200, s.embed(map[string]any{"input": []string{"the", "last", "call"}}))
	waitFor(s.t, loki, `{service_name="embedding-tap"} | embedding_input_count=3`)
}

// waitFor waits until a query finds lines.
func waitFor(t *testing.T, loki *lokiServer, expr string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(loki.lines(expr)) > 0 }, time.Minute, 200*time.Millisecond, expr)
}

var logqlBlock = regexp.MustCompile("(?s)```logql\n(.*?)```")

// documentedLogQL returns the queries in the project's documents, with the file in place of the dashboard. A line of a block that
// begins a query is one; an indented line goes on.
func documentedLogQL(t *testing.T) []dashboards.Query {
	t.Helper()
	root := collector.Root(t)
	var queries []dashboards.Query
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "build" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, block := range logqlBlock.FindAllStringSubmatch(string(content), -1) {
			for line := range strings.Lines(block[1]) {
				switch expr := strings.TrimSpace(line); {
				case expr == "" || strings.HasPrefix(expr, "#"):
				case strings.HasPrefix(line, " "):
					queries[len(queries)-1].Expr += " " + expr
				default:
					queries = append(queries, dashboards.Query{Board: name, Source: "loki", Expr: expr})
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	return queries
}
