//go:build linux && cgo

package nvml

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

func TestOpenWithoutLibrary(t *testing.T) {
	lib := New(filepath.Join(t.TempDir(), fakenvml.LibraryName))
	err := lib.Open()
	require.ErrorContains(t, err, "No such file or directory")
	require.Equal(t, StatusLibraryNotFound, StatusOf(err))
	_, err = lib.DeviceCount()
	require.Equal(t, StatusUninitialized, StatusOf(err))
	require.NoError(t, lib.Close())
}

// The driver is loaded, unloaded and loaded again, and what was made before it went is of no use afterwards.
func TestReopen(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	unloaded := fakenvml.Healthy(1)
	unloaded.Set("init.error", 9)
	h := newHost(t, fakenvml.Build(t, t.TempDir()), unloaded)
	require.EqualError(t, h.Open(), "nvmlInit_v2: driver not loaded (9)")

	h.set(t, fakenvml.Healthy(1))
	require.NoError(t, h.Open())
	gpu := h.gpu(t, 0)
	power, err := gpu.Power()
	require.NoError(t, err)
	sample, err := h.NewGPMSample()
	require.NoError(t, err)
	require.NoError(t, h.Close())
	require.NoError(t, h.Close(), "a second time does nothing")
	_, err = gpu.Power()
	require.EqualError(t, err, "nvmlDeviceGetPowerUsage: uninitialized (1)")

	require.NoError(t, h.Open())
	_, err = gpu.Power()
	require.EqualError(t, err, "nvmlDeviceGetPowerUsage: uninitialized (1)", "a handle of the earlier session")
	require.Equal(t, StatusUninitialized, StatusOf(sample.Free()))
	require.Equal(t, StatusInvalidArgument, StatusOf(h.gpu(t, 0).SampleGPM(sample)))
	again, err := h.gpu(t, 0).Power()
	require.NoError(t, err)
	require.Equal(t, power, again)

	stats := h.stats()
	require.Equal(t, [2]int64{3, 1}, [2]int64{stats["nvmlInit_v2"].Calls, stats["nvmlInit_v2"].Failed})
	require.Equal(t, int64(1), stats["nvmlShutdown"].Calls)
	require.Equal(t, int64(2), stats["nvmlDeviceGetPowerUsage"].Calls)
	require.NoError(t, h.Close())
}

func TestFieldsFollowTheDriver(t *testing.T) {
	for version, want := range map[string]uint64{"580.65.06": 251, "580.82.07": 269, "unknown": 269} {
		t.Run(version, func(t *testing.T) {
			if !fakenvml.InOwnProcess(t) {
				return
			}
			scenario := fakenvml.Healthy(1)
			scenario.Set("driver.version", version)
			scenario.SetGPU(0, "field.251", 251)
			scenario.SetGPU(0, "field.269", 269)
			h := openHost(t, scenario)
			values := []Field{{ID: FieldThrottleSoftwareThermal}}
			require.NoError(t, h.gpu(t, 0).Fields(values))
			require.Equal(t, []Field{{ID: FieldThrottleSoftwareThermal, Value: FieldNumber{Uint: want, Bits: 64}}}, values)
		})
	}
}

