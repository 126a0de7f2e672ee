//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// traceBackend is a second collector that stands for a backend of traces: it takes OTLP and writes spans to a file.
type traceBackend struct {
	t    *testing.T
	url  string
	file string
}

// startTraceBackend starts one.
func startTraceBackend(t *testing.T) *traceBackend {
	t.Helper()
	endpoint, health := collector.Address(t), collector.Address(t)
	file := filepath.Join(t.TempDir(), "traces.jsonl")
	config := fmt.Sprintf(`
extensions: {health_check: {endpoint: %q}}
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters:
  file: {path: %q, flush_interval: 200ms}
  debug: {verbosity: basic}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    traces: {receivers: [otlp], exporters: [file]}
    logs: {receivers: [otlp], exporters: [debug]}
`, health, endpoint, file)
	p := collector.Start(t, collector.Binary(t), nil, "--config", "yaml:"+config)
	p.WaitHTTP("http://" + health)
	return &traceBackend{t: t, url: "http://" + endpoint, file: file}
}

// backendSpan is a span as OTLP's JSON has it.
type backendSpan struct {
	TraceID string `json:"traceId"`
	SpanID  string `json:"spanId"`
	Name    string `json:"name"`
	backendAttributes
	Status struct {
		Code int `json:"code"`
	} `json:"status"`
}

type backendAttributes struct {
	Attributes []struct {
		Key   string `json:"key"`
		Value struct {
			StringValue string `json:"stringValue"`
			IntValue    string `json:"intValue"`
			BoolValue   bool   `json:"boolValue"`
		} `json:"value"`
	} `json:"attributes"`
}

// attribute returns a text or a whole number.
func (b *backendAttributes) attribute(name string) string {
	for _, a := range b.Attributes {
		if a.Key == name {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// spans returns what has arrived so far.
func (b *traceBackend) spans() []backendSpan {
	b.t.Helper()
	var spans []backendSpan
	for _, batch := range b.batches() {
		spans = append(spans, batch.all()...)
	}
	return spans
}

// services returns the number of spans of each service.name.
func (b *traceBackend) services() map[string]int {
	b.t.Helper()
	found := map[string]int{}
	for _, batch := range b.batches() {
		for _, resource := range batch.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				found[resource.Resource.attribute("service.name")] += len(scope.Spans)
			}
		}
	}
	return found
}

func (b *traceBackend) batches() []backendSpans {
	b.t.Helper()
	file, err := os.Open(b.file)
	require.NoError(b.t, err)
	defer file.Close()
	var batches []backendSpans
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var batch backendSpans
		if json.Unmarshal(lines.Bytes(), &batch) != nil {
			break // the last line is being written
		}
		batches = append(batches, batch)
	}
	require.NoError(b.t, lines.Err())
	return batches
}

// backendSpans are spans with their resources, as OTLP's JSON has them.
type backendSpans struct {
	ResourceSpans []struct {
		Resource   backendAttributes
		ScopeSpans []struct{ Spans []backendSpan }
	}
}

func (b *backendSpans) all() []backendSpan {
	var spans []backendSpan
	for _, resource := range b.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			spans = append(spans, scope.Spans...)
		}
	}
	return spans
}
