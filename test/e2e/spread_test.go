//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// spreadGateway is a gateway that writes all log records which it passes on into a file.
type spreadGateway struct {
	endpoint string
	file     string
	start    func() *collector.Process
	process  *collector.Process
}

func startSpreadGateway(t *testing.T) *spreadGateway {
	t.Helper()
	g := &spreadGateway{endpoint: collector.Address(t), file: filepath.Join(t.TempDir(), "logs.jsonl")}
	env := []string{"OTLP_GRPC=" + g.endpoint, "OTLP_HTTP=" + collector.Address(t), "EMBEDDING_METRICS=" + collector.Address(t)}
	g.start = func() *collector.Process {
		return startShipped(t, "gateway.yaml", env, fmt.Sprintf(`
processors: {embedding_quality: {window: 500ms, merge: {wait: 2s}}}
exporters: {file/logs: {path: %q, append: true, flush_interval: 100ms}}
service: {pipelines: {logs: {exporters: [embedding_metrics, file/logs]}, traces: {exporters: [embedding_metrics]}}}
`, g.file))
	}
	g.process = g.start()
	return g
}

// spreadRecords is what a gateway has passed on.
type spreadRecords struct {
	calls   map[string]int    // how often, by request id
	hosts   map[string]string // host of a call
	windows map[string]int    // windows by replica
}

func (g *spreadGateway) records(t *testing.T) spreadRecords {
	t.Helper()
	r := spreadRecords{make(map[string]int), make(map[string]string), make(map[string]int)}
	raw, err := os.ReadFile(g.file)
	require.NoError(t, err)
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // still being written
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, resource := range logs.ResourceLogs().All() {
			host, _ := resource.Resource().Attributes().Get("host.name")
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					switch record.EventName() {
					case "embedding.request":
						id, ok := record.Attributes().Get("embedding.request.id")
						require.True(t, ok)
						r.calls[id.Str()]++
						r.hosts[id.Str()] = host.AsString()
					case "embedding.quality.window":
						replica, ok := record.Attributes().Get("embedding.replica")
						require.True(t, ok)
						r.windows[replica.Str()]++
					}
				}
			}
		}
	}
	return r
}

// TestSpread: two agents with two gateways between which they have to choose, each of which is away for a while. Every call arrives
// once, at the gateway of its host; the reports of both agents on their model meet at one gateway.
func TestSpread(t *testing.T) {
	gateways := []*spreadGateway{startSpreadGateway(t), startSpreadGateway(t)}
	hosts := []string{"node-a", "node-b"}
	taps, servers := make([]string, len(hosts)), make([]string, len(hosts))
	for i, host := range hosts {
		servers[i], taps[i] = collector.Address(t), collector.Address(t)
		startDemo(t, "http://"+servers[i])
		startShipped(t, "agent.yaml spread.yaml", []string{
			"HOST_NAME=" + host,
			"EMBEDDING_UPSTREAM=http://" + servers[i],
			"EMBEDDING_TAP=" + taps[i],
			"EMBEDDING_INGEST=" + collector.Address(t),
			"VLLM_TARGET=" + collector.Address(t),
			fmt.Sprintf("GATEWAY_HOSTS=[%s, %s]", gateways[0].endpoint, gateways[1].endpoint),
		}, `
receivers: {embedding: {tap: {shed_load: false}}}
processors: {embedding_quality: {window: 500ms}}
exporters:
  load_balancing/host: {retry_on_failure: {max_interval: 1s}, sending_queue: {batch: {flush_timeout: 100ms}}}
  load_balancing/model: {protocol: {otlp: {sending_queue: {batch: {flush_timeout: 100ms}}}}}
`)
	}

	sent := make(map[string]string) // host by request id
	send := func(calls int) {
		for range calls {
			for i, host := range hosts {
				id := fmt.Sprintf("call-%d", len(sent))
				sent[id] = host
				require.NoError(t, embedAs(taps[i], id))
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	send(50)
	for _, g := range gateways {
		require.NoError(t, g.process.Stop(), g.process.Output())
		send(100)
		g.process = g.start()
		send(50)
	}

	arrived := func() int {
		n := 0
		for _, g := range gateways {
			n += len(g.records(t).calls)
		}
		return n
	}
	require.Eventually(t, func() bool { return arrived() >= len(sent) }, time.Minute, 200*time.Millisecond)
	time.Sleep(2 * time.Second) // for what would come twice

	gatewayOf, withWindows := make(map[string]int), 0
	for i, g := range gateways {
		records := g.records(t)
		for id, times := range records.calls {
			assert.Equal(t, 1, times, "call %s of %s", id, sent[id])
			assert.Equal(t, sent[id], records.hosts[id])
			if known, ok := gatewayOf[sent[id]]; ok {
				assert.Equal(t, known, i, "calls of %s are at two gateways", sent[id])
			}
			gatewayOf[sent[id]] = i
		}
		if len(records.windows) > 0 {
			withWindows++
			for i, server := range servers {
				_, port, _ := strings.Cut(server, ":")
				replica := hosts[i] + ":" + port // the agent's name in place of its own loopback address
				assert.Positive(t, records.windows[replica], "windows of %s", replica)
			}
		}
	}
	assert.Equal(t, len(sent), arrived())
	assert.Equal(t, 1, withWindows, "the reports on one model are at several gateways")
}

// embedAs sends one call through a tap under a request id.
func embedAs(tap, id string) error {
	body := fmt.Sprintf(`{"model": %q, "input": ["text of %s"], "dimensions": 256, "encoding_format": "base64"}`, model, id)
	req, err := http.NewRequest(http.MethodPost, "http://"+tap+"/v1/embeddings", bytes.NewReader([]byte(body)))
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
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
