// Package canary tests the canary receiver with its built-in texts against the demo server and its faults.
package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// fault is a fault of the demo server with the verdict that it is to have.
type fault struct {
	name    string
	fault   string
	value   any // nil for the fault's own
	verdict embedding.CanaryVerdict
}

func faults() []fault {
	return []fault{
		{"NaN as vLLM fails", "nan", "error", embedding.CanaryBroken},
		{"NaN as llama.cpp answers", "nan", "null", embedding.CanaryBroken},
		{"zeros", "zero", nil, embedding.CanaryBroken},
		{"another dimension", "dimension", 128, embedding.CanaryBroken},
		{"not normalised", "unnormalised", nil, embedding.CanaryBroken},
		{"one vector for all texts", "constant", nil, embedding.CanaryBroken},
		{"silent truncation", "truncation", 64, embedding.CanaryBroken},
		{"cut and not normalised", "matryoshka", nil, embedding.CanaryBroken},
		{"in the wrong order", "order", nil, embedding.CanaryBroken},
		{"encodings that differ", "encoding", nil, embedding.CanaryBroken},
		{"two builds by turns", "alternating", "rounding", embedding.CanaryUnstable},
		{"two models by turns", "alternating", "model", embedding.CanaryUnstable},
		{"mask left out", "batch", nil, embedding.CanaryUnstable},
		{"prefix cache", "cache", nil, embedding.CanaryUnstable},
		{"another model", "model_swap", nil, embedding.CanaryOtherModel},
		{"old vectors of known texts", "stale", nil, embedding.CanaryOtherModel},
		{"another pooling", "pooling", nil, embedding.CanaryOtherModel},
		{"no end token", "eos", nil, embedding.CanaryOtherModel},
		{"instruction left out", "prefix", nil, embedding.CanaryOtherModel},
		{"4 bits", "rounding", "q4", embedding.CanaryQuantisation},
		{"8 bits, floating point", "rounding", "fp8", embedding.CanaryNumericChange},
		{"8 bits", "rounding", "q8", embedding.CanaryNumericChange},
		{"float16", "rounding", "fp16", embedding.CanarySame}, // as much as other kernels differ
	}
}

// TestFaults: each fault of the demo server has its verdict in the first round that it is on for, and after it all is as before. With
// EMBEDDING_CANARY_SEEDS=20, for 20 models, of which 19 in 20 suffice; it prints how often each fault had each verdict.
func TestFaults(t *testing.T) {
	seeds := number(t, "EMBEDDING_CANARY_SEEDS", 1)
	right := map[string]int{}
	table := map[string]map[embedding.CanaryVerdict]int{}
	for seed := range seeds {
		d := startDemo(t, seed+1)
		c := startCanary(t, d.url)
		c.waitFor(t, embedding.CanarySame)
		for _, f := range faults() {
			body := map[string]any{}
			if f.value != nil {
				body["value"] = f.value
			}
			d.do(t, http.MethodPut, "/faults/"+f.fault, body)
			got := c.whole(t)
			assert.Equal(t, embedding.CanaryComplete, got.Outcome, "%s: %+v", f.name, got)
			assert.Equal(t, got.Verdict.Alarming(), len(got.Reasons) > 0, "%s: %v", f.name, got.Reasons)
			if got.Verdict == f.verdict {
				right[f.name]++
			} else {
				t.Logf("%s, seed %d: %s by %v, %+v", f.name, seed+1, got.Verdict, got.Reasons, got.Checks)
			}
			if table[f.name] == nil {
				table[f.name] = map[embedding.CanaryVerdict]int{}
			}
			table[f.name][got.Verdict]++
			d.do(t, http.MethodDelete, "/faults", nil)
			healed := c.whole(t)
			assert.Equal(t, embedding.CanarySame, healed.Verdict, "%s: %v %+v", f.name, healed.Reasons, healed.Checks)
		}
		c.stop(t)
	}
	for _, f := range faults() {
		assert.GreaterOrEqual(t, float64(right[f.name]), 0.95*float64(seeds), "%s is to be %s", f.name, f.verdict)
		t.Logf("%-28s %v", f.name, table[f.name])
	}
}

// TestBFloat16: what bfloat16 makes of vectors is about as much as counts as the same, and never more than a numeric change.
func TestBFloat16(t *testing.T) {
	d := startDemo(t, 1)
	c := startCanary(t, d.url)
	c.waitFor(t, embedding.CanarySame)
	d.do(t, http.MethodPut, "/faults/rounding", map[string]any{"value": "bf16"})
	assert.Contains(t, []embedding.CanaryVerdict{embedding.CanarySame, embedding.CanaryNumericChange}, c.whole(t).Verdict)
}