func TestFields(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "field.186", 250_000)
	scenario.SetGPU(0, "field.186.type", "uint")
	scenario.SetGPU(0, "field.138", 1<<40)
	scenario.UnsetGPU(0, "field.82")
	scenario.SetGPU(0, "field.197.error", 2)
	h := openHost(t, scenario)
	gpu := h.gpu(t, 0)
	values := []Field{
		{ID: FieldPowerInstant},
		{ID: FieldNVLinkTransmit, Scope: AllLinks},
		{ID: FieldNVLinkTransmit, Value: FieldNumber{Uint: 1}},
		{ID: FieldMemoryTemperature},
		{ID: FieldPCIeTransmit},
	}
	require.NoError(t, gpu.Fields(values))
	require.Equal(t, Field{ID: FieldPowerInstant, Value: FieldNumber{Uint: 250_000, Bits: 32}}, values[0])
	require.Equal(t, Field{ID: FieldNVLinkTransmit, Scope: AllLinks, Value: FieldNumber{Uint: 1 << 40, Bits: 64}}, values[1])
	require.Equal(t, StatusNotSupported, StatusOf(values[2].Err), "without its scope the field is not known")
	require.Zero(t, values[2].Value)
	require.Equal(t, StatusNotSupported, StatusOf(values[3].Err))
	require.EqualError(t, values[4].Err, "nvmlDeviceGetFieldValues: not supported: field 197: code 2")
	require.NoError(t, gpu.Fields(nil))
	require.Equal(t, int64(1), h.stats()["nvmlDeviceGetFieldValues"].Calls, "one call for all")

	scenario.SetGPU(0, "lost", 1)
	h.set(t, scenario)
	require.EqualError(t, gpu.Fields(values), "nvmlDeviceGetFieldValues: GPU is lost (15)")
	for _, value := range values {
		require.Equal(t, StatusGPUIsLost, StatusOf(value.Err))
		require.Zero(t, value.Value)
	}
}

func TestSamples(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "samples.gpu", "at 1000=10,2000=20,3000=30")
	scenario.UnsetGPU(0, "samples.encoder")
	h := openHost(t, scenario)
	gpu := h.gpu(t, 0)
	samples, err := gpu.Samples(GPUUtilizationSamples, 0)
	require.NoError(t, err)
	require.Equal(t, []Sample{{1000, 10}, {2000, 20}, {3000, 30}}, samples)
	samples, err = gpu.Samples(GPUUtilizationSamples, 1000)
	require.NoError(t, err)
	require.Equal(t, []Sample{{2000, 20}, {3000, 30}}, samples)
	samples, err = gpu.Samples(GPUUtilizationSamples, 3000)
	require.NoError(t, err)
	require.Empty(t, samples)
	_, err = gpu.Samples(EncoderUtilizationSamples, 0)
	require.EqualError(t, err, "nvmlDeviceGetSamples: not supported (3)")
}

func TestProcesses(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "processes", "11:512,12:na,13:1")
	scenario.SetGPU(0, "processes.graphics", "11:7")
	h := openHost(t, scenario)
	gpu := h.gpu(t, 0)
	process := func(pid uint32, mebibytes uint64) Process {
		return Process{PID: pid, Memory: mebibytes << 20, MemoryKnown: true, GPUInstance: NoInstance, ComputeInstance: NoInstance}
	}
	processes, err := gpu.Processes()
	require.NoError(t, err)
	require.Equal(t, []Process{
		process(11, 512), {PID: 12, GPUInstance: NoInstance, ComputeInstance: NoInstance}, process(13, 1), process(11, 7),
	}, processes)

	for _, tt := range []struct {
		compute, graphics int
		want              []Process
		err               string
	}{
		{graphics: 3, want: []Process{process(13, 1)}},
		{compute: 3, want: []Process{process(11, 7)}},
		{compute: 3, graphics: 3, err: "nvmlDeviceGetGraphicsRunningProcesses_v3: not supported (3)"},
		{compute: 4, err: "nvmlDeviceGetComputeRunningProcesses_v3: no permission (4)"},
		{graphics: 4, err: "nvmlDeviceGetGraphicsRunningProcesses_v3: no permission (4)"},
	} {
		scenario.SetGPU(0, "processes", "13:1")
		for kind, code := range map[string]int{"Compute": tt.compute, "Graphics": tt.graphics} {
			key := "error.nvmlDeviceGet" + kind + "RunningProcesses_v3"
			scenario.UnsetGPU(0, key)
			if code != 0 {
				scenario.SetGPU(0, key, code)
			}
		}
		h.set(t, scenario)
		processes, err := gpu.Processes()
		require.Equal(t, tt.want, processes)
		if tt.err == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, tt.err)
	}
}

