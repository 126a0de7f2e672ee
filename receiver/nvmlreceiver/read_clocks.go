package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

const hertzPerMHz = 1_000_000

// clockReadings are of clocks and of the performance state that they belong to.
func clockReadings(m metadata.MetricsConfig) []reading {
	readings := []reading{{
		name: "performance state", on: onGPU, metrics: countTrue(m.NvmlPerformanceState.Enabled),
		read: func(p *pass) error {
			state, err := p.dev.PerformanceState()
			if err != nil {
				return err
			}
			put(p, p.mb.RecordNvmlPerformanceStateDataPoint, state)
			return nil
		},
	}}
	for _, clock := range []struct {
		domain nvml.ClockDomain
		name   metadata.AttributeNvmlClockDomain
	}{
		{nvml.ClockGraphics, metadata.AttributeNvmlClockDomainGraphics},
		{nvml.ClockSM, metadata.AttributeNvmlClockDomainSm},
		{nvml.ClockMemory, metadata.AttributeNvmlClockDomainMemory},
		{nvml.ClockVideo, metadata.AttributeNvmlClockDomainVideo},
	} {
		readings = append(readings,
			reading{
				name: clock.name.String() + " clock", on: onGPU, metrics: countTrue(m.NvmlClockFrequency.Enabled),
				read: func(p *pass) error {
					megahertz, err := p.dev.Clock(clock.domain)
					if err != nil {
						return err
					}
					putBy(p, p.mb.RecordNvmlClockFrequencyDataPoint, int64(megahertz)*hertzPerMHz, clock.name)
					return nil
				},
			},
			reading{
				name: clock.name.String() + " clock limit", on: onGPU, tier: rare, metrics: countTrue(m.NvmlClockLimit.Enabled),
				read: func(p *pass) error {
					megahertz, err := p.dev.MaxClock(clock.domain)
					if err != nil {
						return err
					}
					putBy(p, p.mb.RecordNvmlClockLimitDataPoint, int64(megahertz)*hertzPerMHz, clock.name)
					return nil
				},
			})
	}
	return readings
}
