//go:build linux && cgo

package nvml

import "github.com/NVIDIA/go-nvml/pkg/nvml"

// MIGEnabled takes a GPU or driver that does not know MIG for one that is not in MIG mode.
func (d *device) MIGEnabled() (bool, error) {
	enabled, err := ask(d.session, "nvmlDeviceGetMigMode", func() (bool, nvml.Return) {
		current, _, ret := d.handle.GetMigMode()
		return current == nvml.DEVICE_MIG_ENABLE, ret
	})
	if IsUnsupported(err) {
		return false, nil
	}
	return enabled, err
}

// MIGDevices asks for every place where there can be a MIG device: the ones that are free may lie between others.
func (d *device) MIGDevices() ([]MIGDevice, error) {
	places, err := ask(d.session, "nvmlDeviceGetMaxMigDeviceCount", d.handle.GetMaxMigDeviceCount)
	if err != nil {
		return nil, err
	}
	var devices []MIGDevice
	for index := range places {
		handle, err := ask(d.session, "nvmlDeviceGetMigDeviceHandleByIndex", func() (nvml.Device, nvml.Return) {
			return d.handle.GetMigDeviceHandleByIndex(index)
		})
		if StatusOf(err) == StatusNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		devices = append(devices, d.describeMIG(index, handle))
	}
	return devices, nil
}

// describeMIG leaves out what cannot be had: the device may go away at any time, and the calls that follow will tell.
func (d *device) describeMIG(index int, handle nvml.Device) MIGDevice {
	instance := migDevice{device: device{session: d.session, handle: handle}, parent: d, gpuInstance: NoInstance}
	described := MIGDevice{Device: &instance, Index: index, ComputeInstance: NoInstance}
	if id, err := ask(d.session, "nvmlDeviceGetGpuInstanceId", handle.GetGpuInstanceId); err == nil {
		instance.gpuInstance = uint32(id)
	}
	described.GPUInstance = instance.gpuInstance
	if id, err := ask(d.session, "nvmlDeviceGetComputeInstanceId", handle.GetComputeInstanceId); err == nil {
		described.ComputeInstance = uint32(id)
	}
	symbol := d.session.newest("nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes")
	if attributes, err := ask(d.session, symbol, handle.GetAttributes); err == nil {
		described.Multiprocessors = attributes.MultiprocessorCount
		described.GPUInstanceSlices = uint64(attributes.GpuInstanceSliceCount)
		described.MemoryMiB = attributes.MemorySizeMB
	}
	return described
}

// migDevice is a MIG device. GPU performance monitoring knows it only as an instance of its GPU.
type migDevice struct {
	device
	parent      *device
	gpuInstance uint32
}

func (d *migDevice) GPMSupported() (bool, error) { return d.parent.GPMSupported() }

func (d *migDevice) SampleGPM(into GPMSample) error {
	const symbol = "nvmlGpmMigSampleGet"
	if d.gpuInstance == NoInstance {
		return &CallError{Call: symbol, Status: StatusNotSupported, Detail: "the GPU instance is not known"}
	}
	return d.session.useSample(symbol, into, func(sample nvml.GpmSample) error {
		return d.session.call(symbol, func() nvml.Return { return sample.MigGet(d.parent.handle, int(d.gpuInstance)) })
	})
}
