//go:build linux && cgo

package fakenvml

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/require"
)

// client calls the library as the receiver does.
type client struct {
	nvml.Interface
	scenario string
}

func newClient(t *testing.T, scenario Scenario, without ...string) *client {
	t.Helper()
	dir := t.TempDir()
	c := &client{scenario: filepath.Join(dir, "scenario")}
	t.Setenv(ScenarioEnv, c.scenario)
	scenario.Write(t, c.scenario)
	c.Interface = nvml.New(nvml.WithLibraryPath(Build(t, dir, without...)))
	require.Equal(t, nvml.SUCCESS, c.Init())
	t.Cleanup(func() { require.Equal(t, nvml.SUCCESS, c.Shutdown()) })
	return c
}

// gpu returns the GPU at an index.
func (c *client) gpu(t *testing.T, index int) nvml.Device {
	t.Helper()
	return ok(c.DeviceGetHandleByIndex(index))(t)
}

// ok returns the value of a call that must succeed.
func ok[T any](value T, code nvml.Return) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.Equal(t, nvml.SUCCESS, code)
		return value
	}
}

// code returns the code of a call whose value does not matter.
func code[T any](_ T, code nvml.Return) nvml.Return { return code }

// run gives every step the same process and a scenario of its own to change.
func run(t *testing.T, steps map[string]func(*testing.T, *client, Scenario)) {
	if !InOwnProcess(t) {
		return
	}
	c := newClient(t, Healthy(2))
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			scenario := Healthy(2)
			scenario.Write(t, c.scenario)
			step(t, c, scenario)
		})
	}
}

func TestReadings(t *testing.T) {
	run(t, map[string]func(*testing.T, *client, Scenario){
		"healthy":       readHealthy,
		"fields":        readFields,
		"samples":       readSamples,
		"rates":         readRates,
		"processes":     readProcesses,
		"MIG":           readMIG,
		"GPM":           readGPM,
		"absent values": readNothing,
	})
}

