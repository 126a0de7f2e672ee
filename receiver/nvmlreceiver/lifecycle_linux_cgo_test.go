//go:build linux && cgo

package nvmlreceiver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

const (
	gpu0 = "GPU-00000000-0000-4000-8000-000000000000"
	gpu1 = "GPU-00000000-0000-4000-8000-000000000001"
)

func ofGPU(uuid string) map[string]string { return map[string]string{"hw.id": uuid} }

// in tells whether a GPU is in a state.
func in(uuid, state string) func(pmetric.Metrics) bool {
	return func(metrics pmetric.Metrics) bool {
		for _, point := range allPoints(metrics, "hw.status") {
			if hasAll(point.Attributes(), map[string]string{"hw.id": uuid, "hw.state": state}) {
				return point.IntValue() == 1
			}
		}
		return false
	}
}

func has(name, uuid string) func(pmetric.Metrics) bool {
	return func(metrics pmetric.Metrics) bool { _, ok := points(metrics, name)[uuid]; return ok }
}

// A host without the driver: the receiver says it once and reports it in every scrape.
func TestNoLibrary(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	cfg := testConfig()
	cfg.LibraryPath = filepath.Join(t.TempDir(), fakenvml.LibraryName)
	h := run(t, cfg)
	for range 5 {
		metrics := h.scrape(t)
		require.True(t, available(0)(metrics))
		require.Equal(t, 1, metrics.DataPointCount())
	}
	require.Equal(t, 1, h.logs.Len(), "logs: %v", h.logs.All())
	entry := h.logs.All()[0]
	require.Equal(t, zapcore.WarnLevel, entry.Level)
	require.Contains(t, entry.ContextMap()["error"], "No such file or directory")
	require.Contains(t, entry.ContextMap()["remedy"], "NVIDIA_VISIBLE_DEVICES")
	require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, h.statuses.all())
	gone := h.event(t, "nvml.availability", func(plog.LogRecord) bool { return true })
	require.Equal(t, map[string]any{"nvml.available": false, "nvml.remedy": entry.ContextMap()["remedy"]}, gone.Attributes().AsRaw())
	require.Equal(t, plog.SeverityNumberWarn, gone.SeverityNumber())

	// The driver is installed while the collector runs.
	dir := t.TempDir()
	t.Setenv(fakenvml.ScenarioEnv, filepath.Join(dir, "scenario"))
	fakenvml.Healthy(1).Write(t, filepath.Join(dir, "scenario"))
	require.NoError(t, os.Rename(fakenvml.Build(t, dir), cfg.LibraryPath))
	metrics := h.scrapeUntil(t, available(1))
	require.Len(t, points(metrics, "hw.temperature"), 1)
	h.event(t, "nvml.availability", func(r plog.LogRecord) bool { return r.Body().Str() == "NVML is available" })
}

// Without library_path the dynamic loader finds the library, as it does where a driver is installed.
func TestLibraryFoundByLoader(t *testing.T) {
	const loaderPath = "LD_LIBRARY_PATH"
	dir := os.Getenv(loaderPath)
	if !fakenvml.Alone(t) {
		dir = t.TempDir()
		fakenvml.Build(t, dir)
		fakenvml.Healthy(1).Write(t, filepath.Join(dir, "scenario"))
	}
	if !inOwnProcess(t, loaderPath+"="+dir, fakenvml.ScenarioEnv+"="+filepath.Join(dir, "scenario")) {
		return
	}
	h := run(t, testConfig())
	require.Len(t, points(h.scrape(t), "hw.temperature"), 1)
}

