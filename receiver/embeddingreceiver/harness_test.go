package embeddingreceiver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadatatest"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	patience = 10 * time.Second
	tick     = 2 * time.Millisecond
)

// rig is a receiver made and started through its factory.
type rig struct {
	cfg       *Config
	logs      *consumertest.LogsSink
	traces    *consumertest.TracesSink
	telemetry *componenttest.Telemetry
	tap       string // URL
	ingest    string // URL of /v1/events
	// shutdown stops the receiver, all of it; it runs at the end of the test in any case.
	shutdown func(ctx context.Context) error
}

type options struct {
	upstream   string
	configure  func(*Config)
	nextLogs   consumer.Logs   // in place of the sink
	nextTraces consumer.Traces // in place of the sink
	noTraces   bool
	withIngest bool
	noTap      bool
	logger     *zap.Logger // of the receiver itself
}

func startReceiver(t testing.TB, o options) *rig {
	t.Helper()
	r := &rig{
		cfg:       createDefaultConfig().(*Config),
		logs:      &consumertest.LogsSink{},
		traces:    &consumertest.TracesSink{},
		telemetry: componenttest.NewTelemetry(),
	}
	if !o.noTap {
		address := freeAddress(t)
		tap := r.cfg.Tap.GetOrInsertDefault()
		tap.ServerConfig.NetAddr.Endpoint = address
		tap.Upstream.Endpoint = o.upstream
		tap.Analysis.ShedLoad = false // tests share a machine
		tap.Analysis.FlushInterval = tick
		r.tap = "http://" + address
	}
	if o.withIngest {
		address := freeAddress(t)
		r.cfg.Ingest.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = address
		r.ingest = "http://" + address + ingestPath
	}
	r.cfg.FingerprintKey = "a key for tests"
	if o.configure != nil {
		o.configure(r.cfg)
	}
	require.NoError(t, r.cfg.Validate())

	factory := NewFactory()
	set := metadatatest.NewSettings(r.telemetry)
	set.BuildInfo.Version = "1.2.3"
	if o.logger != nil {
		set.Logger = o.logger
	}
	nextLogs := o.nextLogs
	if nextLogs == nil {
		nextLogs = r.logs
	}
	logs, err := factory.CreateLogs(t.Context(), set, r.cfg, nextLogs)
	require.NoError(t, err)
	parts := []component.Component{logs}
	if !o.noTraces {
		nextTraces := o.nextTraces
		if nextTraces == nil {
			nextTraces = r.traces
		}
		traces, err := factory.CreateTraces(t.Context(), set, r.cfg, nextTraces)
		require.NoError(t, err)
		parts = append(parts, traces)
	}
	for _, part := range parts {
		require.NoError(t, part.Start(t.Context(), componenttest.NewNopHost()))
	}
	r.shutdown = func(ctx context.Context) error {
		var errs error
		for _, part := range parts {
			errs = errors.Join(errs, part.Shutdown(ctx))
		}
		return errs
	}
	t.Cleanup(func() {
		_ = r.shutdown(context.Background())
		require.NoError(t, r.telemetry.Shutdown(context.Background()))
	})
	return r
}

func freeAddress(t testing.TB) string {
	t.Helper()
	return collector.Address(t)
}

// serveUpstream starts an embedding server of a kind.
func serveUpstream(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv
}

// newClient returns a client that adds nothing to what a test says.
func newClient(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// post sends a JSON body and returns the status and body of the answer.
func post(t testing.TB, client *http.Client, url, body string) (int, string) {
	t.Helper()
	res, err := client.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(answer)
}

// waitForEvents returns the first n events that arrive, and fails if more do.
func (r *rig) waitForEvents(t testing.TB, n int) []plog.LogRecord {
	t.Helper()
	require.Eventually(t, func() bool { return r.logs.LogRecordCount() >= n }, patience, tick)
	var records []plog.LogRecord
	for _, ld := range r.logs.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					records = append(records, lr)
				}
			}
		}
	}
	require.Len(t, records, n)
	return records
}

func (r *rig) waitForEvent(t testing.TB) *embedding.Event {
	t.Helper()
	var ev embedding.Event
	require.True(t, ev.ReadLogRecord(r.waitForEvents(t, 1)[0]))
	return &ev
}

func (r *rig) waitForSpans(t testing.TB, n int) []ptrace.Span {
	t.Helper()
	require.Eventually(t, func() bool { return r.traces.SpanCount() >= n }, patience, tick)
	var spans []ptrace.Span
	for _, td := range r.traces.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					spans = append(spans, span)
				}
			}
		}
	}
	require.Len(t, spans, n)
	return spans
}

// sum returns a counter's values by their attribute reason, "" where there is none.
func (r *rig) sum(t testing.TB, name string) map[string]int64 {
	t.Helper()
	values := map[string]int64{}
	m, err := r.telemetry.GetMetric(name)
	if err != nil {
		return values // nothing counted yet
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		why, _ := p.Attributes.Value("reason")
		values[why.AsString()] = p.Value
	}
	return values
}

func (r *rig) dropped(t testing.TB) map[string]int64 {
	return r.sum(t, "otelcol_embedding_tap_dropped_events")
}

func (r *rig) unanalyzed(t testing.TB) map[string]int64 {
	return r.sum(t, "otelcol_embedding_tap_unanalyzed_calls")
}

func (r *rig) gauge(t testing.TB, name string) int64 {
	t.Helper()
	m, err := r.telemetry.GetMetric(name)
	require.NoError(t, err)
	return m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value
}

// capturedMemory returns the memory that copies of bodies take.
func (r *rig) capturedMemory(t testing.TB) int64 {
	t.Helper()
	return r.gauge(t, "otelcol_embedding_tap_captured_memory")
}

// testVector returns a vector that is the same for the same arguments.
func testVector(dimension, seed int) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32((i*31+seed*17)%1000)/1000 - 0.5
	}
	return v
}

// embeddingsAnswer returns an answer of OpenAI's API with n vectors, as floats or base64.
func embeddingsAnswer(n, dimension int, asBase64 bool) []byte {
	type item struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	items := make([]item, n)
	for i := range items {
		v := testVector(dimension, i)
		items[i] = item{"embedding", i, v}
		if asBase64 {
			items[i].Embedding = base64.StdEncoding.EncodeToString(vector.AppendFloat32s(nil, v))
		}
	}
	var out bytes.Buffer
	err := json.NewEncoder(&out).Encode(map[string]any{
		"id": "embd-1", "object": "list", "created": 1, "model": "qwen3-embedding-4b", "data": items,
		"usage": map[string]int{"prompt_tokens": 5 * n, "total_tokens": 5 * n},
	})
	if err != nil {
		panic(err) // numbers and texts always marshal
	}
	return out.Bytes()
}
