//go:build linux

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

const (
	idleReceiver = "otlp: {protocols: {http: {endpoint: %q}}}"
	gpuReceiver  = "nvml: {library_path: %q, collection_interval: 1s, initial_delay: 0s}"
)

// nvmlConfig is a collector that reads GPUs and does nothing else.
const nvmlConfig = `
extensions:
  health_check: {endpoint: %q}
receivers:
  %s
exporters:
  prometheus: {endpoint: %q}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    metrics: {receivers: [%s], exporters: [prometheus]}
`

// BenchmarkNVMLMemory is what a collector holds in memory that reads 8 GPUs every second, after 20 s, beside one that
// reads nothing. The CPU time is that of the 20 s.
func BenchmarkNVMLMemory(b *testing.B) {
	dir := b.TempDir()
	scenario := filepath.Join(dir, "scenario")
	fakenvml.Healthy(8).Write(b, scenario)
	library := fakenvml.Build(b, dir)
	for _, bm := range []struct{ name, receiver string }{
		{"idle", fmt.Sprintf(idleReceiver, collector.Address(b))},
		{"8 GPUs", fmt.Sprintf(gpuReceiver, library)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for range b.N {
				health := collector.Address(b)
				receiver, _, _ := strings.Cut(bm.receiver, ":")
				p := startCollector(b, health, fmt.Sprintf(nvmlConfig, health, bm.receiver, collector.Address(b), receiver),
					fakenvml.ScenarioEnv+"="+scenario)
				before := cpuTime(b, p.PID())
				time.Sleep(20 * time.Second)
				b.ReportMetric(residentMiB(b, p.PID(), "VmRSS:"), "MiB")
				b.ReportMetric(residentMiB(b, p.PID(), "RssAnon:"), "anonymous-MiB")
				b.ReportMetric(float64((cpuTime(b, p.PID())-before)/time.Millisecond)/20, "cpu-ms/s")
			}
		})
	}
}

// residentMiB returns a size of /proc/pid/status: VmRSS is all that is resident, most of it pages of the program's file
// that the kernel can drop, RssAnon what the process has written.
func residentMiB(b *testing.B, pid int, key string) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(raw)) {
		if size, ok := strings.CutPrefix(line, key); ok {
			kib, err := strconv.ParseFloat(strings.Fields(size)[0], 64)
			require.NoError(b, err)
			return kib / 1024
		}
	}
	b.Fatal("not there: ", key)
	return 0
}
