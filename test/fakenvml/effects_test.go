//go:build linux && cgo

package fakenvml

import (
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/require"
)

func TestEffects(t *testing.T) {
	run(t, map[string]func(*testing.T, *client, Scenario){
		"errors":  planErrors,
		"order":   planOrder,
		"latency": planLatency,
		"hang":    planHang,
	})
}

func planErrors(t *testing.T, c *client, s Scenario) {
	s.Set("error.nvmlDeviceGetName", 999)
	s.SetGPU(1, "error.nvmlDeviceGetName", 0)
	s.SetGPU(0, "error.nvmlDeviceGetMemoryInfo_v2", 4)
	s.Set("power.error", 7)
	s.SetGPU(0, "clock.sm.error", 16)
	s.Write(t, c.scenario)
	first, second := c.gpu(t, 0), c.gpu(t, 1)
	require.Equal(t, nvml.ERROR_UNKNOWN, code(first.GetName()))
	require.Equal(t, nvml.SUCCESS, code(second.GetName()), "one GPU before all")
	require.Equal(t, nvml.ERROR_NO_PERMISSION, code(first.GetMemoryInfo_v2()))
	require.Equal(t, nvml.SUCCESS, code(first.GetMemoryInfo()), "another function")
	require.Equal(t, nvml.ERROR_INSUFFICIENT_SIZE, code(second.GetPowerUsage()))
	require.Equal(t, nvml.ERROR_RESET_REQUIRED, code(first.GetClockInfo(nvml.CLOCK_SM)))
	require.Equal(t, nvml.SUCCESS, code(first.GetClockInfo(nvml.CLOCK_MEM)))

	s.SetGPU(0, "lost", 1)
	s.Write(t, c.scenario)
	require.Equal(t, nvml.ERROR_GPU_IS_LOST, code(first.GetClockInfo(nvml.CLOCK_MEM)))
	require.Equal(t, nvml.ERROR_GPU_IS_LOST, code(c.DeviceGetHandleByIndex(0)))
	require.Equal(t, nvml.SUCCESS, code(c.DeviceGetHandleByIndex(1)))
	require.Equal(t, 2, ok(c.DeviceGetCount())(t))
}

func planOrder(t *testing.T, c *client, s Scenario) {
	first, second := c.gpu(t, 0), c.gpu(t, 1)
	s.Set("gpu.order", "1,0")
	s.Write(t, c.scenario)
	require.Equal(t, second, c.gpu(t, 0))
	require.Equal(t, 1, ok(first.GetIndex())(t))
	require.Equal(t, "GPU-00000000-0000-4000-8000-000000000000", ok(c.gpu(t, 1).GetUUID())(t))

	s.Set("gpu.order", "1")
	s.Write(t, c.scenario)
	require.Equal(t, 1, ok(c.DeviceGetCount())(t))
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, code(c.DeviceGetHandleByIndex(1)))
	require.Equal(t, nvml.ERROR_GPU_IS_LOST, code(first.GetUUID()))
	require.Equal(t, 0, ok(second.GetIndex())(t))
}

// took returns how long a call took that must succeed.
func took(t *testing.T, call func() nvml.Return) time.Duration {
	t.Helper()
	begin := time.Now()
	require.Equal(t, nvml.SUCCESS, call())
	return time.Since(begin)
}

func planLatency(t *testing.T, c *client, s Scenario) {
	const latency = 20 * time.Millisecond
	first, second := c.gpu(t, 0), c.gpu(t, 1)
	s.SetGPU(0, "latency.nvmlDeviceGetPowerUsage", latency.Microseconds())
	s.Set("latency.nvmlDeviceGetName", latency.Microseconds())
	s.Write(t, c.scenario)
	require.GreaterOrEqual(t, took(t, func() nvml.Return { return code(first.GetPowerUsage()) }), latency)
	require.GreaterOrEqual(t, took(t, func() nvml.Return { return code(second.GetName()) }), latency)

	// A serialized call lets no other in before it is answered.
	s.Set("serialize", 1)
	s.Write(t, c.scenario)
	begin := time.Now()
	answered := make(chan nvml.Return)
	for _, gpu := range []nvml.Device{first, second} {
		go func() { answered <- code(gpu.GetName()) }()
	}
	require.Equal(t, nvml.SUCCESS, <-answered)
	require.Equal(t, nvml.SUCCESS, <-answered)
	require.GreaterOrEqual(t, time.Since(begin), 2*latency)
}

