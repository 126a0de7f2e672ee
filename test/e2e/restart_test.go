//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRestart: a collector that is killed knows, when it is back, what it had learned, and finds what has changed meanwhile.
func TestRestart(t *testing.T) {
	s := startStack(t, nil, verdictsOverlay, fmt.Sprintf(`
extensions:
  file_storage:
    directory: %s
processors:
  embedding_quality:
    storage: file_storage
    save_interval: 1s
service:
  extensions: [health_check, file_storage]
`, t.TempDir()))
	prometheus := startPrometheus(t, s.metrics)
	call := 0
	embed := func() {
		call++
		batch := make([]string, 16)
		for i := range batch {
			batch[i] = fmt.Sprintf("the weather in the city today %d %d", call*call, i*call)
		}
		require.Equal(t, 200, s.embed(map[string]any{"input": batch, "dimensions": 256, "encoding_format": "base64"}))
		time.Sleep(10 * time.Millisecond)
	}
	state := func(verdict string) float64 {
		return prometheus.value(fmt.Sprintf(`max(embedding_quality_state{verdict=%q})`, verdict))
	}
	require.Eventually(t, func() bool {
		for range 50 {
			embed()
		}
		return state("healthy") == 1
	}, 3*time.Minute, time.Millisecond)

	s.collector.Kill()
	s.collector = s.start()
	assert.Contains(t, s.collector.Output(), "Restored what was learned")
	s.fault("model_swap", map[string]any{"share": 1})
	require.Eventually(t, func() bool {
		for range 10 {
			embed()
		}
		assert.Zero(t, state("learning"))
		return state("model_changed") == 1 || state("traffic_shift") == 1
	}, time.Minute, time.Millisecond)
}
