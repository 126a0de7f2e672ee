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

const (
	gpuMiB    = 1 << 20
	gpuMemory = 16384 * gpuMiB
	gpuWatts  = 100
)

// testGPULoadAlerts changes what the driver's library says of one GPU's memory and heat.
func testGPULoadAlerts(t *testing.T, arrived *arrivals) {
	g := startGPU(t, arrived)
	startTraffic(t, g.site.tap, 1, 200*time.Millisecond, single) // what is spent is spent on tokens
	g.fires("EmbeddingGPUMemoryHigh", "memory.used", 8000*gpuMiB)
	g.fires("EmbeddingGPUMemoryNearLimit", "memory.used", gpuMemory/100*98)
	g.fires("EmbeddingGPUMemoryExhaustion", "memory.used", gpuMemory/100*55, "memory.used.rate", gpuMemory/300)
	g.fires("EmbeddingGPUThrottled", "field.270.rate", 500_000_000)
	g.fires("EmbeddingGPUHot", "temperature", 95, "temperature.margin", 1)
}

// testGPUHealthAlerts changes what it says of faults.
func testGPUHealthAlerts(t *testing.T, arrived *arrivals) {
	g := startGPU(t, arrived)
	g.fires("EmbeddingGPUUncorrectedErrors", "field.4.rate", 1)
	g.fires("EmbeddingGPUCorrectedErrors", "field.3.rate", 20)
	g.fires("EmbeddingGPUDegraded", "remapped.pending", 1)
	g.fires("EmbeddingGPUFailed", "remapped.failed", 1)

	// A call that hangs, and a GPU in parts, are nothing to get up for.
	g.says("hang.nvmlDeviceGetTemperatureV", 1, "hang.nvmlDeviceGetTemperature", 1)
	g.prometheus.within(alertTimeout, `max(otelcol_nvml_abandoned_reads)`, func(v float64) bool { return v > 0 }, "the GPU is left behind")
	parts := g.healthy()
	parts.SetMIG(0, 0, "1g.10gb")
	parts.Write(t, g.file)
	g.prometheus.within(alertTimeout, `count(hw_gpu_memory_usage_bytes{hw_parent!=""})`, func(v float64) bool { return v > 0 }, "a MIG device is read")
	g.says()

	scenario := g.healthy()
	scenario.Set("event.1", "1:0:48")
	scenario.Write(t, g.file)
	g.watch.fires("EmbeddingGPUXID", "hw_name=gpu0", "nvml_xid_code=48")
	g.resolves("EmbeddingGPUXID")

	require.NoError(t, os.Remove(g.file)) // the driver is gone
	g.watch.fires("EmbeddingGPUNotRead")
	g.says()
	g.resolves("EmbeddingGPUNotRead")
}

// watchedGPU is a GPU of which a file says what the driver answers.
type watchedGPU struct {
	*watch
	site  *site
	file  string
	start time.Time
}

func startGPU(t *testing.T, arrived *arrivals) *watchedGPU {
	t.Helper()
	g := &watchedGPU{watch: &watch{t: t}, file: filepath.Join(t.TempDir(), "scenario"), start: time.Now()}
	g.says()
	g.site = startSite(t, "127.0.0.1", []string{fakenvml.ScenarioEnv + "=" + g.file}, fmt.Sprintf(`
receivers:
  nvml:
    library_path: %q
    timeout: 500ms
    intervals: {moderate: 0s, costly: 0s, rare: 0s}
`, fakenvml.Build(t, t.TempDir())))
	g.watch = startWatch(t, arrived, g.site.targets, "EmbeddingNoRequests", "EmbeddingStillLearning", "EmbeddingTrafficShift")
	return g
}

// healthy is what a GPU says that is well.
func (g *watchedGPU) healthy() fakenvml.Scenario {
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "memory.total", gpuMemory)
	scenario.SetGPU(0, "memory.reserved", 0)
	scenario.SetGPU(0, "memory.used", 4000*gpuMiB)
	scenario.SetGPU(0, "energy", 1e9+int(time.Since(g.start).Seconds()*gpuWatts*1000))
	scenario.SetGPU(0, "energy.rate", gpuWatts*1000)
	return scenario
}

// says changes what a healthy GPU says: keys and values in turn.
func (g *watchedGPU) says(changes ...any) {
	g.t.Helper()
	scenario := g.healthy()
	for i := 0; i < len(changes); i += 2 {
		scenario.SetGPU(0, changes[i].(string), changes[i+1])
	}
	scenario.Write(g.t, g.file)
}

// fires makes an alert fire by a change, and ends it.
func (g *watchedGPU) fires(alert string, changes ...any) {
	g.t.Helper()
	g.says(changes...)
	g.watch.fires(alert, "hw_name=gpu0")
	g.says()
	g.resolves(alert, "hw_name=gpu0")
}