func planHang(t *testing.T, c *client, s Scenario) {
	first, second := c.gpu(t, 0), c.gpu(t, 1)
	s.SetGPU(0, "hang.nvmlDeviceGetPowerUsage", 1)
	s.Set("serialize", 1)
	s.Write(t, c.scenario)
	answered := make(chan nvml.Return, 1)
	go func() { answered <- code(first.GetPowerUsage()) }()
	for range 50 {
		require.Equal(t, nvml.SUCCESS, code(second.GetPowerUsage()))
		require.Equal(t, nvml.SUCCESS, code(first.GetName()))
	}
	require.Empty(t, answered)

	s.UnsetGPU(0, "hang.nvmlDeviceGetPowerUsage")
	s.Write(t, c.scenario)
	require.Equal(t, nvml.SUCCESS, <-answered)
}

func TestEvents(t *testing.T) {
	if !InOwnProcess(t) {
		return
	}
	s := Healthy(3)
	s.Set("event.1", "5:0:13")
	c := newClient(t, s)
	first, second := ok(c.EventSetCreate())(t), ok(c.EventSetCreate())(t)
	register := func(gpu int, set nvml.EventSet) {
		require.Equal(t, nvml.SUCCESS, c.gpu(t, gpu).RegisterEvents(nvml.EventTypeXidCriticalError, set))
	}
	none := func(set nvml.EventSet) {
		t.Helper()
		require.Equal(t, nvml.ERROR_TIMEOUT, code(set.Wait(1)))
	}
	register(0, first)
	register(1, first)
	none(first)

	// What came before the registration is past.
	s.Set("event.2", "1:2:31")
	s.Write(t, c.scenario)
	require.Equal(t, 3, ok(c.DeviceGetCount())(t))
	register(2, second)
	none(second)

	// A set that is being waited for is told of new events, in the order of their numbers, and of those of its GPUs.
	s.Set("event.10", "10000:1:79:3:4")
	s.Set("event.9", "1:0:48")
	s.Set("event.11", "1:2:94")
	answered := make(chan nvml.EventData, 1)
	go func() {
		event, _ := first.Wait(60_000)
		answered <- event
	}()
	s.Write(t, c.scenario)
	event := <-answered
	require.Equal(t, c.gpu(t, 0), event.Device)
	require.Equal(t, uint64(48), event.EventData)
	for range 10_000 {
		require.Equal(t, nvml.EventData{Device: c.gpu(t, 1), EventType: nvml.EventTypeXidCriticalError, EventData: 79,
			GpuInstanceId: 3, ComputeInstanceId: 4}, ok(first.Wait(0))(t))
	}
	none(first)
	require.Equal(t, uint64(94), ok(second.Wait(0))(t).EventData)
	none(second)

	// The same events read again are no new ones; one without a GPU is everybody's.
	s.Set("event.12", "1:none:62")
	s.Write(t, c.scenario)
	for _, set := range []nvml.EventSet{first, second} {
		event := ok(set.Wait(0))(t)
		require.Equal(t, uint64(62), event.EventData)
		require.Equal(t, ^uint32(0), event.GpuInstanceId)
		none(set)
	}

	go func() {
		_, result := first.Wait(60_000)
		answered <- nvml.EventData{EventData: uint64(result)}
	}()
	s.Set("event.error", 999)
	s.Write(t, c.scenario)
	require.Equal(t, uint64(nvml.ERROR_UNKNOWN), (<-answered).EventData)
	require.Equal(t, nvml.SUCCESS, first.Free())
	require.Equal(t, nvml.ERROR_INVALID_ARGUMENT, first.Free())
	require.Equal(t, nvml.SUCCESS, second.Free())
}

// The cost of a call decides how much of a benchmark of a client is the benchmark of the library.
func BenchmarkCall(b *testing.B) {
	dir := b.TempDir()
	b.Setenv(ScenarioEnv, dir+"/scenario")
	Healthy(8).Write(b, dir+"/scenario")
	lib := nvml.New(nvml.WithLibraryPath(Build(b, dir)))
	require.Equal(b, nvml.SUCCESS, lib.Init())
	gpu, result := lib.DeviceGetHandleByIndex(7)
	require.Equal(b, nvml.SUCCESS, result)
	for b.Loop() {
		gpu.GetPowerUsage()
	}
}
