//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// testGPUAlerts changes what the driver's library says of one GPU.
func testGPUAlerts(t *testing.T, arrived *arrivals) {
	const mib = 1 << 20
	const total = 16384 * mib
	const watts = 100
	file := filepath.Join(t.TempDir(), "scenario")
	start := time.Now()
	healthy := func() fakenvml.Scenario {
		scenario := fakenvml.Healthy(1)
		scenario.SetGPU(0, "memory.total", total)
		scenario.SetGPU(0, "memory.reserved", 0)
		scenario.SetGPU(0, "memory.used", 4000*mib)
		scenario.SetGPU(0, "energy", 1e9+int(time.Since(start).Seconds()*watts*1000))
		scenario.SetGPU(0, "energy.rate", watts*1000)
		return scenario
	}
	// gpu writes what a healthy GPU says, but for what is changed: keys and values in turn.
	gpu := func(changes ...any) {
		scenario := healthy()
		for i := 0; i < len(changes); i += 2 {
			scenario.SetGPU(0, changes[i].(string), changes[i+1])
		}
		scenario.Write(t, file)
	}
	gpu()
	s := startSite(t, "127.0.0.1", []string{fakenvml.ScenarioEnv + "=" + file}, fmt.Sprintf(`
receivers:
  nvml:
    library_path: %q
    intervals: {moderate: 0s, costly: 0s, rare: 0s}
`, fakenvml.Build(t, t.TempDir())))
	w := startWatch(t, arrived, s.targets, "EmbeddingNoRequests")

	for _, c := range []struct {
		alert   string
		changes []any
	}{
		{"EmbeddingGPUMemoryHigh", []any{"memory.used", 8000 * mib}},
		{"EmbeddingGPUMemoryNearLimit", []any{"memory.used", total / 100 * 98}},
		{"EmbeddingGPUMemoryExhaustion", []any{"memory.used", total / 100 * 55, "memory.used.rate", total / 300}},
		{"EmbeddingGPUThrottled", []any{"field.270.rate", 500_000_000}},
		{"EmbeddingGPUHot", []any{"temperature", 95, "temperature.margin", 1}},
		{"EmbeddingGPUUncorrectedErrors", []any{"field.4.rate", 1}},
		{"EmbeddingGPUCorrectedErrors", []any{"field.3.rate", 20}},
		{"EmbeddingGPUDegraded", []any{"remapped.pending", 1}},
		{"EmbeddingGPUFailed", []any{"remapped.failed", 1}},
	} {
		gpu(c.changes...)
		w.fires(c.alert, "hw_name=gpu0")
		gpu()
		w.resolves(c.alert, "hw_name=gpu0")
	}

	scenario := healthy()
	scenario.Set("event.1", "1:0:48")
	scenario.Write(t, file)
	w.fires("EmbeddingGPUXID", "hw_name=gpu0", "nvml_xid_code=48")
	w.resolves("EmbeddingGPUXID")

	require.NoError(t, os.Remove(file)) // the driver is gone
	w.fires("EmbeddingGPUNotRead")
	gpu()
	w.resolves("EmbeddingGPUNotRead")
}