// TestCleanRounds: without a fault, no round has another verdict than same. EMBEDDING_CANARY_ROUNDS says how many there are.
func TestCleanRounds(t *testing.T) {
	rounds := number(t, "EMBEDDING_CANARY_ROUNDS", 20)
	d := startDemo(t, 1)
	c := startCanary(t, d.url)
	c.waitFor(t, embedding.CanarySame)
	require.Eventually(t, func() bool { return c.logs.LogRecordCount() > rounds+10 }, patience+time.Duration(rounds)*time.Second, tick)
	same := 0
	for _, result := range c.results(t) {
		require.False(t, result.Verdict.Alarming(), "round %d: %s by %v", result.Round, result.Verdict, result.Reasons)
		require.Equal(t, embedding.CanaryComplete, result.Outcome)
		require.Empty(t, result.Skipped)
		if result.Verdict == embedding.CanarySame {
			same++
		}
	}
	require.GreaterOrEqual(t, same, rounds)
	t.Logf("%d rounds", same)
}

// number returns what an environment variable says, or else what is usual.
func number(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// TestErrorsAreNoVerdict: a server that fails says nothing of its vectors.
func TestErrorsAreNoVerdict(t *testing.T) {
	d := startDemo(t, 1)
	c := startCanary(t, d.url)
	for status, want := range map[int]embedding.CanaryOutcome{
		429: embedding.CanaryOverloaded, 503: embedding.CanaryOverloaded, 500: embedding.CanaryFailed, 401: embedding.CanaryRefused,
	} {
		d.do(t, http.MethodPut, "/faults/errors", map[string]any{"value": status})
		got := c.whole(t)
		assert.Equal(t, want, got.Outcome)
		assert.Empty(t, got.Verdict)
		assert.NotEmpty(t, got.ErrorType)
	}
}

type demo struct{ url string }

func startDemo(t *testing.T, seed int) *demo {
	address := collector.Address(t)
	d := &demo{url: "http://" + address}
	p := collector.Start(t, collector.Demo(t), nil, "serve", "--endpoint", address, "--dimension", "256", "--max-model-len", "2048",
		"--seed", strconv.Itoa(seed))
	p.WaitHTTP(d.url + "/health")
	return d
}

func (d *demo) do(t *testing.T, method, path string, body any) []byte {
	data, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, bytes.NewReader(data))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Less(t, res.StatusCode, 300, "%s", answer)
	return answer
}

// canary is a receiver that probes a server, round after round.
type canary struct {
	logs     *consumertest.LogsSink
	receiver receiver.Logs
	stopped  bool
}

func startCanary(t *testing.T, url string) *canary {
	factory, c := embeddingcanaryreceiver.NewFactory(), &canary{logs: &consumertest.LogsSink{}}
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"targets": []any{map[string]any{
			"endpoint": url + "/v1/embeddings", "model": "qwen3-embedding-4b", "dimensions": []any{64, 128},
		}},
		"interval": "100ms",
		"jitter":   0,
		"budget":   map[string]any{"server_time": 1},
		"backoff":  map[string]any{"initial": "100ms", "max": "100ms"},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	logs, err := factory.CreateLogs(t.Context(), receivertest.NewNopSettings(factory.Type()), cfg, c.logs)
	require.NoError(t, err)
	c.receiver = logs
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { c.stop(t) })
	return c
}

func (c *canary) stop(t *testing.T) {
	if !c.stopped {
		c.stopped = true
		require.NoError(t, c.receiver.Shutdown(context.Background()))
	}
}

func (c *canary) results(t *testing.T) []embedding.CanaryResult {
	var all []embedding.CanaryResult
	for _, ld := range c.logs.AllLogs() {
		var result embedding.CanaryResult
		require.True(t, result.ReadLogRecord(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)))
		all = append(all, result)
	}
	return all
}

// whole returns the result of a round that began after now.
func (c *canary) whole(t *testing.T) embedding.CanaryResult {
	t.Helper()
	seen := len(c.results(t))
	require.Eventually(t, func() bool { return c.logs.LogRecordCount() > seen+1 }, patience, tick)
	return c.results(t)[seen+1]
}

func (c *canary) waitFor(t *testing.T, v embedding.CanaryVerdict) {
	t.Helper()
	require.Eventually(t, func() bool {
		all := c.results(t)
		return len(all) > 0 && all[len(all)-1].Verdict == v
	}, patience, tick, "%s", v)
}
