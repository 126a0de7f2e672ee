//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// jaegerServer is a real Jaeger that keeps traces in memory.
type jaegerServer struct {
	t     *testing.T
	url   string // OTLP over HTTP
	query string // URL of its API
}

// startJaeger starts one. $E2E_JAEGER names the program.
func startJaeger(t *testing.T) *jaegerServer {
	t.Helper()
	binary := os.Getenv("E2E_JAEGER")
	require.NotEmpty(t, binary, "this test needs Jaeger: make build/backends/jaeger, and E2E_JAEGER=$PWD/build/backends/jaeger")
	otlp, query, health := collector.Address(t), collector.Address(t), collector.Address(t)
	p := collector.Start(t, binary, nil, "--config", "yaml:"+fmt.Sprintf(`
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: %q}}
  jaeger_storage: {backends: {memory: {memory: {max_traces: 100000}}}}
  jaeger_query: {storage: {traces: memory}, http: {endpoint: %q}, grpc: {endpoint: %q}}
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {jaeger_storage_exporter: {trace_storage: memory}}
service:
  extensions: [healthcheckv2, jaeger_storage, jaeger_query]
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}}
`, health, query, collector.Address(t), otlp))
	p.WaitHTTP("http://" + health + "/status")
	return &jaegerServer{t: t, url: "http://" + otlp, query: "http://" + query}
}

// spans returns those of a trace, none where it is not known.
func (j *jaegerServer) spans(trace string) []backendSpan {
	j.t.Helper()
	var answer struct{ Result backendSpans }
	if !j.get("/api/v3/traces/"+trace, &answer) {
		return nil
	}
	return answer.Result.all()
}

// tagged returns the ids of the newest traces of a service that have a span with a tag, a hundred at most.
func (j *jaegerServer) tagged(service, tag, value string) []string {
	j.t.Helper()
	tags, err := json.Marshal(map[string]string{tag: value})
	require.NoError(j.t, err)
	var answer struct{ Data []struct{ TraceID string } }
	require.True(j.t, j.get("/api/traces?"+url.Values{"service": {service}, "tags": {string(tags)}, "limit": {"100"}}.Encode(), &answer))
	var ids []string
	for _, trace := range answer.Data {
		ids = append(ids, trace.TraceID)
	}
	return ids
}

// get reports whether there is something.
func (j *jaegerServer) get(path string, into any) bool {
	j.t.Helper()
	status := getJSON(j.t, j.query+path, into)
	if status == http.StatusNotFound {
		return false
	}
	require.Equal(j.t, http.StatusOK, status, path)
	return true
}
