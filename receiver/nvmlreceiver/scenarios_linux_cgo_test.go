//go:build linux && cgo

package nvmlreceiver

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// childEnv names the test that runs in a process of its own.
const childEnv = "NVMLRECEIVER_CHILD_OF"

// inOwnProcess runs the calling test again in a new process, since a process can call only one NVML library, and
// returns true there. In the process that the test began in it returns false when the new one has passed.
func inOwnProcess(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		return true
	}
	self, err := os.Executable()
	require.NoError(t, err)
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.count=1", "-test.run="+pattern)
	// Without the last, every child of a test with the race detector would sleep for a second before it ends.
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS: "+t.Name()+" ")
	return false
}

// gpuHost is a fake host with GPUs, whose scenario can be changed while the receiver runs.
type gpuHost struct {
	nvmlPath, scenario string
}

func newGPUHost(t *testing.T, scenario fakenvml.Scenario, without ...string) gpuHost {
	t.Helper()
	dir := t.TempDir()
	host := gpuHost{nvmlPath: fakenvml.Build(t, dir, without...), scenario: filepath.Join(dir, "scenario")}
	t.Setenv(fakenvml.ScenarioEnv, host.scenario)
	if scenario != nil {
		scenario.Write(t, host.scenario)
	}
	return host
}

func (h gpuHost) config() *Config {
	cfg := testConfig()
	cfg.LibraryPath = h.nvmlPath
	return cfg
}

func TestScenarios(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario func(fakenvml.Scenario)
		without  []string
		// errors must each be in the error of the scrape; the scrape must have none where the list is empty.
		errors        []string
		failedMetrics int64
	}{
		{name: "two_gpus"},
		{
			name:          "temperature_fails_on_one_gpu",
			scenario:      func(s fakenvml.Scenario) { s.SetGPU(1, "temperature.error", 15) },
			errors:        []string{"gpu1: temperature: nvmlDeviceGetTemperatureV: GPU is lost (15)"},
			failedMetrics: 1,
		},
		{
			name:          "one_gpu_lost",
			scenario:      func(s fakenvml.Scenario) { s.SetGPU(0, "handle.error", 15) },
			errors:        []string{"gpu0: nvmlDeviceGetHandleByIndex_v2: GPU is lost (15)"},
			failedMetrics: 8,
		},
		{
			name: "unsupported_calls",
			scenario: func(s fakenvml.Scenario) {
				for _, key := range []string{"serial", "energy", "utilization.gpu"} {
					s.UnsetGPU(0, key)
				}
			},
		},
		{
			// The planned error makes the code's text wanted, which must not enter the driver either.
			name:     "missing_symbols",
			scenario: func(s fakenvml.Scenario) { s.SetGPU(0, "power.error", 999) },
			without: []string{"nvmlErrorString", "nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV",
				"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetSerial", "nvmlDeviceGetPciInfo_v3",
				"nvmlSystemGetCudaDriverVersion_v2", "nvmlShutdown"},
			errors:        []string{"gpu0: power: nvmlDeviceGetPowerUsage: unknown error (999)"},
			failedMetrics: 1,
		},
		{
			name:    "old_driver",
			without: []string{"nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV"},
		},
		{
			name: "implausible_answers",
			scenario: func(s fakenvml.Scenario) {
				s.SetGPU(0, "memory.used", "0xffffffffffffffff")
				s.SetGPU(0, "utilization.gpu", "0xffffffff")
			},
			errors: []string{
				"gpu0: memory: implausible answer of the driver: 18446744073709551615 of 85899345920 bytes used",
				"gpu0: utilization: implausible answer of the driver: 4294967295 %",
			},
			failedMetrics: 5,
		},
		{name: "no_gpus", scenario: func(s fakenvml.Scenario) { s.Set("gpu.count", 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !inOwnProcess(t) {
				return
			}
			scenario := fakenvml.Healthy(2)
			if tt.scenario != nil {
				tt.scenario(scenario)
			}
			h := run(t, newGPUHost(t, scenario, tt.without...).config(), nil)
			metrics := h.scrape(t)

			compareGolden(t, metrics)
			require.Equal(t, []componentstatus.Status{componentstatus.StatusOK}, h.statuses.all())
			failures := h.logs.FilterLevelExact(zapcore.ErrorLevel).All()
			if len(tt.errors) == 0 {
				require.Empty(t, failures)
				require.Zero(t, h.erroredPoints(t))
				return
			}
			for _, want := range tt.errors {
				require.Contains(t, failures[0].ContextMap()["error"], want)
			}
			require.NoError(t, h.receiver.Shutdown(t.Context()))
			scrapes := int64(h.logs.FilterLevelExact(zapcore.ErrorLevel).Len())
			require.Equal(t, tt.failedMetrics*scrapes, h.erroredPoints(t))
		})
	}
}