func TestProcessUtilization(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "process.utilization", "11:50:20:3:4,12:1:2:0:0")
	h := openHost(t, scenario)
	gpu := h.gpu(t, 0)
	before := uint64(time.Now().UnixMicro())
	samples, err := gpu.ProcessUtilization(before - 1)
	require.NoError(t, err)
	require.Len(t, samples, 2)
	require.GreaterOrEqual(t, samples[0].Timestamp, before)
	samples[0].Timestamp = 0
	require.Equal(t, ProcessUtilization{PID: 11, SM: 50, Memory: 20, Encoder: 3, Decoder: 4}, samples[0])
	require.Equal(t, uint32(12), samples[1].PID)

	samples, err = gpu.ProcessUtilization(uint64(time.Now().Add(time.Hour).UnixMicro()))
	require.NoError(t, err)
	require.Empty(t, samples)

	// go-nvml panics when the list grows between its two calls.
	calls := h.stats()["nvmlDeviceGetProcessUtilization"].Calls
	scenario.SetGPU(0, "process.utilization.grows", 1)
	h.set(t, scenario)
	_, err = gpu.ProcessUtilization(0)
	require.ErrorContains(t, err, "nvmlDeviceGetProcessUtilization: unknown error: panic: runtime error: slice bounds out of range")
	require.Equal(t, calls+2, h.stats()["nvmlDeviceGetProcessUtilization"].Calls, "tried once more")

	scenario.UnsetGPU(0, "process.utilization.grows")
	h.set(t, scenario)
	samples, err = gpu.ProcessUtilization(0)
	require.NoError(t, err)
	require.Len(t, samples, 2)
}

func TestMIG(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := migHost()
	scenario.SetMIGDevice(1, 2, "gpm.2", "62.5")
	h := openHost(t, scenario)
	whole, gpu := h.gpu(t, 0), h.gpu(t, 1)
	enabled, err := whole.MIGEnabled()
	require.NoError(t, err)
	require.False(t, enabled)
	enabled, err = gpu.MIGEnabled()
	require.NoError(t, err)
	require.True(t, enabled)
	_, err = whole.MIGDevices()
	require.True(t, IsUnsupported(err), "%v", err)

	devices, err := gpu.MIGDevices()
	require.NoError(t, err)
	require.Len(t, devices, 1)
	mig := devices[0]
	require.Equal(t, MIGDevice{
		Device: mig.Device, Index: 2, GPUInstance: 9, ComputeInstance: 0,
		Multiprocessors: 32, GPUInstanceSlices: 2, MemoryMiB: 20 << 10,
	}, mig)
	uuid, err := mig.UUID()
	require.NoError(t, err)
	require.Equal(t, "MIG-00000000-0000-4000-8000-000000010002", uuid)
	model, err := mig.Model()
	require.NoError(t, err)
	require.Equal(t, "NVIDIA Fake 80GB MIG 2g.20gb", model)
	memory, err := mig.Memory()
	require.NoError(t, err)
	require.Equal(t, uint64(20<<30), memory.Total)
	processes, err := mig.Processes()
	require.NoError(t, err)
	require.Equal(t, []Process{{PID: 2102, Memory: 300 << 20, MemoryKnown: true, GPUInstance: 9}}, processes)
	_, err = mig.Power()
	require.Error(t, err)

	// Monitoring is of the GPU instance, by way of the parent.
	supported, err := mig.GPMSupported()
	require.NoError(t, err)
	require.True(t, supported)
	metrics := []GPMMetric{{ID: GPMSMUtil}}
	require.NoError(t, sampleAndCompute(t, h, mig, metrics))
	require.Equal(t, []GPMMetric{{ID: GPMSMUtil, Value: 62.5}}, metrics)
	require.Equal(t, int64(2), h.stats()["nvmlGpmMigSampleGet"].Calls)
	require.NotContains(t, h.stats(), "nvmlGpmSampleGet")

	// What cannot be had about an instance is left out of its description.
	for _, function := range []string{"nvmlDeviceGetGpuInstanceId", "nvmlDeviceGetComputeInstanceId", "nvmlDeviceGetAttributes_v2"} {
		scenario.Set("error."+function, 6)
	}
	h.set(t, scenario)
	devices, err = gpu.MIGDevices()
	require.NoError(t, err)
	require.Equal(t, []MIGDevice{{
		Device: devices[0].Device, Index: 2, GPUInstance: NoInstance, ComputeInstance: NoInstance,
	}}, devices)
	sample, err := h.NewGPMSample()
	require.NoError(t, err)
	require.True(t, IsUnsupported(devices[0].SampleGPM(sample)))
	require.NoError(t, sample.Free())

	scenario.SetGPU(1, "lost", 1)
	h.set(t, scenario)
	_, err = gpu.MIGDevices()
	require.Equal(t, StatusGPUIsLost, StatusOf(err))
	_, err = gpu.MIGEnabled()
	require.Equal(t, StatusGPUIsLost, StatusOf(err))
}