// The library is there, the kernel module comes, goes and comes back.
func TestDriverComesAndGoes(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, nil)
	h := run(t, host.config())
	require.True(t, available(0)(h.scrape(t)))
	require.Contains(t, h.logs.All()[0].ContextMap()["error"], "driver not loaded")

	fakenvml.Healthy(2).Write(t, host.scenario)
	metrics := h.scrapeUntil(t, available(1))
	require.Len(t, points(metrics, "hw.power"), 2)

	gone := fakenvml.Healthy(2)
	gone.Set("count.error", 9)
	gone.Set("init.error", 9)
	gone.Write(t, host.scenario)
	metrics = h.scrapeUntil(t, available(0))
	require.Equal(t, 1, metrics.DataPointCount())

	// Another driver, which supports more and finds one GPU less: that is no GPU lost.
	back := fakenvml.Healthy(1)
	back.Set("driver.version", "590.01.01")
	back.Write(t, host.scenario)
	metrics = h.scrapeUntil(t, available(1))
	require.Len(t, points(metrics, "hw.power"), 1)
	version, _ := metrics.ResourceMetrics().At(0).Resource().Attributes().Get("hw.driver_version")
	require.Equal(t, "590.01.01", version.Str())
	require.Len(t, points(h.scrape(t), "hw.status"), 1)

	require.NoError(t, h.receiver.Shutdown(t.Context()))
	require.Equal(t, []componentstatus.Status{
		componentstatus.StatusRecoverableError, componentstatus.StatusOK,
		componentstatus.StatusRecoverableError, componentstatus.StatusOK,
	}, h.statuses.all())
	require.Zero(t, h.erroredPoints(t))
	require.Empty(t, h.events("nvml.health"))
}

// A file that is a library, and no NVML.
func TestLibraryWithoutInit(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	h := run(t, newGPUHost(t, fakenvml.Healthy(1), "nvmlInit_v2", "nvmlInitWithFlags").config())
	require.True(t, available(0)(h.scrape(t)))
	require.Contains(t, h.logs.All()[0].ContextMap()["error"], "nvmlInit_v2: function not found")
	require.Contains(t, h.logs.All()[0].ContextMap()["remedy"], "library_path")
}

// The host takes the devices away from the container (systemctl daemon-reload) and gives them back.
func TestDeviceAccessTakenAway(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, fakenvml.Healthy(2))
	h := run(t, host.config())
	h.scrapeUntil(t, has("hw.power", gpu1))
	before := h.calls(t, "nvmlInit_v2")

	taken := fakenvml.Healthy(2)
	taken.Set("handle.error", 999)
	taken.Write(t, host.scenario)
	h.scrapeUntil(t, in(gpu1, "degraded"))
	require.Eventually(t, func() bool { return h.calls(t, "nvmlInit_v2") > before }, 20*time.Second, 5*time.Millisecond,
		"only a new start of NVML can help")

	fakenvml.Healthy(2).Write(t, host.scenario)
	h.scrapeUntil(t, func(m pmetric.Metrics) bool { return has("hw.power", gpu1)(m) && in(gpu1, "ok")(m) })
}

// Indexes move when a GPU goes away; what is known of a GPU must move with its UUID.
func TestRenumbering(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(2)
	host := newGPUHost(t, scenario)
	h := run(t, host.config())
	before := points(h.scrapeUntil(t, has("hw.gpu.io", gpu1)), "hw.gpu.io")[gpu1]

	scenario.Set("gpu.count", 1)
	scenario.Set("gpu.order", "1")
	scenario.Write(t, host.scenario)
	// A scrape in the midst of it may find neither.
	metrics := h.scrapeUntil(t, func(m pmetric.Metrics) bool { return in(gpu0, "failed")(m) && has("hw.gpu.io", gpu1)(m) })
	require.Len(t, points(metrics, "hw.power"), 1)
	after := points(metrics, "hw.gpu.io")[gpu1]
	require.Equal(t, before.StartTimestamp(), after.StartTimestamp())
	require.Less(t, before.Timestamp(), after.Timestamp())
	name, _ := after.Attributes().Get("hw.name")
	require.Equal(t, "gpu0", name.Str())
	require.Equal(t, []string{"gpu0"}, keys(points(metrics, "gpu.memory.used.mb")))
	require.True(t, in(gpu1, "ok")(metrics))

	removed := h.event(t, "nvml.health", func(r plog.LogRecord) bool { return strings.HasSuffix(r.Body().Str(), ": missing") })
	require.Contains(t, removed.Body().Str(), "gpu0 is failed, was ")
	require.Equal(t, plog.SeverityNumberError, removed.SeverityNumber())
}

