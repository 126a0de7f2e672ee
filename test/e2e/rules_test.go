//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// TestGivenRulesFire loads the rules that users already have and produces each one's condition. None may fire before.
func TestGivenRulesFire(t *testing.T) {
	gpu := fakenvml.Build(t, t.TempDir())
	scenario := filepath.Join(t.TempDir(), "scenario")
	writeMemoryUsed(t, scenario, 4000)
	s := startStack(t, []string{fakenvml.ScenarioEnv + "=" + scenario},
		"receivers: {nvml: {library_path: \""+gpu+"\"}}")
	prometheus := startPrometheus(t, s.metrics, filepath.Join("testdata", "rules.yaml"))

	t.Run("no requests", func(t *testing.T) {
		// The model is configured, so its counter exists before its first request: silence is visible.
		waitForAlert(t, prometheus, "EmbeddingNoRequests", "firing")
		for _, text := range texts("rules", 5) {
			require.Equal(t, 200, s.embed(map[string]any{"input": text}))
		}
		waitForAlert(t, prometheus, "EmbeddingNoRequests", "inactive")
	})
	t.Run("GPU memory", func(t *testing.T) {
		prometheus.eventually(`gpu_memory_used_mb{device="gpu0"}`, func(v float64) bool { return v == 4000 }, "4000 MiB")
		assert.Equal(t, "inactive", prometheus.alertState("EmbeddingGPUMemoryHigh"))
		writeMemoryUsed(t, scenario, 8000)
		waitForAlert(t, prometheus, "EmbeddingGPUMemoryHigh", "firing")
		writeMemoryUsed(t, scenario, 4000)
		waitForAlert(t, prometheus, "EmbeddingGPUMemoryHigh", "inactive")
	})
	t.Run("latency", func(t *testing.T) {
		assert.Equal(t, "inactive", prometheus.alertState("EmbeddingLatencyHigh"))
		s.fault("latency", map[string]any{"share": 1, "value": 2.5})
		var group errgroup.Group
		group.SetLimit(32)
		for i, text := range texts("slow", 200) {
			group.Go(func() error {
				if status := s.embed(map[string]any{"input": text}); status != 200 {
					return fmt.Errorf("request %d: status %d", i, status)
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
		waitForAlert(t, prometheus, "EmbeddingLatencyHigh", "firing")
	})
}

func writeMemoryUsed(t *testing.T, file string, mib uint64) {
	t.Helper()
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "memory.used", mib<<20)
	scenario.Write(t, file)
}

func waitForAlert(t *testing.T, p *prometheusServer, alert, state string) {
	t.Helper()
	require.Eventually(t, func() bool { return p.alertState(alert) == state }, 60*time.Second, 250*time.Millisecond,
		"%s is not %s", alert, state)
}