func readHealthy(t *testing.T, c *client, _ Scenario) {
	require.Equal(t, "580.82.07", ok(c.SystemGetDriverVersion())(t))
	require.Equal(t, 13000, ok(c.SystemGetCudaDriverVersion_v2())(t))
	require.Equal(t, 2, ok(c.DeviceGetCount())(t))
	gpu := c.gpu(t, 1)
	require.Equal(t, 1, ok(gpu.GetIndex())(t))
	require.Equal(t, "GPU-00000000-0000-4000-8000-000000000001", ok(gpu.GetUUID())(t))
	require.Equal(t, "NVIDIA Fake 80GB", ok(gpu.GetName())(t))
	require.Equal(t, "0000000000001", ok(gpu.GetSerial())(t))
	pci := ok(gpu.GetPciInfo())(t)
	require.Equal(t, uint32(2), pci.Bus)
	require.EqualValues(t, '2', pci.BusId[10])

	second := ok(gpu.GetMemoryInfo_v2())(t)
	require.Equal(t, uint64(15360)<<20, second.Used)
	require.Equal(t, uint64(512)<<20, second.Reserved)
	require.Equal(t, second.Total, second.Used+second.Reserved+second.Free)
	first := ok(gpu.GetMemoryInfo())(t)
	require.Equal(t, second.Used+second.Reserved, first.Used)
	require.Equal(t, first.Total, first.Used+first.Free)
	bar1 := ok(gpu.GetBAR1MemoryInfo())(t)
	require.Equal(t, uint64(20)<<20, bar1.Bar1Used)
	require.Equal(t, bar1.Bar1Total, bar1.Bar1Used+bar1.Bar1Free)

	require.Equal(t, nvml.Utilization{Gpu: 50, Memory: 10}, ok(gpu.GetUtilizationRates())(t))
	encoder, period, result := gpu.GetEncoderUtilization()
	require.Equal(t, []any{uint32(2), uint32(200_000), nvml.SUCCESS}, []any{encoder, period, result})
	decoder, _, result := gpu.GetDecoderUtilization()
	require.Equal(t, []any{uint32(3), nvml.SUCCESS}, []any{decoder, result})

	require.Equal(t, uint32(41), ok(gpu.GetTemperature(nvml.TEMPERATURE_GPU))(t))
	require.Equal(t, int32(41), ok(c.DeviceGetTemperatureV(gpu).V1())(t).Temperature)
	require.Equal(t, uint32(105), ok(gpu.GetTemperatureThreshold(nvml.TEMPERATURE_THRESHOLD_MEM_MAX))(t))
	require.Equal(t, int32(49), ok(gpu.GetMarginTemperature())(t).MarginTemperature)
	require.Equal(t, 2, ok(gpu.GetNumFans())(t))
	require.Equal(t, uint32(36), ok(gpu.GetFanSpeed_v2(1))(t))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(gpu.GetFanSpeed_v2(2)))

	require.Equal(t, uint32(200_000), ok(gpu.GetPowerUsage())(t))
	require.Equal(t, uint32(800_000), ok(gpu.GetEnforcedPowerLimit())(t))
	require.Equal(t, uint32(800_000), ok(gpu.GetPowerManagementDefaultLimit())(t))
	lowest, highest, result := gpu.GetPowerManagementLimitConstraints()
	require.Equal(t, []any{uint32(200_000), uint32(1_100_000), nvml.SUCCESS}, []any{lowest, highest, result})
	require.Equal(t, uint64(2_000_000), ok(gpu.GetTotalEnergyConsumption())(t))
	require.Equal(t, uint32(1301), ok(gpu.GetClockInfo(nvml.CLOCK_SM))(t))
	require.Equal(t, uint32(3101), ok(gpu.GetMaxClockInfo(nvml.CLOCK_MEM))(t))
	require.Equal(t, nvml.PSTATE_1, ok(gpu.GetPerformanceState())(t))

	correctable, uncorrectable, pending, failed, result := gpu.GetRemappedRows()
	require.Equal(t, []any{3, 2, false, false, nvml.SUCCESS},
		[]any{correctable, uncorrectable, pending, failed, result})
	require.Equal(t, uint64(4_000_000_000), ok(gpu.GetViolationStatus(nvml.PERF_POLICY_THERMAL))(t).ViolationTime)
	require.Equal(t, uint32(1), ok(gpu.GpmQueryDeviceSupport())(t).IsSupportedDevice)
	require.NotZero(t, ok(gpu.GetSupportedEventTypes())(t)&nvml.EventTypeXidCriticalError)
	for _, want := range fields(1) {
		asked := []nvml.FieldValue{{FieldId: uint32(want.id), ScopeId: math.MaxUint32}}
		require.Equal(t, nvml.SUCCESS, gpu.GetFieldValues(asked))
		require.Equal(t, want.value, binary.NativeEndian.Uint64(asked[0].Value[:]), "field %d", want.id)
	}
}

