//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// siteOverlay is merged over the shipped standalone configuration: everything happens sooner, every answer is read however busy the
// machine is, and the canary and vLLM's metrics are left out where a test does not put them back.
const siteOverlay = `
receivers:
  embedding:
    tap:
      shed_load: false
  nvml:
    collection_interval: 1s
    initial_delay: 0s
processors:
  embedding_quality:
    window: 200ms
    min_vectors: 32
    reference:
      vectors: 300
    models:
      - name: qwen3-embedding-4b
        max_tokens: 32768
connectors:
  embedding_metrics:
    flush_interval: 500ms
    models:
      - name: qwen3-embedding-4b
exporters:
  otlp_http/loki:
    retry_on_failure: {initial_interval: 500ms, max_interval: 1s}
  otlp_http/backend:
    retry_on_failure: {initial_interval: 500ms, max_interval: 1s}
service:
  pipelines:
    logs:
      receivers: [embedding, nvml]
    metrics:
      receivers: [embedding_metrics, nvml]
`

// site is one host: a demo server, and a collector with the shipped standalone configuration in front of it.
type site struct {
	*stack
	demo    *collector.Process
	backend *backend
	// targets are what Prometheus scrapes: what the collector measures, and the collector itself.
	targets []string
	// overlays are merged over the configuration at the next start.
	overlays []string
}

// startSite starts a host with an address of its own, which is one of the loopback's.
func startSite(t *testing.T, ip string, env []string, more ...string) *site {
	t.Helper()
	s := newSite(t, ip, env, more...)
	s.demo = startDemo(t, s.server)
	s.collector = s.start()
	return s
}

// newSite is startSite without the start.
func newSite(t *testing.T, ip string, env []string, more ...string) *site {
	t.Helper()
	address := func() string { return strings.Replace(collector.Address(t), "127.0.0.1", ip, 1) }
	server, tap, health, metrics, telemetry := address(), address(), address(), address(), address()
	s := &site{
		stack:   &stack{t: t, server: "http://" + server, tap: "http://" + tap, metrics: metrics},
		backend: startBackend(t),
		targets: []string{metrics, telemetry},
	}
	s.merge(siteOverlay)
	for _, text := range more {
		s.merge(text)
	}
	host, port, _ := strings.Cut(telemetry, ":")
	environment := append([]string{
		"EMBEDDING_UPSTREAM=" + s.server,
		"EMBEDDING_TAP=" + tap,
		"EMBEDDING_INGEST=" + address(),
		"EMBEDDING_METRICS=" + metrics,
		"EMBEDDING_HEALTH=" + health,
		"EMBEDDING_STORAGE=" + t.TempDir(),
		"EMBEDDING_TELEMETRY=" + host,
		"EMBEDDING_TELEMETRY_PORT=" + port,
		"OTLP_GRPC=" + address(),
		"OTLP_HTTP=" + address(),
		"VLLM_TARGET=" + server,
		"LOKI_ENDPOINT=" + s.backend.url + "/otlp",
		"OTLP_ENDPOINT=" + s.backend.url,
	}, env...)
	s.start = func() *collector.Process {
		args := []string{"--config", filepath.Join(collector.Root(t), "config", "standalone.yaml")}
		for _, file := range s.overlays {
			args = append(args, "--config", file)
		}
		p := collector.Start(t, collector.Binary(t), environment, args...)
		p.WaitHTTP("http://" + health)
		return p
	}
	return s
}

// merge adds YAML that is merged over the configuration at the next start.
func (s *site) merge(text string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), fmt.Sprintf("overlay-%d.yaml", len(s.overlays)))
	require.NoError(s.t, os.WriteFile(file, []byte(text), 0o600))
	s.overlays = append(s.overlays, file)
}

// backend stands for Loki and a backend of traces: it takes everything, or answers with another status.
type backend struct {
	url    string
	status atomic.Int64
}

func startBackend(t *testing.T) *backend {
	b := &backend{}
	b.status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(int(b.status.Load()))
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// traffic is what clients send through a tap, until the end of the test.
type traffic struct {
	tap   string
	next  atomic.Pointer[maker]
	pause atomic.Int64
}

// maker makes the n-th request.
type maker func(n int) map[string]any

// single is a call of one text that comes once.
func single(n int) map[string]any {
	return map[string]any{"input": fmt.Sprintf("the weather in the city today %d", n)}
}

// startTraffic starts clients that send one call after the other, with a pause. Whatever they are answered, they go on.
func startTraffic(t *testing.T, tap string, clients int, pause time.Duration, r maker) *traffic {
	t.Helper()
	f := &traffic{tap: tap}
	f.send(r)
	f.every(pause)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var n atomic.Int64
	for range clients {
		wg.Go(func() {
			for n.Load() < 200_000 {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(f.pause.Load())):
				}
				if r := *f.next.Load(); r != nil {
					f.post(r(int(n.Add(1))))
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		wg.Wait()
	})
	return f
}

// send sets what is sent from now on; nil for nothing.
func (f *traffic) send(r maker) { f.next.Store(&r) }

// every sets the pause of each client.
func (f *traffic) every(pause time.Duration) { f.pause.Store(int64(pause)) }

func (f *traffic) post(r map[string]any) {
	tap := f.tap
	if other, ok := r["tap"].(string); ok {
		tap = other
		delete(r, "tap")
	}
	if r["model"] == nil {
		r["model"] = model
	}
	if r["encoding_format"] == nil {
		r["encoding_format"] = "base64"
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // of maps of strings and numbers
	}
	resp, err := http.Post(tap+"/v1/embeddings", "application/json", bytes.NewReader(body))
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}
