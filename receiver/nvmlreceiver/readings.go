package nvmlreceiver

import (
	"fmt"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

const bytesPerMiB = 1 << 20

// reading is one question to a GPU. It is asked only where a metric needs it, and no more of a GPU that answered
// that it cannot tell.
type reading struct {
	name string
	// metrics is how many enabled metrics the answer feeds.
	metrics int
	read    func(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error
}

// enabledReadings returns the readings that the enabled metrics need, the cheap ones first.
func enabledReadings(m metadata.MetricsConfig) []reading {
	all := []reading{
		{"utilization", countTrue(m.HwGpuUtilization.Enabled), readUtilization},
		{"temperature", countTrue(m.HwTemperature.Enabled), readTemperature},
		{"power", countTrue(m.HwPower.Enabled), readPower},
		{"memory", countTrue(m.HwGpuMemoryUsage.Enabled, m.HwGpuMemoryLimit.Enabled,
			m.HwGpuMemoryUtilization.Enabled, m.GpuMemoryUsedMb.Enabled), readMemory},
		{"energy", countTrue(m.HwEnergy.Enabled), readEnergy},
	}
	return slices.DeleteFunc(all, func(r reading) bool { return r.metrics == 0 })
}

func countTrue(flags ...bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

func readUtilization(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error {
	percent, err := fenced(dev.Utilization)
	if err != nil {
		return err
	}
	if percent > 100 {
		return fmt.Errorf("implausible answer of the driver: %d %%", percent)
	}
	mb.RecordHwGpuUtilizationDataPoint(now, float64(percent)/100,
		metadata.AttributeHwGpuTaskGeneral, g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	return nil
}

func readTemperature(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error {
	celsius, err := fenced(dev.Temperature)
	if err != nil {
		return err
	}
	mb.RecordHwTemperatureDataPoint(now, celsius, g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	return nil
}

func readPower(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error {
	milliwatts, err := fenced(dev.Power)
	if err != nil {
		return err
	}
	mb.RecordHwPowerDataPoint(now, float64(milliwatts)/1000, g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	return nil
}

func readMemory(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error {
	mem, err := fenced(dev.Memory)
	if err != nil {
		return err
	}
	// NVML writes all ones for "not available" in places, and a ratio of such numbers would look like a value.
	if mem.total == 0 || mem.total > math.MaxInt64 || mem.used > mem.total {
		return fmt.Errorf("implausible answer of the driver: %d of %d bytes used", mem.used, mem.total)
	}
	mb.RecordHwGpuMemoryLimitDataPoint(now, int64(mem.total), g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	mb.RecordHwGpuMemoryUsageDataPoint(now, int64(mem.used), g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	mb.RecordHwGpuMemoryUtilizationDataPoint(now, float64(mem.used)/float64(mem.total),
		g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	mb.RecordGpuMemoryUsedMbDataPoint(now, float64(mem.used)/bytesPerMiB, g.name)
	return nil
}

func readEnergy(mb *metadata.MetricsBuilder, now pcommon.Timestamp, g *gpu, dev device) error {
	millijoules, err := fenced(dev.Energy)
	if err != nil {
		return err
	}
	g.energy.observe(now, millijoules)
	mb.RecordHwEnergyDataPoint(now, float64(millijoules)/1000, g.uuid, g.model, g.name, metadata.AttributeHwTypeGpu, vendor)
	return nil
}