func readFields(t *testing.T, c *client, s Scenario) {
	s.SetField(0, 3, "ulonglong", uint64(1)<<40)
	s.SetField(0, 82, "uint", uint64(1)<<32+5)
	s.SetField(0, 230, "int", -7)
	s.SetField(0, 185, "double", 12.5)
	s.SetField(0, 186, "ulong", 9)
	s.SetGPU(0, "field.197.error", 4)
	s.Write(t, c.scenario)

	ids := []uint32{3, 82, 230, 185, 186, 197, 1, 138, 138}
	values := make([]nvml.FieldValue, len(ids))
	for i, id := range ids {
		values[i].FieldId = id
		// The driver leaves what it does not write.
		binary.NativeEndian.PutUint64(values[i].Value[:], math.MaxUint64)
	}
	values[8].ScopeId = math.MaxUint32
	require.Equal(t, nvml.SUCCESS, c.gpu(t, 0).GetFieldValues(values))

	returns := make([]nvml.Return, len(ids))
	for i, value := range values {
		returns[i] = nvml.Return(value.NvmlReturn)
	}
	require.Equal(t, []nvml.Return{nvml.SUCCESS, nvml.SUCCESS, nvml.SUCCESS, nvml.SUCCESS, nvml.SUCCESS,
		nvml.ERROR_NO_PERMISSION, nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_INVALID_ARGUMENT, nvml.SUCCESS}, returns)
	types := []nvml.ValueType{nvml.VALUE_TYPE_UNSIGNED_LONG_LONG, nvml.VALUE_TYPE_UNSIGNED_INT,
		nvml.VALUE_TYPE_SIGNED_INT, nvml.VALUE_TYPE_DOUBLE, nvml.VALUE_TYPE_UNSIGNED_LONG}
	for i, want := range types {
		require.Equal(t, want, nvml.ValueType(values[i].ValueType), "field %d", ids[i])
	}
	require.Equal(t, uint64(1)<<40, binary.NativeEndian.Uint64(values[0].Value[:]))
	require.Equal(t, uint64(math.MaxUint32)<<32+5, binary.LittleEndian.Uint64(values[1].Value[:]))
	require.Equal(t, int32(-7), int32(binary.NativeEndian.Uint32(values[2].Value[:])))
	require.Equal(t, math.Float64bits(12.5), binary.NativeEndian.Uint64(values[3].Value[:]))
	require.Equal(t, uint64(9), binary.NativeEndian.Uint64(values[4].Value[:]))

	s.SetGPU(0, "fields.error", 15)
	s.Write(t, c.scenario)
	require.Equal(t, nvml.ERROR_GPU_IS_LOST, c.gpu(t, 0).GetFieldValues(values))
	require.Equal(t, nvml.SUCCESS, c.gpu(t, 1).GetFieldValues(values))
}

func readSamples(t *testing.T, c *client, s Scenario) {
	const period = 100_000
	s.SetGPU(0, "samples.gpu", fmt.Sprintf("every %d keep 7 values 10,20,30", period))
	s.SetGPU(0, "samples.memory", "at 1000=5, 2000=6, 3000=7")
	s.Write(t, c.scenario)
	gpu := c.gpu(t, 0)

	begin := time.Now().UnixMicro()
	kind, samples, result := gpu.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, 0)
	end := time.Now().UnixMicro()
	require.Equal(t, nvml.SUCCESS, result)
	require.Equal(t, nvml.VALUE_TYPE_UNSIGNED_INT, kind)
	require.Len(t, samples, 7)
	newest := samples[6].TimeStamp
	require.LessOrEqual(t, newest, uint64(end), "samples that have not ended")
	require.Greater(t, newest+period, uint64(begin), "the newest sample is missing")
	for i, sample := range samples {
		require.Equal(t, newest-uint64(6-i)*period, sample.TimeStamp)
		require.Equal(t, uint32(10+10*(sample.TimeStamp/period%3)), binary.NativeEndian.Uint32(sample.SampleValue[:]))
	}
	_, again, result := gpu.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, samples[4].TimeStamp)
	require.Equal(t, nvml.SUCCESS, result)
	require.Equal(t, samples[5:], again[:2])
	_, _, result = gpu.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, uint64(time.Now().Add(time.Hour).UnixMicro()))
	require.Equal(t, nvml.ERROR_NOT_FOUND, result)

	_, listed, result := gpu.GetSamples(nvml.MEMORY_UTILIZATION_SAMPLES, 1000)
	require.Equal(t, nvml.SUCCESS, result)
	require.Len(t, listed, 2)
	require.Equal(t, uint64(3000), listed[1].TimeStamp)
	require.Equal(t, uint32(7), binary.NativeEndian.Uint32(listed[1].SampleValue[:]))
	_, _, result = gpu.GetSamples(nvml.MEMORY_UTILIZATION_SAMPLES, 3000)
	require.Equal(t, nvml.ERROR_NOT_FOUND, result)
	_, _, result = gpu.GetSamples(nvml.TOTAL_POWER_SAMPLES, 0)
	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, result)
}

