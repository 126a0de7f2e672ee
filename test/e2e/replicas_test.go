//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestCanaryForAll: the canary that is apart from the agents finds the addresses behind the server's name, and a gateway shows what it
// found at each.
func TestCanaryForAll(t *testing.T) {
	otlp, metrics, server := collector.Address(t), collector.Address(t), collector.Address(t)
	startShipped(t, "gateway.yaml", []string{
		"OTLP_GRPC=" + otlp,
		"OTLP_HTTP=" + collector.Address(t),
		"EMBEDDING_METRICS=" + metrics,
	})
	startDemo(t, "http://"+server)
	_, port, err := net.SplitHostPort(server)
	require.NoError(t, err)
	startShipped(t, "canary.yaml", []string{
		"EMBEDDING_UPSTREAM=http://localhost:" + port,
		"GATEWAY_HOSTS=[" + otlp + "]",
		"HOST_NAME=canary",
	}, "receivers: {embedding_canary: {interval: 1s}}")

	want := []string{"embedding_canary_ok{", `replica="` + server + `"`, `host_name="canary"`, "} 1"}
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(body)) {
			found := true
			for _, part := range want {
				found = found && strings.Contains(line, part)
			}
			if found {
				return true
			}
		}
		return false
	}, time.Minute, 200*time.Millisecond, "no line has all of %q", want)
}
