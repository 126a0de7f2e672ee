package nvmlreceiver

import (
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

const bytesPerMiB = 1 << 20

// memoryReadings are of the memory, of MIG devices too.
func memoryReadings(m metadata.MetricsConfig) []reading {
	return []reading{
		{
			name: "memory", on: onGPU | onMIG,
			metrics: countTrue(m.HwGpuMemoryUsage.Enabled, m.HwGpuMemoryLimit.Enabled, m.HwGpuMemoryUtilization.Enabled,
				m.NvmlMemoryFree.Enabled, m.NvmlMemoryReserved.Enabled, m.GpuMemoryUsedMb.Enabled),
			read: (*pass).readMemory,
		},
		{
			name: "BAR1", on: onGPU, tier: moderate,
			metrics: countTrue(m.NvmlBar1Usage.Enabled, m.NvmlBar1Limit.Enabled),
			read:    (*pass).readBAR1,
		},
	}
}

func (p *pass) readMemory() error {
	mem, err := p.dev.Memory()
	if err != nil {
		return err
	}
	// Answers that are not a size would look like one in a ratio.
	if mem.Total == 0 || mem.Total > math.MaxInt64 || mem.Used > mem.Total || mem.Free > mem.Total || mem.Reserved > mem.Total {
		return implausible("%d used, %d free and %d reserved of %d bytes", mem.Used, mem.Free, mem.Reserved, mem.Total)
	}
	put(p, p.mb.RecordHwGpuMemoryLimitDataPoint, int64(mem.Total))
	put(p, p.mb.RecordHwGpuMemoryUsageDataPoint, int64(mem.Used))
	put(p, p.mb.RecordHwGpuMemoryUtilizationDataPoint, float64(mem.Used)/float64(mem.Total))
	put(p, p.mb.RecordNvmlMemoryFreeDataPoint, int64(mem.Free))
	if mem.ReservedKnown {
		put(p, p.mb.RecordNvmlMemoryReservedDataPoint, int64(mem.Reserved))
	}
	if p.parent == "" {
		p.mb.RecordGpuMemoryUsedMbDataPoint(p.now, float64(mem.Used)/bytesPerMiB, p.name)
	}
	return nil
}

func (p *pass) readBAR1() error {
	bar1, err := p.dev.BAR1()
	if err != nil {
		return err
	}
	if bar1.Total > math.MaxInt64 || bar1.Used > bar1.Total {
		return implausible("%d of %d bytes used", bar1.Used, bar1.Total)
	}
	put(p, p.mb.RecordNvmlBar1LimitDataPoint, int64(bar1.Total))
	put(p, p.mb.RecordNvmlBar1UsageDataPoint, int64(bar1.Used))
	return nil
}