func readRates(t *testing.T, c *client, s Scenario) {
	s.SetGPU(0, "energy.rate", 1e6)
	s.SetGPU(0, "field.3.rate", "2.5e6")
	s.Write(t, c.scenario)
	gpu := c.gpu(t, 0)
	for _, read := range []func() uint64{
		func() uint64 { return ok(gpu.GetTotalEnergyConsumption())(t) },
		func() uint64 {
			asked := []nvml.FieldValue{{FieldId: 3}}
			require.Equal(t, nvml.SUCCESS, gpu.GetFieldValues(asked))
			return binary.NativeEndian.Uint64(asked[0].Value[:])
		},
	} {
		first := read()
		require.Eventually(t, func() bool { return read() > first+10_000 }, 10*time.Second, time.Millisecond)
	}
	begin := time.Now()
	before := ok(gpu.GetTotalEnergyConsumption())(t)
	grown := ok(gpu.GetTotalEnergyConsumption())(t) - before
	require.LessOrEqual(t, grown, uint64(time.Since(begin).Microseconds())+1)
}

func readProcesses(t *testing.T, c *client, s Scenario) {
	s.SetGPU(0, "processes.graphics", "7:na,8:3:1:2")
	s.Write(t, c.scenario)
	gpu := c.gpu(t, 0)
	const none = math.MaxUint32
	require.Equal(t, []nvml.ProcessInfo{
		{Pid: 1000, UsedGpuMemory: 2048 << 20, GpuInstanceId: none, ComputeInstanceId: none},
		{Pid: 1001, UsedGpuMemory: 1024 << 20, GpuInstanceId: none, ComputeInstanceId: none},
	}, ok(gpu.GetComputeRunningProcesses())(t))
	require.Equal(t, []nvml.ProcessInfo{
		{Pid: 7, UsedGpuMemory: math.MaxUint64, GpuInstanceId: none, ComputeInstanceId: none},
		{Pid: 8, UsedGpuMemory: 3 << 20, GpuInstanceId: 1, ComputeInstanceId: 2},
	}, ok(gpu.GetGraphicsRunningProcesses())(t))

	begin := uint64(time.Now().UnixMicro())
	used := ok(gpu.GetProcessUtilization(begin - 1))(t)
	require.Len(t, used, 2)
	require.GreaterOrEqual(t, used[0].TimeStamp, begin)
	used[0].TimeStamp = 0
	require.Equal(t, nvml.ProcessUtilizationSample{Pid: 1000, SmUtil: 20, MemUtil: 4}, used[0])
	_, result := gpu.GetProcessUtilization(uint64(time.Now().Add(time.Hour).UnixMicro()))
	require.Equal(t, nvml.ERROR_NOT_FOUND, result)

	// The Go binding believes the driver.
	s.SetGPU(0, "process.utilization.grows", 1)
	s.Write(t, c.scenario)
	require.Panics(t, func() { gpu.GetProcessUtilization(0) })
}

