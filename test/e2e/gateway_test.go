//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// shortWindows is merged over the shipped agent and gateway, so that what is usual is learned within two minutes.
const shortWindows = `
processors:
  embedding_quality:
    window: 500ms
    min_vectors: 32
    reference:
      vectors: 300
`

// startShipped starts a collector with shipped configurations, named with spaces between, and more YAML merged over them.
func startShipped(t *testing.T, names string, env []string, more ...string) *collector.Process {
	t.Helper()
	var args []string
	for shipped := range strings.FieldsSeq(names) {
		args = append(args, "--config", filepath.Join(collector.Root(t), "config", shipped))
	}
	for i, text := range more {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("overlay-%d.yaml", i))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		args = append(args, "--config", file)
	}
	health := collector.Address(t)
	host, port, _ := strings.Cut(collector.Address(t), ":")
	p := collector.Start(t, collector.Binary(t), append(env,
		"EMBEDDING_HEALTH="+health,
		"EMBEDDING_STORAGE="+t.TempDir(),
		"EMBEDDING_TELEMETRY="+host,
		"EMBEDDING_TELEMETRY_PORT="+port,
	), args...)
	p.WaitHTTP("http://" + health)
	return p
}

// TestGateway: three agents, each in front of a server of its own, and the gateway that merges what they report. The one server that
// goes wrong is named, though no agent sees another.
func TestGateway(t *testing.T) {
	const replicas = 3
	otlp, metrics := collector.Address(t), collector.Address(t)
	startShipped(t, "gateway.yaml", []string{
		"OTLP_GRPC=" + otlp,
		"OTLP_HTTP=" + collector.Address(t),
		"EMBEDDING_METRICS=" + metrics,
	}, shortWindows, `
processors: {embedding_quality: {merge: {wait: 2s}}}
service: {pipelines: {logs: {exporters: [embedding_metrics]}, traces: {exporters: [embedding_metrics]}}} # no backends here
`)
	stacks := make([]*stack, replicas)
	for i := range stacks {
		server, tap := collector.Address(t), collector.Address(t)
		s := &stack{t: t, server: "http://" + server, tap: "http://" + tap}
		startDemo(t, s.server)
		startShipped(t, "agent.yaml", []string{
			"EMBEDDING_UPSTREAM=" + s.server,
			"EMBEDDING_TAP=" + tap,
			"EMBEDDING_INGEST=" + collector.Address(t),
			"VLLM_TARGET=" + collector.Address(t),
			"GATEWAY_ENDPOINT=" + otlp,
		}, shortWindows, "exporters: {otlp_grpc/gateway: {sending_queue: {batch: {flush_timeout: 200ms}}}}")
		stacks[i] = s
	}
	prometheus := startPrometheus(t, metrics)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil && n < 20_000; n++ {
			batch := make([]string, 16)
			for i := range batch {
				batch[i] = fmt.Sprintf("the weather in the city today %d %d", n*n, i*n)
			}
			if err := post(stacks[n%replicas].tap, batch); err != nil {
				ended <- err
				return
			}
			time.Sleep(15 * time.Millisecond)
		}
	}()
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()

	states := func(verdict string) float64 {
		return prometheus.value(fmt.Sprintf(`sum(embedding_quality_state{verdict=%q})`, verdict))
	}
	require.Eventually(t, func() bool { return states("healthy") == replicas }, 4*time.Minute, time.Second)
	assert.Positive(t, prometheus.value(`sum(embedding_vectors_total)`))

	faulty := stacks[1]
	faulty.fault("model_swap", map[string]any{"share": 0.5})
	replica := strings.TrimPrefix(faulty.server, "http://")
	require.Eventually(t, func() bool {
		return prometheus.value(fmt.Sprintf(`sum(embedding_quality_state{verdict="replica_fault",replica=%q})`, replica)) == 1
	}, time.Minute, time.Second)
	assert.EqualValues(t, 1, states("replica_fault"))
}

// post sends texts through a tap.
func post(tap string, batch []string) error {
	body, err := json.Marshal(map[string]any{"model": model, "input": batch, "dimensions": 256, "encoding_format": "base64"})
	if err != nil {
		return err
	}
	resp, err := http.Post(tap+"/v1/embeddings", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