// A GPU falls off the bus, and is there again after a reset.
func TestGPULost(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, fakenvml.Healthy(2))
	h := run(t, host.config())
	require.True(t, in(gpu0, "ok")(h.scrapeUntil(t, has("hw.power", gpu0))))

	lost := fakenvml.Healthy(2)
	lost.SetGPU(0, "lost", 1)
	lost.Write(t, host.scenario)
	// It may be lost in the midst of a scrape.
	metrics := h.scrapeUntil(t, func(m pmetric.Metrics) bool { return in(gpu0, "failed")(m) && !has("hw.power", gpu0)(m) })
	require.Equal(t, []string{gpu1}, keys(points(metrics, "hw.power")), "the other GPU goes on")
	require.True(t, in(gpu1, "ok")(metrics))
	cannot := func() int { return h.logs.FilterMessageSnippet("A GPU cannot be read").Len() }
	require.Eventually(t, func() bool { return cannot() == 1 }, 20*time.Second, time.Millisecond)
	h.scrape(t)
	require.Equal(t, 1, cannot(), "logged once, not in every scrape")
	record := h.event(t, "nvml.health", func(plog.LogRecord) bool { return true })
	require.Equal(t, "gpu0 is failed, was ok: lost", record.Body().Str())
	require.Equal(t, map[string]any{
		"hw.id": gpu0, "hw.model": "NVIDIA Fake 80GB", "hw.name": "gpu0", "hw.state": "failed",
		"nvml.health.previous": "ok", "nvml.health.reasons": []any{"lost"},
	}, record.Attributes().AsRaw())

	fakenvml.Healthy(2).Write(t, host.scenario)
	metrics = h.scrapeUntil(t, in(gpu0, "ok"))
	require.Len(t, points(metrics, "hw.power"), 2)
	h.event(t, "nvml.health", func(r plog.LogRecord) bool { return r.Body().Str() == "gpu0 is ok, was failed" })
	require.NoError(t, h.receiver.Shutdown(t.Context()))
	require.Positive(t, h.erroredPoints(t))
}

// A GPU that was lost before the collector started has no UUID that anybody could know, and is failed all the same.
func TestGPULostBeforeStart(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	lost := fakenvml.Healthy(2)
	lost.SetGPU(1, "lost", 1)
	host := newGPUHost(t, lost)
	h := run(t, host.config())
	metrics := h.scrapeUntil(t, in("gpu1", "failed"))
	require.True(t, in(gpu0, "ok")(metrics))
	h.event(t, "nvml.health", func(r plog.LogRecord) bool { return r.Body().Str() == "gpu1 is failed, was ok: lost" })

	fakenvml.Healthy(2).Write(t, host.scenario)
	metrics = h.scrapeUntil(t, in(gpu1, "ok"))
	require.Equal(t, []string{gpu0, gpu1}, keys(points(metrics, "hw.status")))
}

// A call that does not return costs its GPU alone, and only until it does.
func TestHangingGPU(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, fakenvml.Healthy(3))
	cfg := host.config()
	cfg.Timeout = 300 * time.Millisecond
	h := run(t, cfg)
	h.scrapeUntil(t, has("hw.power", gpu1))

	hanging := fakenvml.Healthy(3)
	hanging.SetGPU(1, "hang.nvmlDeviceGetPowerUsage", 1)
	hanging.Write(t, host.scenario)
	for range 3 {
		metrics := h.scrapeUntil(t, in(gpu1, "degraded"))
		require.NotContains(t, points(metrics, "hw.power"), gpu1)
		require.Len(t, points(metrics, "hw.power"), 2)
		require.Len(t, points(metrics, "hw.temperature"), 2)
	}
	left := h.logs.FilterMessageSnippet("left behind").All()
	require.Len(t, left, 1, "logged once")
	m, err := h.telemetry.GetMetric("otelcol_nvml_abandoned_reads")
	require.NoError(t, err)
	require.EqualValues(t, 1, sum(m))
	require.Eventually(t, func() bool { return h.calls(t, "nvmlDeviceGetPowerUsage") > 0 }, 20*time.Second, time.Millisecond)

	fakenvml.Healthy(3).Write(t, host.scenario)
	metrics := h.scrapeUntil(t, has("hw.power", gpu1))
	require.True(t, in(gpu1, "ok")(metrics))
	require.Len(t, h.logs.FilterMessageSnippet("has returned").All(), 1)
}

