package nvmlreceiver

import (
	"cmp"
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// processReadings are of the processes on a GPU or MIG device, and of the pods that hold it.
func processReadings(cfg *Config) []reading {
	m := cfg.Metrics
	return []reading{
		{
			name: "processes", on: onGPU | onMIG, tier: moderate,
			// Whether the GPUs are idle is known from their processes alone.
			metrics: countTrue(m.NvmlProcessCount.Enabled, m.NvmlProcessMemoryUsage.Enabled, cfg.ReleaseWhenIdle),
			read:    (*pass).readProcesses,
		},
		{
			name: "process utilization", on: onGPU, tier: costly, metrics: countTrue(m.NvmlProcessUtilization.Enabled),
			read: (*pass).readProcessUtilization,
		},
		{
			name: "allocation", on: onGPU | onMIG, tier: moderate,
			metrics: countTrue(m.NvmlAllocation.Enabled && cfg.Attribution.PodResources != ""),
			read:    (*pass).readAllocation,
		},
	}
}

// readProcesses counts the processes, and names those with most memory.
func (p *pass) readProcesses() error {
	if p.gpu.migEnabled && p.parent == "" {
		// Its MIG devices are asked one by one; the answer for all of them needs more rights.
		p.processes = nil
		return nil
	}
	listed, err := p.dev.Processes()
	if err != nil {
		return err
	}
	p.processes = oneEach(listed)
	put(p, p.mb.RecordNvmlProcessCountDataPoint, int64(len(p.processes)))
	for _, process := range p.processes[:min(len(p.processes), p.users.maxProcesses)] {
		if process.MemoryKnown && process.Memory <= math.MaxInt64 {
			p.mb.RecordNvmlProcessMemoryUsageDataPoint(p.now, int64(process.Memory), p.uuid, p.name,
				append(p.users.user(p.entity, process.PID).metricOptions(), p.options...)...)
		}
	}
	return nil
}

// oneEach returns each process once, those with most memory first. A process that does compute and graphics is listed
// for both, with all of its memory.
func oneEach(listed []nvml.Process) []nvml.Process {
	slices.SortFunc(listed, func(a, b nvml.Process) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(b.Memory, a.Memory))
	})
	once := slices.CompactFunc(listed, func(a, b nvml.Process) bool { return a.PID == b.PID })
	slices.SortStableFunc(once, func(a, b nvml.Process) int { return cmp.Compare(b.Memory, a.Memory) })
	return once
}

// readProcessUtilization emits the mean of the samples of each process since the last reading.
func (p *pass) readProcessUtilization() error {
	if p.gpu.migEnabled {
		return nil
	}
	samples, err := p.dev.ProcessUtilization(p.processUtilizationTo)
	if err != nil {
		return err
	}
	type sum struct {
		pid     uint32
		samples float64
		engines [4]float64
	}
	var sums []*sum
	byPID := map[uint32]*sum{}
	for _, sample := range samples {
		p.processUtilizationTo = max(p.processUtilizationTo, sample.Timestamp)
		if sample.PID == 0 {
			continue
		}
		s := byPID[sample.PID]
		if s == nil {
			s = &sum{pid: sample.PID}
			byPID[sample.PID] = s
			sums = append(sums, s)
		}
		s.samples++
		for i, percent := range [4]uint32{sample.SM, sample.Memory, sample.Encoder, sample.Decoder} {
			s.engines[i] += float64(percent)
		}
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Compare(b.engines[0]/b.samples, a.engines[0]/a.samples) })
	for _, s := range sums[:min(len(sums), p.users.maxProcesses)] {
		options := append(p.users.user(p.entity, s.pid).metricOptions(), p.options...)
		for i, engine := range [4]metadata.AttributeNvmlProcessEngine{
			metadata.AttributeNvmlProcessEngineSm, metadata.AttributeNvmlProcessEngineMemory,
			metadata.AttributeNvmlProcessEngineEncoder, metadata.AttributeNvmlProcessEngineDecoder,
		} {
			value, err := ratio(s.engines[i] / s.samples)
			if err != nil {
				return err
			}
			p.mb.RecordNvmlProcessUtilizationDataPoint(p.now, value, engine, p.uuid, p.name, options...)
		}
	}
	return nil
}

// readAllocation emits who holds the GPU or MIG device, beside its other metrics instead of in their attributes: so a
// GPU that several pods share has its values once.
func (p *pass) readAllocation() error {
	for _, holder := range p.users.holders(p.entity) {
		p.mb.RecordNvmlAllocationDataPoint(p.now, 1, p.uuid, p.name, holder.Resource, append([]metadata.MetricAttributeOption{
			metadata.WithK8sNamespaceNameMetricAttribute(holder.Namespace),
			metadata.WithK8sPodNameMetricAttribute(holder.Pod),
			metadata.WithK8sContainerNameMetricAttribute(holder.Container),
		}, p.options...)...)
	}
	return nil
}
