//go:build linux && cgo

package nvmlreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// What the GPU cannot tell is asked once. What only failed is asked again, and its failure logged once.
func TestUnsupportedIsAskedOnce(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.UnsetGPU(0, "energy")
	scenario.SetGPU(0, "power.error", 999)
	host := newGPUHost(t, scenario)
	cfg := host.config()
	cfg.Intervals = IntervalsConfig{}
	h := run(t, cfg)
	for range 3 {
		h.scrape(t)
	}
	require.EqualValues(t, 1, h.calls(t, "nvmlDeviceGetTotalEnergyConsumption"))
	require.Greater(t, h.calls(t, "nvmlDeviceGetPowerUsage"), int64(3))
	require.Equal(t, 1, h.logs.FilterMessageSnippet("did not answer").Len())

	fakenvml.Healthy(1).Write(t, host.scenario)
	h.scrapeUntil(t, has("hw.power", gpu0))
	require.Equal(t, 1, h.logs.FilterMessageSnippet("answers again").Len())
	require.EqualValues(t, 1, h.calls(t, "nvmlDeviceGetTotalEnergyConsumption"))
}

// A refusal for lack of permission is not repeated in every scrape.
func TestDeniedIsNotAskedInEveryScrape(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "power.error", 4)
	h := run(t, newGPUHost(t, scenario).config())
	for range 3 {
		h.scrape(t)
	}
	require.EqualValues(t, 1, h.calls(t, "nvmlDeviceGetPowerUsage"))
	require.Equal(t, 1, h.logs.FilterMessageSnippet("refuses").Len())
}

// A metric that is switched off costs no call into the driver.
func TestDisabledMetricsCostNoCall(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	cfg := newGPUHost(t, fakenvml.Healthy(1)).config()
	cfg.Metrics.HwEnergy.Enabled = false
	cfg.Metrics.NvmlClockFrequency.Enabled = false
	cfg.Metrics.HwGpuMemoryUsage.Enabled = false
	cfg.Metrics.HwFanSpeedRatio.Enabled = false
	h := run(t, cfg)
	metrics := h.scrape(t)
	require.Contains(t, points(metrics, "hw.gpu.memory.limit"), gpu0, "one of several metrics of a call is left")
	require.Empty(t, allPoints(metrics, "hw.gpu.memory.usage"))
	for _, function := range []string{"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetClockInfo", "nvmlDeviceGetNumFans", "nvmlDeviceGetProcessUtilization"} {
		require.Zero(t, h.calls(t, function), function)
	}
	require.Positive(t, h.calls(t, "nvmlDeviceGetPowerUsage"))
}

// What is dear is read at its own interval, and the values come in the scrapes in which they were read.
func TestTiers(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	cfg := newGPUHost(t, fakenvml.Healthy(1)).config()
	cfg.Intervals = IntervalsConfig{Moderate: time.Hour, Costly: time.Hour, Rare: time.Hour}
	h := run(t, cfg)
	metrics := h.scrape(t)
	require.NotContains(t, points(metrics, "hw.energy"), gpu0)
	require.Contains(t, points(metrics, "hw.power"), gpu0)
	for _, function := range []string{"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFieldValues", "nvmlDeviceGetRemappedRows", "nvmlDeviceGetBAR1MemoryInfo"} {
		require.EqualValues(t, 1, h.calls(t, function), function)
	}
	require.Greater(t, h.calls(t, "nvmlDeviceGetPowerUsage"), int64(1))
}

// The last sample period of the driver says nothing about the time between two scrapes; its samples do.
func TestUtilizationIsOfAllTheTime(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "utilization.gpu", 0)
	scenario.SetGPU(0, "samples.gpu", "every 10000 keep 100 values 100,100,0,0,0")
	cfg := newGPUHost(t, scenario).config()
	cfg.CollectionInterval = 200 * time.Millisecond
	h := run(t, cfg)
	for range 3 {
		got := value(t, h.scrape(t), "hw.gpu.utilization", map[string]string{"hw.gpu.task": "general"})
		// Some twenty samples of 10 ms, at whose ends a part of the pattern of five is cut off.
		require.InDelta(t, 0.4, got, 0.12)
	}
}

// The counter of the driver starts anew when the driver is loaded again. What is emitted goes on.
func TestCounterGoesOn(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	host := newGPUHost(t, scenario)
	cfg := host.config()
	cfg.Intervals = IntervalsConfig{}
	h := run(t, cfg)
	energy := func(want float64) pmetric.NumberDataPoint {
		return points(h.scrapeUntil(t, func(metrics pmetric.Metrics) bool {
			point, ok := points(metrics, "hw.energy")[gpu0]
			return ok && point.DoubleValue() == want
		}), "hw.energy")[gpu0]
	}
	received := map[string]string{"hw.id": gpu0, "network.io.direction": "receive"}
	first := energy(1000)
	require.EqualValues(t, 4_000_000, value(t, h.scrape(t), "hw.gpu.io", received))
	scenario.SetGPU(0, "energy", 1_500_000)
	scenario.SetField(0, 198, "uint", uint64(1<<32-1))
	scenario.Write(t, host.scenario)
	second := energy(1500)
	require.Equal(t, first.StartTimestamp(), second.StartTimestamp())
	require.Greater(t, second.Timestamp(), first.Timestamp())

	scenario.SetGPU(0, "energy", 20_000)
	scenario.SetField(0, 198, "uint", 99)
	scenario.Write(t, host.scenario)
	restarted := energy(1520)
	require.Equal(t, first.StartTimestamp(), restarted.StartTimestamp())
	require.EqualValues(t, 1<<32+99, value(t, h.scrape(t), "hw.gpu.io", received), "a counter of 32 bits has wrapped")
}

// The list of processes grows between the two calls of the binding, which panics.
func TestBindingPanics(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "process.utilization.grows", 1)
	h := run(t, newGPUHost(t, scenario).everything())
	metrics := h.scrape(t)
	require.Contains(t, points(metrics, "hw.power"), gpu0)
	require.Empty(t, allPoints(metrics, "nvml.process.utilization"))
	warning := h.logs.FilterMessageSnippet("did not answer").All()
	require.Len(t, warning, 1)
	require.Contains(t, warning[0].ContextMap()["error"], "panic")
}