// The collector ends although the driver does not answer, in a reading and in the start of NVML.
func TestShutdownWhileHanging(t *testing.T) {
	for _, function := range []string{"nvmlDeviceGetPowerUsage", "nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"} {
		t.Run(function, func(t *testing.T) {
			if !inOwnProcess(t) {
				return
			}
			scenario := fakenvml.Healthy(1)
			scenario.Set("hang."+function, 1)
			host := newGPUHost(t, scenario)
			cfg := host.config()
			cfg.Timeout = 100 * time.Millisecond
			h := run(t, cfg)
			metrics := h.scrape(t)
			if function == "nvmlDeviceGetPowerUsage" || function == "nvmlDeviceGetHandleByIndex_v2" {
				require.True(t, available(1)(metrics))
			} else {
				require.True(t, available(0)(metrics))
				require.Contains(t, h.logs.All()[0].ContextMap()["error"], "NVML has not answered in time")
			}
			ended := make(chan error)
			go func() { ended <- h.receiver.Shutdown(t.Context()) }()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(20 * time.Second):
				t.Fatal("shutdown waits for the driver")
			}
			// The call must end before the test does, which looks for goroutines that are left.
			fakenvml.Healthy(1).Write(t, host.scenario)
		})
	}
}

// NVML is closed between scrapes while nobody uses a GPU, and stays open while somebody does.
func TestReleaseWhenIdle(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	idle := fakenvml.Healthy(1)
	idle.SetGPU(0, "processes", "")
	host := newGPUHost(t, idle)
	cfg := host.config()
	cfg.ReleaseWhenIdle = true
	h := run(t, cfg)
	h.scrape(t)
	require.Eventually(t, func() bool { return h.calls(t, "nvmlShutdown") >= 2 }, 20*time.Second, time.Millisecond)
	metrics := h.scrape(t)
	require.True(t, available(1)(metrics))
	require.Len(t, points(metrics, "hw.power"), 1)
	require.Equal(t, []componentstatus.Status{componentstatus.StatusOK}, h.statuses.all(), "a release is no outage")
	require.Len(t, h.events("nvml.availability"), 1)

	fakenvml.Healthy(1).Write(t, host.scenario)
	h.scrapeUntil(t, func(m pmetric.Metrics) bool {
		count, ok := points(m, "nvml.process.count")[gpu0]
		return ok && count.IntValue() == 2
	})
	h.scrape(t)
	closed := h.calls(t, "nvmlShutdown")
	h.scrape(t)
	h.scrape(t)
	require.Equal(t, closed, h.calls(t, "nvmlShutdown"), "NVML stays open while a process uses the GPU")
}

// MIG devices come and go while the collector runs, and MIG mode is switched.
func TestMIGReconfigured(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	host := newGPUHost(t, scenario)
	h := run(t, host.config())
	h.scrapeUntil(t, has("hw.gpu.memory.usage", gpu0))

	scenario.SetMIG(0, 0, "3g.40gb")
	scenario.SetMIG(0, 1, "1g.10gb")
	scenario.Write(t, host.scenario)
	const mig0, mig1 = "MIG-00000000-0000-4000-8000-000000000000", "MIG-00000000-0000-4000-8000-000000000001"
	metrics := h.scrapeUntil(t, has("nvml.sm.utilization", mig1))
	require.Equal(t, []string{gpu0, mig0, mig1}, keys(points(metrics, "hw.gpu.memory.usage")), "the GPU is not hidden by its parts")
	require.Equal(t, 1, len(points(metrics, "gpu.memory.used.mb")))
	parent, _ := points(metrics, "hw.gpu.memory.usage")[mig1].Attributes().Get("hw.parent")
	require.Equal(t, gpu0, parent.Str())

	one := fakenvml.Healthy(1)
	one.SetMIG(0, 1, "1g.10gb")
	one.Write(t, host.scenario)
	metrics = h.scrapeUntil(t, func(m pmetric.Metrics) bool { return !has("hw.gpu.memory.usage", mig0)(m) })
	require.Equal(t, []string{gpu0, mig1}, keys(points(metrics, "hw.gpu.memory.usage")))

	fakenvml.Healthy(1).Write(t, host.scenario)
	// The history of samples is not there in MIG mode; it must be asked for again after it.
	metrics = h.scrapeUntil(t, func(m pmetric.Metrics) bool { return has("nvml.memory.activity", gpu0)(m) })
	require.Equal(t, []string{gpu0}, keys(points(metrics, "hw.gpu.memory.usage")))
}
