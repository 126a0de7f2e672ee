//go:build e2e

package hosts

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// backend takes what the gateways send, in place of Loki and of a backend for traces, and counts.
type backend struct {
	t *testing.T

	mu       sync.Mutex
	events   map[string]int                     // how often each event came, by the id of its call
	spans    map[pcommon.SpanID]int             // how often each span came
	canaries map[string]embedding.CanaryVerdict // what the latest report on a replica says of its canary
	results  map[result]bool                    // of canaries
	reports  map[reporter][]time.Time           // when reports came
}

// reporter is a gateway, by its address, that judges a model, and a replica that its reports are on.
type reporter struct{ gateway, model, replica string }

// result is what a canary found, by its host and when it was.
type result struct {
	host string
	at   time.Time
}

func startBackend(t *testing.T) *backend {
	b := &backend{
		t:        t,
		events:   map[string]int{},
		spans:    map[pcommon.SpanID]int{},
		canaries: map[string]embedding.CanaryVerdict{},
		results:  map[result]bool{},
		reports:  map[reporter][]time.Time{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/otlp/v1/logs", b.logs)
	mux.HandleFunc("/v1/traces", b.traces)
	l, err := net.Listen("tcp", own+":3100")
	require.NoError(t, err)
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: mux}}
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return b
}

// body returns what a gateway sends, nothing if it was killed while it did.
func body(r *http.Request) []byte {
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(unzipped)
	if err != nil {
		return nil
	}
	return body
}

func (b *backend) traces(w http.ResponseWriter, r *http.Request) {
	req := ptraceotlp.NewExportRequest()
	if !assert.NoError(b.t, req.UnmarshalProto(body(r))) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, resource := range req.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				b.spans[span.SpanID()]++
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (b *backend) logs(w http.ResponseWriter, r *http.Request) {
	req := plogotlp.NewExportRequest()
	if !assert.NoError(b.t, req.UnmarshalProto(body(r))) {
		return
	}
	gateway, _, _ := strings.Cut(r.RemoteAddr, ":")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, resource := range req.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				var event embedding.Event
				var report embedding.WindowReport
				var canary embedding.CanaryResult
				switch {
				case event.ReadLogRecord(record):
					b.events[event.RequestID]++
				case canary.ReadLogRecord(record):
					b.results[result{canary.ServerAddress, canary.End}] = true
				case report.ReadLogRecord(record):
					b.canaries[report.Key.Replica] = report.Canary
					key := reporter{gateway, report.Key.Model, report.Key.Replica}
					b.reports[key] = append(b.reports[key], time.Now())
				}
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// count returns how many of the calls came, and how many events came for a second and further time.
func (b *backend) count(calls []string) (came, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range calls {
		if n := b.events[id]; n > 0 {
			came++
			again += n - 1
		}
	}
	return came, again
}

// arrive waits for the events of calls, and returns how many of them came for a second and further time.
func (b *backend) arrive(what string, calls []string) (again int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		var came int
		came, again = b.count(calls)
		return came == len(calls)
	}, 2*time.Minute, 100*time.Millisecond, "%s: not all events of %d calls came", what, len(calls))
	return again
}

// countSpans returns how many spans came, and how many came for a second and further time.
func (b *backend) countSpans() (came, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.spans {
		again += n - 1
	}
	return len(b.spans), again
}

// canary returns what the latest report on a replica says of its canary.
func (b *backend) canary(replica string) embedding.CanaryVerdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.canaries[replica]
}

// canaryResultsSince returns how many results of canaries came that are younger than a time.
func (b *backend) canaryResultsSince(begin time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for r := range b.results {
		if r.at.After(begin) {
			n++
		}
	}
	return n
}

// judges is whether reports on a model come from a gateway.
func (b *backend) judges(g *gateway, model string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, times := range b.reports {
		if key.gateway == g.address && key.model == model && time.Since(times[len(times)-1]) < 5*time.Second {
			return true
		}
	}
	return false
}

// silence returns the longest time since begin in which no report on a server came from a gateway.
func (b *backend) silence(g *gateway, s *server, begin time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	longest, last := time.Duration(0), begin
	for _, at := range append(b.reports[reporter{g.address, s.model, s.replica()}], time.Now()) {
		if at.After(begin) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return longest
}
