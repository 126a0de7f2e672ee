//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// verdictsOverlay makes windows so short that what is usual is learned within a minute.
const verdictsOverlay = `
processors:
  embedding_quality:
    window: 200ms
    min_vectors: 32
`

// TestVerdicts watches the verdict while the demo server and its traffic change.
func TestVerdicts(t *testing.T) {
	s := startStack(t, nil, verdictsOverlay)
	prometheus := startPrometheus(t, s.metrics)
	becomes := func(verdict string) {
		t.Helper()
		query := fmt.Sprintf(`max(embedding_quality_state{verdict=%q})`, verdict)
		prometheus.eventually(query, func(v float64) bool { return v == 1 }, verdict)
	}

	// Traffic is of texts that never come again and a few that always do.
	var topic atomic.Value
	topic.Store("the weather in the city today")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		for n := 0; ctx.Err() == nil && n < 20_000; n++ {
			batch := make([]string, 16)
			for i := range batch {
				batch[i] = fmt.Sprintf("%s %d %d", topic.Load(), n*n, i*n)
			}
			copy(batch, []string{"who are we", "where do we come from"})
			if status := s.embed(map[string]any{"input": batch, "dimensions": 256, "encoding_format": "base64"}); status != 200 {
				ended <- fmt.Errorf("status %d", status)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	defer func() {
		stop()
		require.NoError(t, <-ended)
	}()

	becomes("learning")
	require.Eventually(t, func() bool { return prometheus.value(`max(embedding_reference_windows)`) >= 200 },
		3*time.Minute, time.Second)
	becomes("healthy")

	s.fault("model_swap", map[string]any{"share": 1})
	becomes("model_changed")
	s.heal()
	becomes("healthy")

	topic.Store("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich")
	becomes("traffic_shift")
	topic.Store("the weather in the city today")
	becomes("healthy")

	s.fault("nan", map[string]any{"share": 0.2})
	becomes("invalid_output")
	s.heal()
	becomes("healthy")

	for _, verdict := range []string{"unstable_output", "replica_fault"} {
		assert.Zero(t, prometheus.value(fmt.Sprintf(`max(max_over_time(embedding_quality_state{verdict=%q}[1h]))`, verdict)), verdict)
	}
}
