package failopen

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	patience = 30 * time.Second
	tick     = 10 * time.Millisecond
)

// baseConfig is merged under each scenario's own. Its exporter tries for ever.
const baseConfig = `
extensions:
  health_check:
    endpoint: ${env:HEALTH}
receivers:
  embedding:
    tap:
      shed_load: false # counts are exact however busy the machine is
      endpoint: ${env:TAP}
      upstream:
        endpoint: ${env:UPSTREAM}
exporters:
  otlp_http:
    endpoint: ${env:SINK}
    compression: none
    timeout: 60s
    retry_on_failure:
      initial_interval: 50ms
      max_interval: 200ms
      max_elapsed_time: 0s
service:
  extensions: [health_check]
  telemetry:
    logs:
      disable_stacktrace: true
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${env:TELEMETRY_PORT}
  pipelines:
    logs:
      receivers: [embedding]
      exporters: [otlp_http]
`

// answer is what the embedding server answers: one vector of 1024 numbers.
var answer = fmt.Sprintf(`{"model":"m","data":[{"index":0,"embedding":[0.5%s]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`,
	strings.Repeat(",0.25", 1023))

// stack is an embedding server, a collector with its tap before it, and a sink behind it.
type stack struct {
	t         *testing.T
	sink      *sink
	tap       string // host:port
	health    string
	telemetry string // host:port
	env       []string
	args      []string
	disk      string // a folder on a small disk of the collector's own, or none
	process   *collector.Process
	client    *http.Client
	hold      sync.RWMutex // held for writing, it makes the embedding server wait before it answers
	arrived   chan string  // the user agent of each call that has reached the embedding server
}

// startStack starts a collector whose configuration is base with overlay merged over it.
func startStack(t *testing.T, s *sink, overlay string) *stack {
	t.Helper()
	k := newStack(t, s, overlay)
	k.start()
	return k
}

// newStack is startStack without the start of the collector.
func newStack(t *testing.T, s *sink, overlay string) *stack {
	t.Helper()
	k := &stack{
		t: t, sink: s, tap: collector.Address(t), health: collector.Address(t), telemetry: collector.Address(t),
		arrived: make(chan string, 10_000),
	}
	server := httptest.NewServer(http.HandlerFunc(k.serve))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(k.telemetry, ":")
	k.env = []string{
		"HEALTH=" + k.health, "TAP=" + k.tap, "UPSTREAM=" + server.URL, "SINK=" + s.url(), "TELEMETRY_PORT=" + port,
	}
	for i, text := range []string{baseConfig, overlay} {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("config-%d.yaml", i))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		k.args = append(k.args, "--config", file)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	t.Cleanup(transport.CloseIdleConnections)
	k.client = &http.Client{Transport: transport, Timeout: patience}
	return k
}

// start starts the collector and waits until it is ready.
func (k *stack) start() {
	k.t.Helper()
	program, args := collector.Binary(k.t), k.args
	if k.disk != "" {
		program, args = onSmallDisk(k.disk, program, args)
	}
	k.process = collector.Start(k.t, program, k.env, args...)
	k.process.WaitHTTP("http://" + k.health)
}

// serve is the embedding server.
func (k *stack) serve(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // an error is the client's
	k.arrived <- r.UserAgent()
	k.hold.RLock()
	defer k.hold.RUnlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answer)
}

// call makes the nth call with an input of size bytes. Its event is known by the user agent.
func (k *stack) call(n, size int) error {
	body := `{"model":"m","input":"` + strings.Repeat("x", size) + `"}`
	req, err := http.NewRequest(http.MethodPost, "http://"+k.tap+"/v1/embeddings", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", agent(n))
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || string(got) != answer {
		return fmt.Errorf("status %d, %.200s", res.StatusCode, got)
	}
	return nil
}

func agent(n int) string { return fmt.Sprint("client/", n) }

// clients is how many calls are made at a time.
const clients = 16

// callAll makes the calls from..to-1, all of which have to succeed.
func (k *stack) callAll(from, to int) {
	k.t.Helper()
	numbers := make(chan int)
	var done sync.WaitGroup
	for range clients {
		done.Go(func() {
			for n := range numbers {
				assert.NoError(k.t, k.call(n, 100), "call %d", n)
			}
		})
	}
	for n := from; n < to; n++ {
		numbers <- n
	}
	close(numbers)
	done.Wait()
	assert.LessOrEqual(k.t, k.scrape(metricMemory), captureLimit)
	if k.t.Failed() {
		k.t.FailNow()
	}
}

// eventually waits until what it measures is as wanted.
func (k *stack) eventually(what string, want int, measure func() int) {
	k.t.Helper()
	deadline := time.Now().Add(patience)
	for got := measure(); got != want; got = measure() {
		if time.Now().After(deadline) {
			require.Equal(k.t, want, got, what)
		}
		time.Sleep(tick)
	}
}
