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
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// backend takes what the gateways send, in place of Loki and of a backend for traces, and counts.
type backend struct {
	t *testing.T

	mu       sync.Mutex
	events   map[string]int                     // how often each event came, by the id of its call
	canaries map[string]embedding.CanaryVerdict // what the latest report on a replica says of its canary
	reports  map[reporter]time.Time             // when the latest report came
}

// reporter is a gateway, by its address, that judges a model.
type reporter struct{ gateway, model string }

func startBackend(t *testing.T) *backend {
	b := &backend{t: t, events: map[string]int{}, canaries: map[string]embedding.CanaryVerdict{}, reports: map[reporter]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/otlp/v1/logs", b.logs)
	mux.HandleFunc("/v1/traces", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
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

func (b *backend) logs(w http.ResponseWriter, r *http.Request) {
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		return // the gateway was killed
	}
	body, err := io.ReadAll(unzipped)
	if err != nil {
		return
	}
	req := plogotlp.NewExportRequest()
	if !assert.NoError(b.t, req.UnmarshalProto(body)) {
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
				switch {
				case event.ReadLogRecord(record):
					b.events[event.RequestID]++
				case report.ReadLogRecord(record):
					b.canaries[report.Key.Replica] = report.Canary
					b.reports[reporter{gateway, report.Key.Model}] = time.Now()
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

// canary returns what the latest report on a replica says of its canary.
func (b *backend) canary(replica string) embedding.CanaryVerdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.canaries[replica]
}

// judges is whether reports on a model come from a gateway.
func (b *backend) judges(g *gateway, model string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.reports[reporter{g.address, model}]) < 5*time.Second
}