func compareGolden(t *testing.T, metrics pmetric.Metrics) {
	t.Helper()
	_, name, _ := strings.Cut(t.Name(), "/")
	file := filepath.Join("testdata", "scenarios", name+".yaml")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, golden.WriteMetricsToFile(file, metrics))
	}
	want, err := golden.ReadMetrics(file)
	require.NoError(t, err)
	require.NoError(t, pmetrictest.CompareMetrics(want, metrics,
		pmetrictest.IgnoreTimestamp(), pmetrictest.IgnoreStartTimestamp(),
		pmetrictest.IgnoreResourceMetricsOrder(), pmetrictest.IgnoreMetricsOrder(), pmetrictest.IgnoreMetricDataPointsOrder()))
}

// A host without the driver: the receiver says it once and reports it in every scrape.
func TestNoLibrary(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	cfg := testConfig()
	cfg.LibraryPath = filepath.Join(t.TempDir(), fakenvml.LibraryName)
	h := run(t, cfg, nil)
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

	// The driver is installed while the collector runs.
	dir := t.TempDir()
	t.Setenv(fakenvml.ScenarioEnv, filepath.Join(dir, "scenario"))
	fakenvml.Healthy(1).Write(t, filepath.Join(dir, "scenario"))
	require.NoError(t, os.Rename(fakenvml.Build(t, dir), cfg.LibraryPath))
	metrics := h.scrapeUntil(t, available(1))
	require.Len(t, points(metrics, "hw.temperature"), 1)
}

// Without library_path the dynamic loader finds the library, as it does where a driver is installed.
func TestLibraryFoundByLoader(t *testing.T) {
	const loaderPath = "LD_LIBRARY_PATH"
	dir := os.Getenv(loaderPath)
	if os.Getenv(childEnv) == "" {
		dir = t.TempDir()
		fakenvml.Build(t, dir)
		fakenvml.Healthy(1).Write(t, filepath.Join(dir, "scenario"))
	}
	if !inOwnProcess(t, loaderPath+"="+dir, fakenvml.ScenarioEnv+"="+filepath.Join(dir, "scenario")) {
		return
	}
	h := run(t, testConfig(), nil)
	require.Len(t, points(h.scrape(t), "hw.temperature"), 1)
}

// The library is there, the kernel module comes, goes and comes back.
func TestDriverComesAndGoes(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, nil)
	h := run(t, host.config(), nil)
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

	fakenvml.Healthy(1).Write(t, host.scenario)
	metrics = h.scrapeUntil(t, available(1))
	require.Len(t, points(metrics, "hw.power"), 1)

	require.NoError(t, h.receiver.Shutdown(t.Context()))
	require.Equal(t, []componentstatus.Status{
		componentstatus.StatusRecoverableError, componentstatus.StatusOK,
		componentstatus.StatusRecoverableError, componentstatus.StatusOK,
	}, h.statuses.all())
	require.Zero(t, h.erroredPoints(t))
}

