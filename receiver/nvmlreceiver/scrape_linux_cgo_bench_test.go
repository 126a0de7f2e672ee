//go:build linux && cgo

package nvmlreceiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// latencies are what calls took on one GPU (RTX 5090), in microseconds, as published for it. The fields are those of the
// dearest in the call. Calls of less than 1 µs are left out: the fake takes longer by itself.
var latencies = map[string]int{
	"nvmlDeviceGetMemoryInfo_v2":               3,
	"nvmlDeviceGetComputeRunningProcesses_v3":  150,
	"nvmlDeviceGetGraphicsRunningProcesses_v3": 150,
	"nvmlDeviceGetFanSpeed_v2":                 400,
	"nvmlDeviceGetFieldValues":                 300,
	"nvmlDeviceGetProcessUtilization":          1700,
	"nvmlDeviceGetTotalEnergyConsumption":      2600,
}

// BenchmarkScrape reads 8 GPUs with calls that take as long as on a real one, one call at a time as in the driver. The
// baseline reads everything in every scrape; "default" is the average over a minute of scrapes at the default intervals;
// "no latency" is what the receiver itself takes, with a driver that answers at once.
func BenchmarkScrape(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "scenario")
	b.Setenv(fakenvml.ScenarioEnv, path)
	library := fakenvml.Build(b, dir)

	slow := fakenvml.Healthy(8)
	slow.Set("serialize", 1)
	for function, microseconds := range latencies {
		slow.Set("latency."+function, microseconds)
	}
	for _, bm := range []struct {
		name      string
		scenario  fakenvml.Scenario
		intervals IntervalsConfig
	}{
		{"everything", slow, IntervalsConfig{}},
		{"default", slow, createDefaultConfig().(*Config).Intervals},
		{"no latency", fakenvml.Healthy(8), IntervalsConfig{}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			bm.scenario.Write(b, path)
			cfg := createDefaultConfig().(*Config)
			cfg.LibraryPath = library
			cfg.Intervals = bm.intervals
			cfg.Metrics.NvmlProcessUtilization.Enabled = true
			// XID errors are listened for on a thread that waits in the driver, which is not what is measured here.
			cfg.Metrics.NvmlXidErrors.Enabled = false
			cfg.Metrics.HwStatus.Enabled = false
			telemetry, err := metadata.NewTelemetryBuilder(componenttest.NewNopTelemetrySettings())
			require.NoError(b, err)
			lib := nvml.New(library)
			s := newGPUScraper(receivertest.NewNopSettings(metadata.Type), cfg, lib, telemetry, nil)
			require.NoError(b, s.start(b.Context(), &statusHost{}))
			_, err = s.scrape(b.Context())
			require.NoError(b, err)
			began := nvmlCost(lib)
			b.ReportAllocs()
			b.ResetTimer()
			points := 0
			for i := range b.N {
				b.StopTimer()
				// As if the time between two scrapes had passed: the clock of the schedules is moved, nobody waits.
				for _, g := range s.gpus {
					for t := range g.schedule.last {
						g.schedule.last[t] = g.schedule.last[t].Add(-cfg.CollectionInterval)
					}
					g.gpm.taken = g.gpm.taken.Add(-minGPMInterval)
				}
				b.StartTimer()
				metrics, err := s.scrape(b.Context())
				require.NoError(b, err, "scrape %d", i)
				points += metrics.DataPointCount()
			}
			b.StopTimer()
			ended := nvmlCost(lib)
			b.ReportMetric(float64(ended.Calls-began.Calls)/float64(b.N), "calls/op")
			b.ReportMetric(float64(ended.Duration-began.Duration)/float64(time.Millisecond)/float64(b.N), "ms-in-nvml/op")
			b.ReportMetric(float64(points)/float64(b.N), "points/op")
			require.NoError(b, s.shutdown(b.Context()))
		})
	}
}

// nvmlCost adds up what all functions cost.
func nvmlCost(lib nvml.Library) (total nvml.CallStats) {
	lib.Calls(func(c nvml.CallStats) {
		total.Calls += c.Calls
		total.Duration += c.Duration
	})
	return total
}
