//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCanary: a collector that is killed knows the vectors of its texts when it is back, and finds the model that was changed
// meanwhile. A server that is down is another thing.
func TestCanary(t *testing.T) {
	s := startStack(t, nil, fmt.Sprintf(`
extensions:
  file_storage:
    directory: %s
receivers:
  embedding_canary:
    interval: 500ms
    budget:
      server_time: 1
    storage: file_storage
service:
  extensions: [health_check, file_storage]
  pipelines:
    logs:
      receivers: [embedding, embedding_canary]
    metrics:
      receivers: [embedding_metrics, embedding_canary, nvml]
`, t.TempDir()))
	prometheus := startPrometheus(t, s.metrics)
	becomes := func(query string) {
		t.Helper()
		require.Eventually(t, func() bool { return prometheus.value(query) == 1 }, time.Minute, 100*time.Millisecond, query)
	}
	verdict := func(v string) string { return fmt.Sprintf(`embedding_canary_verdict{target!="",verdict=%q}`, v) }
	becomes(verdict("same"))
	becomes(`embedding_canary_ok`)
	assert.Zero(t, prometheus.value(`sum(embedding_requests_total)`), "canaries are no traffic")

	s.collector.Kill()
	s.fault("model_swap", map[string]any{"share": 1})
	s.collector = s.start()
	assert.Contains(t, s.collector.Output(), "Pins are restored")
	becomes(verdict("different_model_or_pooling"))
	becomes(`embedding_canary_ok == bool 0`)
	// The verdict on traffic knows at once, long before traffic shows what is usual of it.
	call := 0
	require.Eventually(t, func() bool {
		call++
		for _, text := range texts(fmt.Sprint("traffic ", call), 5) {
			require.Equal(t, 200, s.embed(map[string]any{"input": text}))
		}
		return prometheus.value(`max(embedding_quality_state{verdict="model_changed"})`) == 1
	}, time.Minute, 200*time.Millisecond)
	s.heal()
	becomes(verdict("same"))

	s.fault("errors", map[string]any{"share": 1, "value": 500})
	becomes(`embedding_canary_outcome{outcome="failed"}`)
	becomes(`embedding_canary_ok == bool 0`)
	becomes(verdict("same")) // as far as it is known
	s.heal()
	becomes(`embedding_canary_ok`)
}