func readMIG(t *testing.T, c *client, s Scenario) {
	s.SetMIG(1, 0, "1g.10gb")
	s.SetMIG(1, 2, "3g.40gb")
	s.Write(t, c.scenario)
	plain, gpu := c.gpu(t, 0), c.gpu(t, 1)
	_, _, result := plain.GetMigMode()
	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, result)
	current, pending, result := gpu.GetMigMode()
	require.Equal(t, []any{1, 1, nvml.SUCCESS}, []any{current, pending, result})
	require.Equal(t, 7, ok(gpu.GetMaxMigDeviceCount())(t))
	require.Equal(t, nvml.ERROR_NOT_FOUND, code(gpu.GetMigDeviceHandleByIndex(1)))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(gpu.GetMigDeviceHandleByIndex(7)))

	mig := ok(gpu.GetMigDeviceHandleByIndex(2))(t)
	require.True(t, ok(mig.IsMigDeviceHandle())(t))
	require.False(t, ok(gpu.IsMigDeviceHandle())(t))
	require.Equal(t, gpu, ok(mig.GetDeviceHandleFromMigDeviceHandle())(t))
	require.Equal(t, "MIG-00000000-0000-4000-8000-000000010002", ok(mig.GetUUID())(t))
	require.Equal(t, "NVIDIA Fake 80GB MIG 3g.40gb", ok(mig.GetName())(t))
	require.Equal(t, 9, ok(mig.GetGpuInstanceId())(t))
	require.Equal(t, 0, ok(mig.GetComputeInstanceId())(t))
	require.Equal(t, uint64(300)<<20, ok(mig.GetMemoryInfo_v2())(t).Used)
	require.Equal(t, nvml.DeviceAttributes{MultiprocessorCount: 48, GpuInstanceSliceCount: 3,
		ComputeInstanceSliceCount: 3, MemorySizeMB: 40960}, ok(mig.GetAttributes())(t))
	require.Equal(t, []nvml.ProcessInfo{{Pid: 2102, UsedGpuMemory: 300 << 20, GpuInstanceId: 9}},
		ok(mig.GetComputeRunningProcesses())(t))

	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(mig.GetPowerUsage()))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(mig.GetClockInfo(nvml.CLOCK_SM)))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(mig.GetNumFans()))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, mig.GetFieldValues(make([]nvml.FieldValue, 1)))
	_, _, result = mig.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, 0)
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, result)

	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, code(gpu.GetUtilizationRates()))
	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, code(gpu.GetProcessUtilization(0)))
	_, _, result = gpu.GetSamples(nvml.GPU_UTILIZATION_SAMPLES, 0)
	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, result)
	_, _, _, _, result = gpu.GetRemappedRows()
	require.Equal(t, nvml.ERROR_NOT_SUPPORTED, result)
	require.Equal(t, uint32(200_000), ok(gpu.GetPowerUsage())(t))

	s.SetMIGDevice(1, 2, "memory.error", 999)
	s.UnsetMIGDevice(1, 0, "uuid")
	first := ok(gpu.GetMigDeviceHandleByIndex(0))(t)
	s.Write(t, c.scenario)
	require.Equal(t, nvml.ERROR_UNKNOWN, code(mig.GetMemoryInfo_v2()))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(first.GetMemoryInfo_v2()))
	s.SetGPU(1, "lost", 1)
	s.Write(t, c.scenario)
	require.Equal(t, nvml.ERROR_GPU_IS_LOST, code(mig.GetUUID()))
}

func readGPM(t *testing.T, c *client, s Scenario) {
	s.SetMIG(1, 3, "2g.20gb")
	s.SetGPU(0, "gpm.5.error", 4)
	s.Write(t, c.scenario)
	plain, gpu := c.gpu(t, 0), c.gpu(t, 1)
	samples := make([]nvml.GpmSample, 3)
	for i := range samples {
		samples[i] = ok(c.GpmSampleAlloc())(t)
	}
	earlier, later, other := samples[0], samples[1], samples[2]
	ask := func(earlier, later nvml.GpmSample, ids ...uint32) ([]nvml.GpmMetric, nvml.Return) {
		question := nvml.GpmMetricsGetType{NumMetrics: uint32(len(ids)), Sample1: earlier, Sample2: later}
		for i, id := range ids {
			question.Metrics[i].MetricId = id
		}
		result := c.GpmMetricsGet(&question)
		return question.Metrics[:len(ids)], result
	}
	// takeLater takes the later sample until it is late enough.
	takeLater := func(take func(nvml.GpmSample) nvml.Return) {
		require.Eventually(t, func() bool {
			require.Equal(t, nvml.SUCCESS, take(later))
			return code(ask(earlier, later, 1)) == nvml.SUCCESS
		}, 10*time.Second, time.Millisecond)
	}

	require.Equal(t, nvml.SUCCESS, plain.GpmSampleGet(earlier))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(ask(earlier, later, 1)), "never taken")
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(ask(earlier, earlier, 1)), "no time in between")
	takeLater(plain.GpmSampleGet)
	metrics := ok(ask(earlier, later, 2, 5, 99))(t)
	require.InDelta(t, 20.5, metrics[0].Value, 0)
	require.Equal(t, uint32(nvml.ERROR_NO_PERMISSION), metrics[1].NvmlReturn)
	require.Equal(t, uint32(nvml.ERROR_NOT_SUPPORTED), metrics[2].NvmlReturn)
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(ask(later, earlier, 1)), "wrong order")
	require.Equal(t, nvml.SUCCESS, gpu.GpmSampleGet(other))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(ask(earlier, other, 1)), "another GPU")

	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, gpu.GpmMigSampleGet(9, earlier), "no such instance")
	require.Equal(t, nvml.SUCCESS, gpu.GpmMigSampleGet(10, earlier))
	takeLater(func(sample nvml.GpmSample) nvml.Return { return gpu.GpmMigSampleGet(10, sample) })
	require.InDelta(t, 40, ok(ask(earlier, later, 1))(t)[0].Value, 0)
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(ask(other, later, 1)), "GPU and instance")

	s.SetGPU(1, "gpm.error", 4)
	s.Write(t, c.scenario)
	require.Equal(t, nvml.ERROR_NO_PERMISSION, gpu.GpmSampleGet(other))
	require.Equal(t, nvml.ERROR_NO_PERMISSION, gpu.GpmMigSampleGet(10, other))
	require.Equal(t, nvml.SUCCESS, plain.GpmSampleGet(other))
	for _, sample := range samples {
		require.Equal(t, nvml.SUCCESS, sample.Free())
	}
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, other.Free(), "freed twice")
}

