//go:build linux && cgo

package nvml

import (
	"fmt"
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

const gpmMetricsSymbol = "nvmlGpmMetricsGet"

type gpmSample struct {
	allocation
	session *session
	handle  nvml.GpmSample
}

func (l *library) NewGPMSample() (GPMSample, error) {
	handle, err := ask(l.session, "nvmlGpmSampleAlloc", l.api.GpmSampleAlloc)
	if err != nil {
		return nil, err
	}
	return &gpmSample{session: l.session, handle: handle}, nil
}

func (s *gpmSample) Free() error { return s.free(s.session, "nvmlGpmSampleFree", s.handle.Free) }

// useSample makes a call that uses a sample of a session.
func (s *session) useSample(symbol string, sample GPMSample, call func(nvml.GpmSample) error) error {
	ours, ok := sample.(*gpmSample)
	if !ok || ours.session != s {
		return &CallError{Call: symbol, Status: StatusInvalidArgument, Detail: "the sample is of another library"}
	}
	return ours.use(symbol, func() error { return call(ours.handle) })
}

func (d *device) GPMSupported() (bool, error) {
	support, err := ask(d.session, "nvmlGpmQueryDeviceSupport", d.handle.GpmQueryDeviceSupport)
	return support.IsSupportedDevice != 0, err
}

func (d *device) SampleGPM(into GPMSample) error {
	const symbol = "nvmlGpmSampleGet"
	return d.session.useSample(symbol, into, func(sample nvml.GpmSample) error {
		return d.session.call(symbol, func() nvml.Return { return sample.Get(d.handle) })
	})
}

func (l *library) GPMMetrics(earlier, later GPMSample, metrics []GPMMetric) error {
	s := l.session
	err := s.useSample(gpmMetricsSymbol, earlier, func(first nvml.GpmSample) error {
		return s.useSample(gpmMetricsSymbol, later, func(second nvml.GpmSample) error {
			return s.gpmMetrics(first, second, metrics)
		})
	})
	if err != nil {
		for i := range metrics {
			metrics[i].Value, metrics[i].Err = 0, err
		}
	}
	return err
}

func (s *session) gpmMetrics(first, second nvml.GpmSample, metrics []GPMMetric) error {
	if len(metrics) == 0 {
		return nil
	}
	// The structure has room for every metric there is, some 19 KB, and go-nvml copies it on the way in and on the way
	// out. The pool spares at least our own. It is no buffer behind a lock, because a call that hangs for one GPU would
	// then hold up all the others.
	buffer, ok := s.gpmBuffers.Get().(*nvml.GpmMetricsGetType)
	if !ok {
		buffer = new(nvml.GpmMetricsGetType)
	}
	defer s.gpmBuffers.Put(buffer)
	if len(metrics) > len(buffer.Metrics) {
		return &CallError{Call: gpmMetricsSymbol, Status: StatusInvalidArgument,
			Detail: fmt.Sprintf("%d metrics asked for", len(metrics))}
	}
	buffer.NumMetrics, buffer.Sample1, buffer.Sample2 = uint32(len(metrics)), first, second
	for i, metric := range metrics {
		buffer.Metrics[i] = nvml.GpmMetric{MetricId: uint32(metric.ID)}
	}
	if err := s.call(gpmMetricsSymbol, func() nvml.Return { return s.api.GpmMetricsGet(buffer) }); err != nil {
		return err
	}
	for i := range metrics {
		metrics[i].Value, metrics[i].Err = readGPMMetric(buffer.Metrics[i])
	}
	return nil
}

func readGPMMetric(answer nvml.GpmMetric) (float64, error) {
	if status := Status(answer.NvmlReturn); status != StatusSuccess {
		return 0, &CallError{Call: gpmMetricsSymbol, Status: status,
			Detail: fmt.Sprintf("metric %d: code %d", answer.MetricId, int(status))}
	}
	if math.IsNaN(answer.Value) || math.IsInf(answer.Value, 0) {
		return 0, &CallError{Call: gpmMetricsSymbol, Status: StatusUnknown,
			Detail: fmt.Sprintf("metric %d: value %v", answer.MetricId, answer.Value)}
	}
	return answer.Value, nil
}