// A file that is a library, and no NVML.
func TestLibraryWithoutInit(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	h := run(t, newGPUHost(t, fakenvml.Healthy(1), "nvmlInit_v2", "nvmlInitWithFlags").config(), nil)
	require.True(t, available(0)(h.scrape(t)))
	require.Contains(t, h.logs.All()[0].ContextMap()["error"], "nvmlInit_v2: function not found")
	require.Contains(t, h.logs.All()[0].ContextMap()["remedy"], "library_path")
}

// The counter starts anew when the driver is loaded again; its start time must tell.
func TestEnergyCounterRestarts(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	const uuid = "GPU-00000000-0000-4000-8000-000000000000"
	scenario := fakenvml.Healthy(1)
	host := newGPUHost(t, scenario)
	h := run(t, host.config(), nil)
	energy := func(value float64) pmetric.NumberDataPoint {
		return points(h.scrapeUntil(t, func(metrics pmetric.Metrics) bool {
			point, ok := points(metrics, "hw.energy")[uuid]
			return ok && point.DoubleValue() == value
		}), "hw.energy")[uuid]
	}
	first := energy(1000)
	scenario.SetGPU(0, "energy", 1_500_000)
	scenario.Write(t, host.scenario)
	second := energy(1500)
	require.Equal(t, first.StartTimestamp(), second.StartTimestamp())
	require.Greater(t, second.Timestamp(), first.Timestamp())

	scenario.SetGPU(0, "energy", 20_000)
	scenario.Write(t, host.scenario)
	restarted := energy(20)
	require.GreaterOrEqual(t, restarted.StartTimestamp(), second.Timestamp())
	require.Less(t, restarted.StartTimestamp(), restarted.Timestamp())
}

// The names and labels that rules and dashboards see, through the exporter that they come from.
func TestPrometheusNames(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	h := run(t, newGPUHost(t, fakenvml.Healthy(2)).config(), nil)
	page := prometheusPage(t, h.scrape(t))

	const labels = `hw_id="GPU-00000000-0000-4000-8000-000000000001",hw_model="NVIDIA Fake 80GB",hw_name="gpu1",hw_type="gpu",hw_vendor="NVIDIA"`
	for _, line := range []string{
		`gpu_memory_used_mb{device="gpu0"} 7680`,
		`gpu_memory_used_mb{device="gpu1"} 15360`,
		`# TYPE gpu_memory_used_mb gauge`,
		`hw_gpu_memory_usage_bytes{` + labels + `} 1.610612736e+10`,
		`hw_gpu_memory_limit_bytes{` + labels + `} 8.589934592e+10`,
		`hw_gpu_memory_utilization_ratio{` + labels + `} 0.1875`,
		`hw_gpu_utilization_ratio{hw_gpu_task="general",` + labels + `} 0.5`,
		`hw_temperature_celsius{` + labels + `} 41`,
		`hw_power_watts{` + labels + `} 200`,
		`# TYPE hw_energy_joules_total counter`,
		`hw_energy_joules_total{` + labels + `} 2000`,
		`nvml_available 1`,
	} {
		require.Contains(t, strings.Split(page, "\n"), line, "%s", page)
	}
	require.NotContains(t, page, "target_info", "a GPU is no target")
}

func prometheusPage(t *testing.T, metrics pmetric.Metrics) string {
	t.Helper()
	free, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	factory := prometheusexporter.NewFactory()
	cfg := factory.CreateDefaultConfig().(*prometheusexporter.Config)
	cfg.ServerConfig.NetAddr.Endpoint = address
	cfg.WithoutScopeInfo = true
	exporter, err := factory.CreateMetrics(t.Context(), exportertest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, exporter.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, exporter.Shutdown(context.Background())) })
	require.NoError(t, exporter.ConsumeMetrics(t.Context(), metrics))

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	var page bytes.Buffer
	_, err = io.Copy(&page, response.Body)
	require.NoError(t, err)
	return page.String()
}
