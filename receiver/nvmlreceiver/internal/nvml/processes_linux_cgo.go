//go:build linux && cgo

package nvml

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// memoryNotAvailable is NVML_VALUE_NOT_AVAILABLE in the memory of a process.
const memoryNotAvailable = math.MaxUint64

func (d *device) Processes() ([]Process, error) {
	compute, computeErr := ask(d.session, d.session.newest("nvmlDeviceGetComputeRunningProcesses_v3",
		"nvmlDeviceGetComputeRunningProcesses_v2", "nvmlDeviceGetComputeRunningProcesses"),
		d.handle.GetComputeRunningProcesses)
	if computeErr != nil && !IsUnsupported(computeErr) {
		return nil, computeErr
	}
	graphics, err := ask(d.session, d.session.newest("nvmlDeviceGetGraphicsRunningProcesses_v3",
		"nvmlDeviceGetGraphicsRunningProcesses_v2", "nvmlDeviceGetGraphicsRunningProcesses"),
		d.handle.GetGraphicsRunningProcesses)
	if err != nil && (computeErr != nil || !IsUnsupported(err)) {
		return nil, err
	}
	processes := make([]Process, 0, len(compute)+len(graphics))
	for _, infos := range [][]nvml.ProcessInfo{compute, graphics} {
		for _, info := range infos {
			process := Process{PID: info.Pid, GPUInstance: info.GpuInstanceId, ComputeInstance: info.ComputeInstanceId}
			if info.UsedGpuMemory != memoryNotAvailable {
				process.Memory, process.MemoryKnown = info.UsedGpuMemory, true
			}
			processes = append(processes, process)
		}
	}
	return processes, nil
}

func (d *device) ProcessUtilization(since uint64) ([]ProcessUtilization, error) {
	const symbol = "nvmlDeviceGetProcessUtilization"
	raw, err := list(d.session, symbol, func() ([]nvml.ProcessUtilizationSample, nvml.Return) {
		return d.handle.GetProcessUtilization(since)
	})
	if err != nil {
		return nil, err
	}
	samples := make([]ProcessUtilization, 0, len(raw))
	for _, sample := range raw {
		// The driver leaves zeros where it announced more samples than it then has.
		if sample.TimeStamp <= since {
			continue
		}
		samples = append(samples, ProcessUtilization{
			PID: sample.Pid, Timestamp: sample.TimeStamp,
			SM: sample.SmUtil, Memory: sample.MemUtil, Encoder: sample.EncUtil, Decoder: sample.DecUtil,
		})
	}
	return samples, nil
}
