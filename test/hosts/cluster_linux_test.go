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

// newGateway returns a gateway that is not started. All gateways have the name "gateways".
func (n *network) newGateway(name, overlay string, env ...string) *gateway {
	n.t.Helper()
	h := n.newHost(name)
	n.addName("gateways", h)
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

// agent is a host with an embedding server and an agent in front of it.
type agent struct {
	*host
	model   string
	process *collector.Process
}

// newAgent starts an embedding server and an agent with the given shipped configurations.
func (n *network) newAgent(name, model, overlay string, shipped []string, env ...string) *agent {
	n.t.Helper()
	a := &agent{host: n.newHost(name), model: model}
	server := a.start(collector.Demo(n.t), nil, "serve", "--endpoint", "0.0.0.0:8000", "--model", model)
	server.WaitHTTP("http://" + a.address + ":8000/health")
	a.process = a.start(collector.Binary(n.t), append([]string{
		"HOST_NAME=" + name,
		"EMBEDDING_MODEL=" + model,
		"EMBEDDING_TAP=0.0.0.0:8080",
		"EMBEDDING_HEALTH=0.0.0.0:13133",
		"EMBEDDING_TELEMETRY=0.0.0.0",
		"EMBEDDING_STORAGE=" + n.t.TempDir(),
	}, env...), configuration(n.t, overlay, shipped...)...)
	a.process.WaitHTTP("http://" + a.address + ":13133")
	return a
}

// fault switches a fault of the embedding server on.
func (a *agent) fault(name, settings string) {
	t := a.network.t
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, "http://"+a.address+":8000/faults/"+name, strings.NewReader(settings))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// call asks for the vectors of 16 texts through the tap.
func (a *agent) call(id string, n int) error {
	texts := make([]string, 16)
	for i := range texts {
		texts[i] = fmt.Sprintf("the weather in the city today %d %d", n*n, i*n)
	}
	body, err := json.Marshal(map[string]any{"model": a.model, "input": texts, "dimensions": 256, "encoding_format": "base64"})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+a.address+":8080/v1/embeddings", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// load calls agents by turns until it is stopped.
type load struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	calls []string // ids of those that got their vectors
	err   error
}

func startLoad(t *testing.T, gap time.Duration, agents ...*agent) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		for n := 0; ctx.Err() == nil; n++ {
			id := fmt.Sprintf("call-%d", n)
			err := agents[n%len(agents)].call(id, n)
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
