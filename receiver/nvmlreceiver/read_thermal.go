package nvmlreceiver

import (
	"fmt"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// thermalReadings are of temperatures and fans.
func thermalReadings(m metadata.MetricsConfig) []reading {
	readings := []reading{
		{
			name: "temperature", on: onGPU, metrics: countTrue(m.HwTemperature.Enabled),
			read: func(p *pass) error {
				celsius, err := p.dev.Temperature()
				if err != nil {
					return err
				}
				putBy(p, p.mb.RecordHwTemperatureDataPoint, celsius, metadata.AttributeHwSensorLocationGpu)
				return nil
			},
		},
		{
			name: "temperature margin", on: onGPU, tier: moderate, metrics: countTrue(m.NvmlTemperatureMargin.Enabled),
			read: func(p *pass) error {
				celsius, err := p.dev.TemperatureMargin()
				if err != nil {
					return err
				}
				put(p, p.mb.RecordNvmlTemperatureMarginDataPoint, celsius)
				return nil
			},
		},
		{
			name: "fans", on: onGPU, tier: moderate, metrics: countTrue(m.HwFanSpeedRatio.Enabled),
			read: (*pass).readFans,
		},
	}
	for _, limit := range []struct {
		of       nvml.Threshold
		kind     metadata.AttributeHwLimitType
		location metadata.AttributeHwSensorLocation
	}{
		{nvml.ThresholdShutdown, metadata.AttributeHwLimitTypeHighCritical, metadata.AttributeHwSensorLocationGpu},
		{nvml.ThresholdSlowdown, metadata.AttributeHwLimitTypeHighDegraded, metadata.AttributeHwSensorLocationGpu},
		{nvml.ThresholdGPUMax, metadata.AttributeHwLimitTypeMax, metadata.AttributeHwSensorLocationGpu},
		{nvml.ThresholdMemoryMax, metadata.AttributeHwLimitTypeMax, metadata.AttributeHwSensorLocationMemory},
	} {
		readings = append(readings, reading{
			name: fmt.Sprintf("temperature limit %s %s", limit.location, limit.kind), on: onGPU, tier: rare,
			metrics: countTrue(m.HwTemperatureLimit.Enabled),
			read: func(p *pass) error {
				celsius, err := p.dev.TemperatureThreshold(limit.of)
				if err != nil {
					return err
				}
				p.mb.RecordHwTemperatureLimitDataPoint(p.now, celsius, limit.kind, limit.location,
					p.uuid, p.model, p.name, metadata.AttributeHwTypeGpu, vendor)
				return nil
			},
		})
	}
	return readings
}

// thermalFields are temperatures that NVML has as fields alone.
func thermalFields(m metadata.MetricsConfig) []field {
	return []field{{
		id: nvml.FieldMemoryTemperature, name: "memory temperature", tier: costly, metrics: countTrue(m.HwTemperature.Enabled),
		take: func(p *pass, n nvml.FieldNumber) error {
			if n.Uint == 0 {
				// What GPUs without a sensor answer in place of "not supported".
				return &nvml.CallError{Call: "nvmlDeviceGetFieldValues", Status: nvml.StatusNotSupported, Detail: "no memory temperature"}
			}
			putBy(p, p.mb.RecordHwTemperatureDataPoint, int64(n.Uint), metadata.AttributeHwSensorLocationMemory)
			return nil
		},
	}}
}

// readFans emits each fan as hardware of its own, which the conventions want, with the GPU as its parent.
func (p *pass) readFans() error {
	fans, err := p.dev.FanCount()
	if err != nil {
		return err
	}
	for fan := range fans {
		percent, err := p.dev.FanSpeed(fan)
		if err != nil {
			return err
		}
		if percent > 1000 {
			return implausible("%d %%", percent)
		}
		p.mb.RecordHwFanSpeedRatioDataPoint(p.now, float64(percent)/100, fmt.Sprintf("%s/fan%d", p.uuid, fan), p.model,
			fmt.Sprintf("%s fan%d", p.name, fan), metadata.AttributeHwTypeFan, vendor,
			metadata.WithHwParentMetricAttribute(p.uuid))
	}
	return nil
}
