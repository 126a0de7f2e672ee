//go:build e2e

package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// configuration returns the arguments for shipped configurations with YAML merged over them.
func configuration(t *testing.T, overlay string, shipped ...string) []string {
	t.Helper()
	var args []string
	for _, name := range shipped {
		args = append(args, "--config", filepath.Join(collector.Root(t), "config", name))
	}
	file := filepath.Join(t.TempDir(), "overlay.yaml")
	require.NoError(t, os.WriteFile(file, []byte(overlay), 0o600))
	return append(args, "--config", file)
}

// gateway is a host with a gateway, which can be ended and started again.
type gateway struct {
	*host
	env     []string
	args    []string
	process *collector.Process
}

// newGateway returns a gateway that is not started.
func (n *network) newGateway(name, overlay string, env ...string) *gateway {
	n.t.Helper()
	h := n.newHost(name)
	return &gateway{
		host: h,
		env: append([]string{
			"OTLP_GRPC=0.0.0.0:4317",
			"OTLP_HTTP=0.0.0.0:4318",
			"EMBEDDING_METRICS=0.0.0.0:9464",
			"EMBEDDING_HEALTH=0.0.0.0:13133",
			"EMBEDDING_TELEMETRY=0.0.0.0",
			"EMBEDDING_STORAGE=" + n.t.TempDir(),
			"LOKI_ENDPOINT=http://" + own + ":3100/otlp",
			"OTLP_ENDPOINT=http://" + own + ":3100",
		}, env...),
		args: configuration(n.t, overlay, "gateway.yaml"),
	}
}

func (g *gateway) start() {
	g.network.t.Helper()
	g.process = g.host.start(collector.Binary(g.network.t), g.env, g.args...)
	g.process.WaitHTTP("http://" + g.address + ":13133")
}

// metrics returns the series that the gateway shows.
func (g *gateway) metrics() []string { return scrape(g.network.t, "http://"+g.address+":9464/metrics") }

// counts is whether the gateway counts calls.
func (g *gateway) counts() bool { return len(find(g.metrics(), "embedding_requests_total{")) > 0 }

// reportsDropped returns how many reports the gateway did not merge for a reason, since its start.
func (g *gateway) reportsDropped(reason string) int {
	return g.own("otelcol_processor_embedding_quality_reports_dropped{", fmt.Sprintf("reason=%q", reason))
}

// own returns the sum of a host's collector's own metrics with all of the given parts.
func (h *host) own(parts ...string) int {
	sum := 0
	for _, s := range find(scrape(h.network.t, "http://"+h.address+":8888/metrics"), parts...) {
		v, err := strconv.Atoi(s[strings.LastIndexByte(s, ' ')+1:])
		require.NoError(h.network.t, err, s)
		sum += v
	}
	return sum
}

// scrape returns the series of a page of metrics, with their values, none if there is nobody to ask.
func scrape(t *testing.T, url string) []string {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var series []string
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			series = append(series, line)
		}
	}
	return series
}

// find returns the series that contain all parts.
func find(series []string, parts ...string) []string {
	var found []string
next:
	for _, s := range series {
		for _, part := range parts {
			if !strings.Contains(s, part) {
				continue next
			}
		}
		found = append(found, s)
	}
	return found
}

// agent is a host with embedding servers and an agent in front of them.
type agent struct {
	*host
	env     []string
	args    []string
	process *collector.Process
}

// newAgent returns an agent that is not started, with the given shipped configurations.
func (n *network) newAgent(name, model, overlay string, shipped []string, env ...string) *agent {
	n.t.Helper()
	return &agent{
		host: n.newHost(name),
		env: append([]string{
			"HOST_NAME=" + name,
			"EMBEDDING_MODEL=" + model,
			"EMBEDDING_TAP=0.0.0.0:8080",
			"EMBEDDING_HEALTH=0.0.0.0:13133",
			"EMBEDDING_TELEMETRY=0.0.0.0",
			"EMBEDDING_STORAGE=" + n.t.TempDir(),
		}, env...),
		args: configuration(n.t, overlay, shipped...),
	}
}

func (a *agent) start(env ...string) {
	a.network.t.Helper()
	a.process = a.host.start(collector.Binary(a.network.t), append(a.env, env...), a.args...)
	a.process.WaitHTTP("http://" + a.address + ":13133")
}

// canaryResults returns how many results the agent's canary has had since its start.
func (a *agent) canaryResults() int {
	return a.own("otelcol_receiver_accepted_log_records{", `receiver="embedding_canary"`)
}

// server is an embedding server on an agent's host, behind a tap.
type server struct {
	agent *agent
	model string
	port  int
	tap   int // port of the tap
}

// startServer starts an embedding server.
func (a *agent) startServer(model string, port, tap int) *server {
	t := a.network.t
	t.Helper()
	s := &server{agent: a, model: model, port: port, tap: tap}
	p := a.host.start(collector.Demo(t), nil, "serve", "--endpoint", fmt.Sprint("0.0.0.0:", port), "--model", model)
	p.WaitHTTP(fmt.Sprintf("http://%s:%d/health", a.address, port))
	return s
}

// replica is the name by which gateways know the server.
func (s *server) replica() string { return fmt.Sprintf("%s:%d", s.agent.name, s.port) }

// fault switches a fault of the server on.
func (s *server) fault(name, settings string) {
	t := s.agent.network.t
	t.Helper()
	url := fmt.Sprintf("http://%s:%d/faults/%s", s.agent.address, s.port, name)
	req, err := http.NewRequest(http.MethodPut, url, strings.NewReader(settings))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// call asks for the vectors of 16 texts through the tap.
func (s *server) call(id string, n int) error {
	texts := make([]string, 16)
	for i := range texts {
		texts[i] = fmt.Sprintf("the weather in the city today %d %d", n*n, i*n)
	}
	body, err := json.Marshal(map[string]any{"model": s.model, "input": texts, "dimensions": 256, "encoding_format": "base64"})
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://%s:%d/v1/embeddings", s.agent.address, s.tap)
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return collector.Answered(resp)
}

// load calls servers by turns until it is stopped.
type load struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	calls []string // ids of those that got their vectors
	err   error
}

func startLoad(t *testing.T, name string, gap time.Duration, servers ...*server) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		for n := 0; ctx.Err() == nil; n++ {
			id := fmt.Sprintf("%s-%d", name, n)
			err := servers[n%len(servers)].call(id, n)
			l.mu.Lock()
			if err != nil {
				l.err = fmt.Errorf("%s: %w", id, err)
				cancel()
			} else {
				l.calls = append(l.calls, id)
			}
			l.mu.Unlock()
			time.Sleep(gap)
		}
	}()
	t.Cleanup(func() { l.stop(t) })
	return l
}

// sofar returns the calls until now.
func (l *load) sofar() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[:len(l.calls):len(l.calls)]
}

// stop ends the load and returns all calls.
func (l *load) stop(t *testing.T) []string {
	l.cancel()
	<-l.ended
	require.NoError(t, l.err)
	return l.calls
}
