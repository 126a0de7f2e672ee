package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is a writer that can be read while it is written to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func TestUsage(t *testing.T) {
	tests := []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{nil, 2, "", "Usage:"},
		{[]string{"help"}, 0, "embeddingdemo serve", ""},
		{[]string{"--help"}, 0, "embeddingdemo serve", ""},
		{[]string{"dance"}, 2, "", `unknown command "dance"`},
		{[]string{"serve", "-h"}, 0, "", "-error-shape"},
		{[]string{"load", "--help"}, 0, "", "-task-types"},
		{[]string{"up", "--help"}, 0, "", "-collector-log"},
		{[]string{"serve", "--nothing"}, 2, "", "not defined: -nothing"},
		{[]string{"serve", "now"}, 2, "", `unexpected argument "now"`},
		{[]string{"serve", "--dimension", "x"}, 2, "", "invalid value"},
		{[]string{"serve", "--dimension", "1"}, 1, "", "dimension: is 1; want 32 to 32768"},
		{[]string{"serve", "--error-shape", "round"}, 1, "", "want nested or flat"},
		{[]string{"serve", "--fault", "nowhere=1"}, 1, "", "unknown fault"},
		{[]string{"load", "--rate", "0"}, 1, "", "rate: is 0"},
		{[]string{"load", "--task-types", "a=b"}, 2, "", "want a weight above 0"},
		{[]string{"up"}, 1, "", "collector: is empty"},
		{[]string{"up", "--collector", "no/such/file", "--", "--set=a=b"}, 1, "", "no/such/file"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, tt.status, run(t.Context(), tt.args, &stdout, &stderr))
			assert.Contains(t, stdout.String(), tt.stdout)
			assert.Contains(t, stderr.String(), tt.stderr)
			if tt.stderr == "" {
				assert.Empty(t, stderr.String())
			}
		})
	}
}

func TestListenURL(t *testing.T) {
	const variable = "EMBEDDING_TAP"
	for value, want := range map[string]string{
		"":               "http://localhost:9464/metrics",
		"nonsense":       "http://localhost:9464/metrics",
		"localhost:1234": "http://localhost:1234/metrics",
		"0.0.0.0:1234":   "http://localhost:1234/metrics",
		":1234":          "http://localhost:1234/metrics",
		"[::1]:1234":     "http://[::1]:1234/metrics",
	} {
		t.Setenv(variable, value)
		assert.Equal(t, want, listenURL(variable, "http://localhost:9464/metrics"), "%q", value)
	}
	t.Setenv(variable, "[::1]:1234")
	assert.Equal(t, "http://[::1]:1234", listenURL(variable, "http://localhost:8080"))
}

func TestServeAndLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out output
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"serve", "--endpoint", "localhost:0", "--fault", "errors=1,503,4"}, &out, &out)
	}()
	address := regexp.MustCompile(`http://[^/]+`)
	require.Eventually(t, func() bool { return address.MatchString(out.String()) }, 30*time.Second, time.Millisecond)
	url := address.FindString(out.String())

	report := filepath.Join(t.TempDir(), "report.json")
	var summary bytes.Buffer
	require.Zero(t, run(ctx, []string{
		"load", "--target", url, "--count", "30", "--rate", "500", "--concurrency", "100", "--task-types", "query=1",
		"--task-field", "input_type", "--report", report,
	}, &summary, io.Discard))
	assert.Contains(t, summary.String(), "503: 4")
	b, err := os.ReadFile(report)
	require.NoError(t, err)
	var got load.Summary
	require.NoError(t, json.Unmarshal(b, &got))
	assert.EqualValues(t, 30, got.Sent)
	assert.EqualValues(t, 26, got.OK)
	assert.Equal(t, map[string]int64{"503": 4}, got.Errors)
	assert.EqualValues(t, 26, got.Tasks["query"].OK)
	assert.Equal(t, got.PromptTokens, got.Tasks["query"].PromptTokens)

	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/faults/errors", nil)
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	var stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"load", "--target", url, "--duration", "100ms", "--rate", "100"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), "no request succeeded")

	cancel()
	assert.Zero(t, <-status)
	assert.Contains(t, out.String(), "stopping")
}
