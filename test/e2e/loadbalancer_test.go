//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestLoadBalancer: applications send to one address, and what one of them sends is at one of two gateways. While that is away the
// application is told to come again, and nothing that was taken is lost.
func TestLoadBalancer(t *testing.T) {
	const applications, spans = 12, 20
	backends := []*traceBackend{startTraceBackend(t), startTraceBackend(t)}
	addresses := []string{collector.Address(t), collector.Address(t)}
	gateway := func(i int) *collector.Process {
		return startShipped(t, "gateway.yaml", []string{
			"OTLP_GRPC=" + addresses[i],
			"OTLP_HTTP=" + collector.Address(t),
			"EMBEDDING_METRICS=" + collector.Address(t),
			"OTLP_ENDPOINT=" + backends[i].url,
		}, `
exporters:
  otlp_http/backend: {sending_queue: {batch: {flush_timeout: 200ms}}}
`)
	}
	gateways := []*collector.Process{gateway(0), gateway(1)}
	address := collector.Address(t)
	startShipped(t, "loadbalancer.yaml", []string{
		"OTLP_GRPC=" + collector.Address(t),
		"OTLP_HTTP=" + address,
		"GATEWAY_HOSTS=[" + strings.Join(addresses, ", ") + "]",
	})

	traces := 0
	// send sends one span of an application, and returns the answer's status.
	send := func(service string) int {
		traces++
		body := fmt.Sprintf(`{"resourceSpans": [{
			"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": %q}}]},
			"scopeSpans": [{"spans": [{"traceId": "%032x", "spanId": "%016x", "name": "embeddings", "kind": 3,
				"startTimeUnixNano": "%d", "endTimeUnixNano": "%d"}]}]}]}`,
			service, traces, traces, time.Now().Add(-time.Second).UnixNano(), time.Now().UnixNano())
		resp, err := http.Post("http://"+address+"/v1/traces", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		return resp.StatusCode
	}
	taken := map[string]int{}
	for i := range applications * spans {
		service := fmt.Sprintf("application-%d", i%applications)
		require.Equal(t, http.StatusOK, send(service))
		taken[service]++
	}
	arrive := func() (at []map[string]int) {
		t.Helper()
		require.Eventually(t, func() bool {
			at = []map[string]int{backends[0].services(), backends[1].services()}
			all := maps.Clone(at[0])
			for service, n := range at[1] {
				all[service] += n
			}
			return maps.Equal(taken, all)
		}, 30*time.Second, 200*time.Millisecond, "want %v, found %v", taken, &at)
		return at
	}
	at := arrive()
	for service := range at[0] {
		assert.NotContains(t, at[1], service, "is at both gateways")
	}
	require.NotEmpty(t, at[0], "all %d applications are at one gateway", applications)
	require.NotEmpty(t, at[1], "all %d applications are at one gateway", applications)

	gateways[0].Kill()
	for service := range taken {
		want := http.StatusOK
		if at[0][service] > 0 {
			want = http.StatusServiceUnavailable // by which OTLP says: again, later
		} else {
			taken[service]++
		}
		require.Equal(t, want, send(service), service)
	}
	gateways[0] = gateway(0)
	for service := range at[0] {
		require.Eventually(t, func() bool { return send(service) == http.StatusOK }, 30*time.Second, 200*time.Millisecond, service)
		taken[service]++
	}
	again := arrive()
	for service := range again[0] {
		assert.Contains(t, at[0], service, "has moved")
	}
}
