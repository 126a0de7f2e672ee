package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// utilizationReadings are of engines, as fractions of time. The driver keeps a history of samples for some seconds, of
// which each scrape takes those that are new. GPUs without such a history have the last sample period alone.
func utilizationReadings(m metadata.MetricsConfig) []reading {
	utilization := countTrue(m.HwGpuUtilization.Enabled)
	return []reading{
		{
			name: "utilization", metrics: utilization, on: onGPU,
			read: func(p *pass) error {
				return p.readSamples(nvml.GPUUtilizationSamples, func() (uint32, error) {
					rates, err := p.dev.Utilization()
					return rates.GPU, err
				}, p.putTask(metadata.AttributeHwGpuTaskGeneral))
			},
		},
		{
			name: "memory activity", metrics: countTrue(m.NvmlMemoryActivity.Enabled), on: onGPU,
			read: func(p *pass) error {
				return p.readSamples(nvml.MemoryUtilizationSamples, func() (uint32, error) {
					rates, err := p.dev.Utilization()
					return rates.Memory, err
				}, func(value float64) { put(p, p.mb.RecordNvmlMemoryActivityDataPoint, value) })
			},
		},
		{
			name: "encoder utilization", metrics: utilization, on: onGPU,
			read: func(p *pass) error {
				return p.readSamples(nvml.EncoderUtilizationSamples, p.dev.EncoderUtilization,
					p.putTask(metadata.AttributeHwGpuTaskEncoder))
			},
		},
		{
			name: "decoder utilization", metrics: utilization, on: onGPU,
			read: func(p *pass) error {
				return p.readSamples(nvml.DecoderUtilizationSamples, p.dev.DecoderUtilization,
					p.putTask(metadata.AttributeHwGpuTaskDecoder))
			},
		},
	}
}

func (p *pass) putTask(task metadata.AttributeHwGpuTask) func(float64) {
	return func(value float64) { putBy(p, p.mb.RecordHwGpuUtilizationDataPoint, value, task) }
}

// samples is the state of one history of samples.
type samples struct {
	average average
	// unsupported tells that the driver keeps no such history.
	unsupported bool
}

// readSamples emits the mean of the samples since the last scrape, or the answer of the other call where the driver
// keeps no samples.
func (p *pass) readSamples(of nvml.SampleType, lastPeriod func() (uint32, error), emit func(float64)) error {
	s := p.averages[of]
	if s == nil {
		s = &samples{}
		p.averages[of] = s
	}
	if !s.unsupported {
		history, err := p.dev.Samples(of, s.average.until)
		switch {
		case err == nil:
			mean, covered := s.average.add(history)
			if covered == 0 {
				// Nothing is known of the time since: the scrapes come faster than the samples.
				return nil
			}
			value, err := ratio(mean)
			if err == nil {
				emit(value)
			}
			return err
		case !p.unsupported(err):
			return err
		}
		s.unsupported = true
	}
	percent, err := lastPeriod()
	if err != nil {
		return err
	}
	value, err := ratio(float64(percent))
	if err == nil {
		emit(value)
	}
	return err
}