// sampleAndCompute takes two samples and computes metrics from them.
func sampleAndCompute(t *testing.T, h host, of Device, metrics []GPMMetric) error {
	t.Helper()
	var samples [2]GPMSample
	for i := range samples {
		sample, err := h.NewGPMSample()
		require.NoError(t, err)
		defer func() { require.NoError(t, sample.Free()) }()
		samples[i] = sample
	}
	require.NoError(t, of.SampleGPM(samples[0]))
	waitBetweenSamples()
	require.NoError(t, of.SampleGPM(samples[1]))
	return h.GPMMetrics(samples[0], samples[1], metrics)
}

func TestGPM(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(2)
	scenario.SetGPU(0, "gpm.supported", 1)
	scenario.SetGPU(0, "gpm.2", "12.5")
	scenario.SetGPU(0, "gpm.5", "7")
	scenario.UnsetGPU(0, "gpm.60")
	scenario.SetGPU(0, "gpm.61.error", 4)
	h := openHost(t, scenario)
	gpu := h.gpu(t, 0)
	supported, err := gpu.GPMSupported()
	require.NoError(t, err)
	require.True(t, supported)
	metrics := []GPMMetric{{ID: GPMTensorUtil}, {ID: GPMNVLinkReceive, Value: 1}, {ID: GPMSMUtil}, {ID: GPMNVLinkTransmit}}
	require.NoError(t, sampleAndCompute(t, h, gpu, metrics))
	require.Equal(t, GPMMetric{ID: GPMTensorUtil, Value: 7}, metrics[0])
	require.True(t, IsUnsupported(metrics[1].Err), "%v", metrics[1].Err)
	require.Zero(t, metrics[1].Value)
	require.Equal(t, GPMMetric{ID: GPMSMUtil, Value: 12.5}, metrics[2])
	require.Equal(t, StatusNoPermission, StatusOf(metrics[3].Err))

	// The buffer that is used again must not answer from the time before.
	metrics = []GPMMetric{{ID: GPMNVLinkReceive}, {ID: GPMSMUtil}}
	require.NoError(t, sampleAndCompute(t, h, gpu, metrics))
	require.True(t, IsUnsupported(metrics[0].Err))
	require.Equal(t, GPMMetric{ID: GPMSMUtil, Value: 12.5}, metrics[1])
	require.NoError(t, sampleAndCompute(t, h, gpu, nil))

	first, err := h.NewGPMSample()
	require.NoError(t, err)
	other, err := h.NewGPMSample()
	require.NoError(t, err)
	require.NoError(t, gpu.SampleGPM(first))
	waitBetweenSamples()
	require.NoError(t, h.gpu(t, 1).SampleGPM(other))
	err = h.GPMMetrics(first, other, metrics)
	require.EqualError(t, err, "nvmlGpmMetricsGet: invalid argument (2)", "samples of two GPUs")
	for _, metric := range metrics {
		require.Equal(t, err, metric.Err)
		require.Zero(t, metric.Value)
	}
	require.Error(t, h.GPMMetrics(first, nil, metrics))
	require.NoError(t, first.Free())
	require.Equal(t, StatusInvalidArgument, StatusOf(first.Free()))
	require.Equal(t, StatusInvalidArgument, StatusOf(gpu.SampleGPM(first)))
	require.NoError(t, other.Free())
}