// A GPU of which the scenario says nothing but that it is there.
func readNothing(t *testing.T, c *client, _ Scenario) {
	Scenario{"gpu.count": "1"}.Write(t, c.scenario)
	gpu := c.gpu(t, 0)
	for name, result := range map[string]nvml.Return{
		"uuid":      code(gpu.GetUUID()),
		"memory":    code(gpu.GetMemoryInfo_v2()),
		"bar1":      code(gpu.GetBAR1MemoryInfo()),
		"clock":     code(gpu.GetClockInfo(nvml.CLOCK_VIDEO)),
		"state":     code(gpu.GetPerformanceState()),
		"violation": code(gpu.GetViolationStatus(nvml.PERF_POLICY_POWER)),
		"processes": code(gpu.GetComputeRunningProcesses()),
		"margin":    code(gpu.GetMarginTemperature()),
		"GPM":       code(gpu.GpmQueryDeviceSupport()),
		"events":    code(gpu.GetSupportedEventTypes()),
	} {
		require.Equal(t, nvml.ERROR_NOT_SUPPORTED, result, name)
	}
}

func TestOlderDrivers(t *testing.T) {
	const compute, graphics = "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"
	for name, without := range map[string][]string{
		"second": {compute + "_v3", graphics + "_v3"},
		"first": {compute + "_v3", graphics + "_v3", compute + "_v2", graphics + "_v2", "nvmlEventSetWait_v2",
			"nvmlDeviceGetAttributes_v2"},
	} {
		t.Run(name, func(t *testing.T) {
			if !InOwnProcess(t) {
				return
			}
			scenario := Healthy(1)
			scenario.SetMIG(0, 0, "1g.10gb")
			scenario.SetGPU(0, "processes.graphics", "7:na")
			c := newClient(t, scenario, without...)
			gpu := c.gpu(t, 0)
			mig := ok(gpu.GetMigDeviceHandleByIndex(0))(t)
			processes := ok(mig.GetComputeRunningProcesses())(t)
			require.Len(t, processes, 1)
			require.Equal(t, uint32(2000), processes[0].Pid)
			require.Equal(t, uint64(100)<<20, processes[0].UsedGpuMemory)
			if name == "second" {
				require.Equal(t, uint32(7), processes[0].GpuInstanceId)
			}
			require.Equal(t, uint64(math.MaxUint64), ok(gpu.GetGraphicsRunningProcesses())(t)[0].UsedGpuMemory)
			require.Equal(t, uint32(16), ok(mig.GetAttributes())(t).MultiprocessorCount)
			require.Equal(t, nvml.ERROR_TIMEOUT, code(ok(c.EventSetCreate())(t).Wait(1)))
		})
	}
}
