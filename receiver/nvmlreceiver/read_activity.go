package nvmlreceiver

import (
	"math"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// minGPMInterval is the least time that NVIDIA asks for between the two samples of a GPM metric.
const minGPMInterval = 100 * time.Millisecond

// activityReadings come from GPU performance monitoring (GPM), Hopper and later: how much of the GPU works, where
// utilization only says that something does. Each scrape takes a sample, and the metrics are over the time since the
// last one. MIG devices have no other utilization than this.
func activityReadings(m metadata.MetricsConfig) []reading {
	percentages := []gpmMetric{
		{nvml.GPMSMUtil, m.NvmlSmUtilization.Enabled, putRatio(func(p *pass, v float64) { put(p, p.mb.RecordNvmlSmUtilizationDataPoint, v) })},
		{nvml.GPMSMOccupancy, m.NvmlSmOccupancy.Enabled, putRatio(func(p *pass, v float64) { put(p, p.mb.RecordNvmlSmOccupancyDataPoint, v) })},
		{nvml.GPMTensorUtil, m.NvmlTensorUtilization.Enabled, putRatio(func(p *pass, v float64) { put(p, p.mb.RecordNvmlTensorUtilizationDataPoint, v) })},
		{nvml.GPMDRAMBandwidth, m.NvmlDramUtilization.Enabled, putRatio(func(p *pass, v float64) { put(p, p.mb.RecordNvmlDramUtilizationDataPoint, v) })},
		{nvml.GPMGraphicsUtil, m.HwGpuUtilization.Enabled, putRatio(func(p *pass, v float64) {
			if p.parent != "" || p.gpu.migEnabled {
				putBy(p, p.mb.RecordHwGpuUtilizationDataPoint, v, metadata.AttributeHwGpuTaskGeneral)
			}
		})},
	}
	throughputs := []gpmMetric{
		{nvml.GPMPCIeReceive, m.NvmlPcieThroughput.Enabled, putRate(func(p *pass, v float64) {
			putBy(p, p.mb.RecordNvmlPcieThroughputDataPoint, v, metadata.AttributeNetworkIoDirectionReceive)
		})},
		{nvml.GPMPCIeTransmit, m.NvmlPcieThroughput.Enabled, putRate(func(p *pass, v float64) {
			putBy(p, p.mb.RecordNvmlPcieThroughputDataPoint, v, metadata.AttributeNetworkIoDirectionTransmit)
		})},
		{nvml.GPMNVLinkReceive, m.NvmlNvlinkThroughput.Enabled, putRate(func(p *pass, v float64) {
			putBy(p, p.mb.RecordNvmlNvlinkThroughputDataPoint, v, metadata.AttributeNetworkIoDirectionReceive)
		})},
		{nvml.GPMNVLinkTransmit, m.NvmlNvlinkThroughput.Enabled, putRate(func(p *pass, v float64) {
			putBy(p, p.mb.RecordNvmlNvlinkThroughputDataPoint, v, metadata.AttributeNetworkIoDirectionTransmit)
		})},
	}
	var enabled []gpmMetric
	for _, metric := range append(percentages, throughputs...) {
		if metric.enabled {
			enabled = append(enabled, metric)
		}
	}
	return []reading{{
		name: "activity", on: onGPU | onMIG,
		metrics: countTrue(m.NvmlSmUtilization.Enabled, m.NvmlSmOccupancy.Enabled, m.NvmlTensorUtilization.Enabled,
			m.NvmlDramUtilization.Enabled, m.NvmlPcieThroughput.Enabled, m.NvmlNvlinkThroughput.Enabled,
			m.HwGpuUtilization.Enabled),
		read: func(p *pass) error { return p.readGPM(enabled) },
	}}
}

type gpmMetric struct {
	id      nvml.GPMMetricID
	enabled bool
	take    func(*pass, float64) error
}

func putRatio(emit func(*pass, float64)) func(*pass, float64) error {
	return func(p *pass, percent float64) error {
		value, err := ratio(percent)
		if err == nil {
			emit(p, value)
		}
		return err
	}
}

func putRate(emit func(*pass, float64)) func(*pass, float64) error {
	return func(p *pass, mebibytes float64) error {
		if !(mebibytes >= 0) || math.IsInf(mebibytes, 0) {
			return implausible("%v MiB/s", mebibytes)
		}
		emit(p, mebibytes*(1<<20))
		return nil
	}
}

// gpmState has two buffers of the driver, of which the later one of a scrape is the earlier one of the next.
type gpmState struct {
	earlier, later nvml.GPMSample
	taken          time.Time
	// unsupported are metrics that this GPU does not have.
	unsupported map[nvml.GPMMetricID]bool
}

// free gives the buffers back to the driver, which is still there.
func (s *gpmState) free() {
	for _, sample := range []nvml.GPMSample{s.earlier, s.later} {
		if sample != nil {
			// There is nothing to do about a failure, and nothing depends on it.
			_ = sample.Free()
		}
	}
	*s = gpmState{}
}

func (p *pass) readGPM(metrics []gpmMetric) error {
	s := &p.gpm
	if s.earlier == nil {
		return p.startGPM()
	}
	now := time.Now()
	if now.Sub(s.taken) < minGPMInterval {
		return nil
	}
	if err := p.dev.SampleGPM(s.later); err != nil {
		return err
	}
	questions := make([]nvml.GPMMetric, 0, len(metrics))
	asked := make([]gpmMetric, 0, len(metrics))
	for _, metric := range metrics {
		if !s.unsupported[metric.id] {
			asked = append(asked, metric)
			questions = append(questions, nvml.GPMMetric{ID: metric.id})
		}
	}
	err := p.lib.GPMMetrics(s.earlier, s.later, questions)
	s.earlier, s.later, s.taken = s.later, s.earlier, now
	if err != nil {
		return err
	}
	for i, metric := range asked {
		err := questions[i].Err
		if err == nil {
			err = metric.take(p, questions[i].Value)
		}
		if p.unsupported(err) {
			s.unsupported[metric.id] = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// startGPM takes the first sample; there is nothing to emit before the second.
func (p *pass) startGPM() (err error) {
	supported, err := p.dev.GPMSupported()
	if err != nil {
		return err
	}
	if !supported {
		return &nvml.CallError{Call: "nvmlGpmQueryDeviceSupport", Status: nvml.StatusNotSupported}
	}
	s := &p.gpm
	defer func() {
		if err != nil {
			s.free()
		}
	}()
	if s.earlier, err = p.lib.NewGPMSample(); err != nil {
		return err
	}
	if s.later, err = p.lib.NewGPMSample(); err != nil {
		return err
	}
	s.unsupported = map[nvml.GPMMetricID]bool{}
	s.taken = time.Now()
	return p.dev.SampleGPM(s.earlier)
}
