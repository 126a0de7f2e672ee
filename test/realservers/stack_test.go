//go:build realservers

// Package realservers sends calls to real embedding servers that serve a real model, directly and through the tap of
// the real collector: both answers must be the same, and the event must say what the answer says. setup.sh brings the
// servers and the model; a server whose variable is not set is skipped.
package realservers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// config is a collector that writes every event to a file, judged and with its vectors. One worker keeps the order.
const config = `
extensions:
  health_check: {endpoint: %q}
receivers:
  embedding:
    tap:
      shed_load: false # every answer is compared
      endpoint: %q
      provider: %q
      workers: 1
      tokens_unit: %q
      upstream: {endpoint: %q}
processors:
  embedding_quality:
    window: 1h
    keep_vectors: true
    reference: {vectors: 64}
exporters:
  file: {path: %q, flush_interval: 50ms}
service:
  extensions: [health_check]
  telemetry:
    logs: {level: warn}
    metrics: {readers: [{pull: {exporter: {prometheus: {host: %q, port: %s}}}}]}
  pipelines:
    logs: {receivers: [embedding], processors: [embedding_quality], exporters: [file]}
`

// eventTimeout bounds the wait for an event; it is generous because tests share few cores.
const eventTimeout = 30 * time.Second

// server is a real embedding server that runs.
type server struct {
	name string
	url  string
	// volatile matches the parts of an answer that differ between two answers to the same request, volatileHeaders the
	// names of such headers.
	volatile, volatileHeaders *regexp.Regexp
	// tokensUnit is what the server counts.
	tokensUnit string
}

// stack is a collector in front of a real server.
type stack struct {
	server
	tap     string
	metrics string // of the collector itself
	calls   int    // sent through the tap

	file   string // of events
	done   int64  // bytes of it that were read
	events map[pcommon.TraceID]*embedding.Event
}

// setting returns the value of an environment variable, and skips the test where it is not set.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("$%s is not set; see README.md", name)
	}
	_, err := os.Stat(value)
	require.NoError(t, err, "$%s", name)
	return value
}

// watch starts a collector in front of a server.
func watch(t *testing.T, srv server) *stack {
	t.Helper()
	health, tap, metrics := collector.Address(t), collector.Address(t), collector.Address(t)
	s := &stack{
		server: srv, tap: "http://" + tap, metrics: "http://" + metrics + "/metrics",
		file: filepath.Join(t.TempDir(), "events.jsonl"), events: map[pcommon.TraceID]*embedding.Event{},
	}
	host, port := split(metrics)
	text := fmt.Sprintf(config, health, tap, srv.name, srv.tokensUnit, srv.url, s.file, host, port)
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	p := collector.Start(t, collector.Binary(t), nil, "--config", path)
	p.WaitHTTP("http://" + health)
	return s
}

// split returns host and port of an address.
func split(address string) (host, port string) {
	host, port, _ = strings.Cut(address, ":")
	return host, port
}

// event waits for the event of the call with a trace id.
func (s *stack) event(t *testing.T, trace pcommon.TraceID) *embedding.Event {
	t.Helper()
	for deadline := time.Now().Add(eventTimeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.read(t)
		if ev, ok := s.events[trace]; ok {
			return ev
		}
	}
	require.FailNow(t, "a call has no event", "trace %s", trace)
	return nil
}

// read takes what is new in the file, but for a line that is being written.
func (s *stack) read(t *testing.T) {
	t.Helper()
	file, err := os.Open(s.file)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Seek(s.done, io.SeekStart)
	require.NoError(t, err)
	text, err := io.ReadAll(file)
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			return
		}
		s.done += int64(len(line))
		ld, err := new(plog.JSONUnmarshaler).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, resource := range ld.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					ev := new(embedding.Event)
					require.True(t, ev.ReadLogRecord(record), "%s", line)
					require.NotContains(t, s.events, ev.TraceID, "two events for a call")
					s.events[ev.TraceID] = ev
				}
			}
		}
	}
}

// settled checks, at the end of a test, that every call has one event and that the tap could read all of them.
func (s *stack) settled(t *testing.T) {
	t.Helper()
	s.read(t)
	require.Len(t, s.events, s.calls, "one event a call")
	resp, err := http.Get(s.metrics)
	require.NoError(t, err)
	page := string(readAll(t, resp))
	require.Regexp(t, fmt.Sprintf(`(?m)^otelcol_embedding_tap_calls\S* %d$`, s.calls), page)
	require.NotContains(t, page, "\notelcol_embedding_tap_unanalyzed_calls")
	require.NotContains(t, page, "\notelcol_embedding_tap_dropped_events")
	text, err := os.ReadFile(s.file)
	require.NoError(t, err)
	require.NotContains(t, string(text), secret, "texts never leave the collector")
}