func TestEvents(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(4)
	scenario.SetGPU(3, "events.supported", 0x10)
	h := openHost(t, scenario)
	set, err := h.NewEventSet()
	require.NoError(t, err)
	require.EqualError(t, set.Register(h.gpu(t, 3), "GPU-d"),
		"nvmlDeviceRegisterEvents: not supported: the GPU does not report XID errors")
	require.NoError(t, set.Register(h.gpu(t, 0), "GPU-a"))
	require.NoError(t, set.Register(h.gpu(t, 1), "GPU-b"))
	_, err = set.Wait(time.Nanosecond)
	require.Equal(t, StatusTimeout, StatusOf(err))

	// GPU 2 is not in the set.
	scenario.Set("event.1", "1:2:48")
	scenario.Set("event.2", "1:1:79")
	scenario.Set("event.3", "1000:0:31:3:0")
	h.set(t, scenario)
	event, err := set.Wait(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, XIDEvent{UUID: "GPU-b", XID: 79, GPUInstance: NoInstance, ComputeInstance: NoInstance}, event)
	for range 1000 {
		event, err = set.Wait(10 * time.Second)
		require.NoError(t, err)
		require.Equal(t, XIDEvent{UUID: "GPU-a", XID: 31, GPUInstance: 3, ComputeInstance: 0}, event)
	}
	_, err = set.Wait(0)
	require.Equal(t, StatusTimeout, StatusOf(err))

	scenario.Set("event.error", 15)
	h.set(t, scenario)
	_, err = set.Wait(time.Minute)
	require.EqualError(t, err, "nvmlEventSetWait_v2: GPU is lost (15)")

	require.Equal(t, StatusInvalidArgument, StatusOf(set.Register(nil, "")))
	require.NoError(t, set.Free())
	require.Equal(t, StatusInvalidArgument, StatusOf(set.Free()))
	_, err = set.Wait(0)
	require.Equal(t, StatusInvalidArgument, StatusOf(err))
}

// Free while a call waits is refused: it would take the set away from under the driver.
func TestFreeWhileWaiting(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	h := openHost(t, scenario)
	set, err := h.NewEventSet()
	require.NoError(t, err)
	require.NoError(t, set.Register(h.gpu(t, 0), "GPU-a"))
	waited := make(chan error)
	go func() {
		_, err := set.Wait(time.Minute)
		waited <- err
	}()
	require.Eventually(t, func() bool { return h.stats()["nvmlEventSetWait_v2"].Running > 0 }, 10*time.Second, time.Millisecond)
	require.Equal(t, StatusInUse, StatusOf(set.Free()))
	scenario.Set("event.1", "1:0:48")
	h.set(t, scenario)
	require.NoError(t, <-waited)
	require.NoError(t, set.Free())
}

// A call that hangs shows in the statistics, and calls for other GPUs go on.
func TestHangingCall(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(2)
	scenario.SetGPU(0, "hang.nvmlDeviceGetPowerUsage", 1)
	h := openHost(t, scenario)
	stuck, free := h.gpu(t, 0), h.gpu(t, 1)
	done := make(chan error)
	go func() {
		_, err := stuck.Power()
		done <- err
	}()
	require.Eventually(t, func() bool { return h.stats()["nvmlDeviceGetPowerUsage"].Running > 0 }, 10*time.Second, time.Millisecond)
	_, err := free.Power()
	require.NoError(t, err)
	require.Equal(t, int64(1), h.stats()["nvmlDeviceGetPowerUsage"].Calls)

	scenario.UnsetGPU(0, "hang.nvmlDeviceGetPowerUsage")
	h.set(t, scenario)
	require.NoError(t, <-done)
	stats := h.stats()["nvmlDeviceGetPowerUsage"]
	require.Equal(t, int64(2), stats.Calls)
	require.Zero(t, stats.Running)
}
