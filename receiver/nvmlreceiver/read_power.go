package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// powerReadings are of power and energy.
func powerReadings(m metadata.MetricsConfig) []reading {
	limits := countTrue(m.NvmlPowerLimit.Enabled)
	return []reading{
		{
			name: "power", on: onGPU, metrics: countTrue(m.HwPower.Enabled),
			read: func(p *pass) error {
				milliwatts, err := p.dev.Power()
				if err != nil {
					return err
				}
				put(p, p.mb.RecordHwPowerDataPoint, watts(milliwatts))
				return nil
			},
		},
		{
			name: "energy", on: onGPU, tier: costly, metrics: countTrue(m.HwEnergy.Enabled),
			read: func(p *pass) error {
				millijoules, err := p.dev.Energy()
				if err != nil {
					return err
				}
				put(p, p.mb.RecordHwEnergyDataPoint, float64(p.gpu.count("hw.energy", "", millijoules, 64))/1000)
				return nil
			},
		},
		{
			name: "enforced power limit", on: onGPU, tier: rare, metrics: limits,
			read: func(p *pass) error {
				milliwatts, err := p.dev.EnforcedPowerLimit()
				if err != nil {
					return err
				}
				putBy(p, p.mb.RecordNvmlPowerLimitDataPoint, watts(milliwatts), metadata.AttributeNvmlPowerLimitTypeEnforced)
				return nil
			},
		},
		{
			name: "default power limit", on: onGPU, tier: rare, metrics: limits,
			read: func(p *pass) error {
				milliwatts, err := p.dev.DefaultPowerLimit()
				if err != nil {
					return err
				}
				putBy(p, p.mb.RecordNvmlPowerLimitDataPoint, watts(milliwatts), metadata.AttributeNvmlPowerLimitTypeDefault)
				return nil
			},
		},
		{
			name: "power limit range", on: onGPU, tier: rare, metrics: limits,
			read: func(p *pass) error {
				lowest, highest, err := p.dev.PowerLimitRange()
				if err != nil {
					return err
				}
				putBy(p, p.mb.RecordNvmlPowerLimitDataPoint, watts(lowest), metadata.AttributeNvmlPowerLimitTypeMin)
				putBy(p, p.mb.RecordNvmlPowerLimitDataPoint, watts(highest), metadata.AttributeNvmlPowerLimitTypeMax)
				return nil
			},
		},
	}
}

// powerFields are powers that NVML has as fields alone.
func powerFields(m metadata.MetricsConfig) []field {
	return []field{{
		id: nvml.FieldPowerInstant, name: "instantaneous power", tier: costly, metrics: countTrue(m.NvmlPowerInstant.Enabled),
		take: func(p *pass, n nvml.FieldNumber) error {
			put(p, p.mb.RecordNvmlPowerInstantDataPoint, float64(n.Uint)/1000)
			return nil
		},
	}}
}

func watts(milliwatts uint32) float64 { return float64(milliwatts) / 1000 }
