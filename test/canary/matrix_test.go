// Package canary tests the canary receiver with its built-in texts against the demo server and its faults.
package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	patience = time.Minute
	tick     = 20 * time.Millisecond
)

// TestFaults: each fault of the demo server has its verdict in the first round that it is on for, and after it all is as before.
func TestFaults(t *testing.T) {
	d := startDemo(t)
	c := startCanary(t, d.url)
	c.waitFor(t, embedding.CanarySame)
	known := d.faults(t)
	for _, tt := range []struct {
		name    string
		fault   string
		value   any // nil for the fault's own
		verdict embedding.CanaryVerdict
	}{
		{"NaN as vLLM fails", "nan", "error", embedding.CanaryBroken},
		{"NaN as llama.cpp answers", "nan", "null", embedding.CanaryBroken},
		{"zeros", "zero", nil, embedding.CanaryBroken},
		{"another dimension", "dimension", 128, embedding.CanaryBroken},
		{"not normalised", "unnormalised", nil, embedding.CanaryBroken},
		{"one vector for all texts", "constant", nil, embedding.CanaryBroken},
		{"another model", "model_swap", nil, embedding.CanaryOtherModel},
		{"silent truncation", "truncation", 64, embedding.CanaryBroken},

		{"old vectors of known texts", "stale", nil, embedding.CanaryOtherModel},
		{"two builds by turns", "alternating", "rounding", embedding.CanaryUnstable},
		{"two models by turns", "alternating", "model", embedding.CanaryUnstable},
		{"another pooling", "pooling", nil, embedding.CanaryOtherModel},
		{"no end token", "eos", nil, embedding.CanaryOtherModel},
		{"instruction left out", "prefix", nil, embedding.CanaryOtherModel},
		{"mask left out", "batch", nil, embedding.CanaryUnstable},
		{"prefix cache", "cache", nil, embedding.CanaryUnstable},
		{"8 bits", "rounding", "q8", embedding.CanaryNumericChange},
		{"4 bits", "rounding", "q4", embedding.CanaryQuantisation},
		{"cut and not normalised", "matryoshka", nil, embedding.CanaryBroken},
		{"in the wrong order", "order", nil, embedding.CanaryBroken},
		{"encodings that differ", "encoding", nil, embedding.CanaryBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !slices.Contains(known, tt.fault) {
				t.Skipf("this demo server has no fault %s", tt.fault)
			}
			body := map[string]any{}
			if tt.value != nil {
				body["value"] = tt.value
			}
			d.do(t, http.MethodPut, "/faults/"+tt.fault, body)
			got := c.whole(t)
			assert.Equal(t, embedding.CanaryComplete, got.Outcome, "%+v", got)
			assert.Equal(t, tt.verdict, got.Verdict, "%v %+v", got.Reasons, got.Checks)
			assert.NotEmpty(t, got.Reasons)
			d.do(t, http.MethodDelete, "/faults", nil)
			healed := c.whole(t)
			assert.Equal(t, embedding.CanarySame, healed.Verdict, "%v %+v", healed.Reasons, healed.Checks)
		})
	}
}

// TestErrorsAreNoVerdict: a server that fails says nothing of its vectors.
func TestErrorsAreNoVerdict(t *testing.T) {
	d := startDemo(t)
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

func startDemo(t *testing.T) *demo {
	address := collector.Address(t)
	d := &demo{url: "http://" + address}
	p := collector.Start(t, collector.Demo(t), nil, "serve", "--endpoint", address, "--dimension", "256", "--max-model-len", "2048")
	p.WaitHTTP(d.url + "/health")
	return d
}

// faults returns the faults that the server has.
func (d *demo) faults(t *testing.T) []string {
	var list struct {
		Faults []struct {
			Name string `json:"name"`
		} `json:"faults"`
	}
	require.NoError(t, json.Unmarshal(d.do(t, http.MethodGet, "/faults", nil), &list))
	var names []string
	for _, f := range list.Faults {
		names = append(names, f.Name)
	}
	require.NotEmpty(t, names)
	return names
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
type canary struct{ logs *consumertest.LogsSink }

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
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, logs.Shutdown(context.Background())) })
	return c
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
