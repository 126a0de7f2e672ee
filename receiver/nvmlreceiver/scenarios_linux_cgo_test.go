//go:build linux && cgo

package nvmlreceiver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap/zapcore"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// inOwnProcess is fakenvml.InOwnProcess for tests that do not depend on each other.
func inOwnProcess(t *testing.T, env ...string) bool {
	t.Helper()
	if !fakenvml.Alone(t) {
		t.Parallel()
	}
	return fakenvml.InOwnProcess(t, env...)
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

// everything reads everything in every scrape, at intervals that leave time for samples of 200 ms.
func (h gpuHost) everything() *Config {
	cfg := h.config()
	cfg.CollectionInterval = 250 * time.Millisecond
	cfg.Intervals = IntervalsConfig{}
	cfg.Metrics.NvmlNvlinkThroughput.Enabled = true
	cfg.Metrics.NvmlPcieThroughput.Enabled = true
	cfg.Metrics.NvmlProcessMemoryUsage.Enabled = true
	cfg.Metrics.NvmlProcessUtilization.Enabled = true
	// The processes of scenarios do not exist here, or are others.
	cfg.Attribution.ProcPath = "/nonexistent"
	return cfg
}

func TestScenarios(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario func(fakenvml.Scenario)
		without  []string
		// errors must each be logged once as a warning; there must be none where the list is empty.
		errors        []string
		failedMetrics int64
	}{
		{name: "two_gpus"},
		{
			// A GPU in MIG mode beside one that is not.
			name: "mig_and_whole",
			scenario: func(s fakenvml.Scenario) {
				s.SetMIG(0, 0, "3g.40gb")
				s.SetMIG(0, 2, "1g.10gb")
			},
		},
		{
			name:          "temperature_fails_on_one_gpu",
			scenario:      func(s fakenvml.Scenario) { s.SetGPU(1, "temperature.error", 999) },
			errors:        []string{"nvmlDeviceGetTemperatureV: unknown error (999)"},
			failedMetrics: 1,
		},
		{
			// Before Hopper, without history of samples and without sensors.
			name: "unsupported_calls",
			scenario: func(s fakenvml.Scenario) {
				for _, key := range []string{
					"serial", "energy", "samples.gpu", "samples.memory", "samples.encoder", "utilization.decoder", "samples.decoder",
					"gpm.supported", "fan.count", "temperature.margin", "field.82", "field.138", "field.139", "field.3", "field.4",
				} {
					s.UnsetGPU(0, key)
				}
			},
		},
		{
			// The planned error makes the code's text wanted, which must not enter the driver either.
			name:     "missing_symbols",
			scenario: func(s fakenvml.Scenario) { s.SetGPU(0, "power.error", 999) },
			without: []string{"nvmlErrorString", "nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV",
				"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetSerial", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetFieldValues",
				"nvmlSystemGetCudaDriverVersion_v2", "nvmlGpmQueryDeviceSupport", "nvmlEventSetCreate", "nvmlShutdown"},
			errors:        []string{"nvmlDeviceGetPowerUsage: unknown error (999)"},
			failedMetrics: 1,
		},
		{
			// The driver numbers three throttle reasons otherwise and answers the new numbers with what they meant then.
			name: "old_driver",
			scenario: func(s fakenvml.Scenario) {
				s.Set("driver.version", "570.172.08")
				for i := range 2 {
					for new, old := range map[int]int{269: 251, 270: 252, 271: 253} {
						s.SetField(i, old, "ulonglong", s[fmt.Sprintf("gpu.%d.field.%d", i, new)])
						s.SetField(i, new, "ulonglong", 123456789)
					}
				}
			},
			without: []string{"nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetComputeRunningProcesses_v3",
				"nvmlDeviceGetGraphicsRunningProcesses_v3"},
		},
		{
			// Throttle reasons from the call that there was before the fields.
			name: "violations",
			scenario: func(s fakenvml.Scenario) {
				for i := range 2 {
					for _, id := range []int{74, 76, 269, 270, 271} {
						s.UnsetGPU(i, fmt.Sprintf("field.%d", id))
					}
				}
			},
		},
		{
			name: "implausible_answers",
			scenario: func(s fakenvml.Scenario) {
				s.SetGPU(0, "memory.used", "0xffffffffffffffff")
				s.SetGPU(0, "samples.gpu", "every 200000 keep 71 values 4294967295")
				s.SetGPU(0, "gpm.2", 1e30)
			},
			errors: []string{
				"18446744073709551615 used",
				"implausible answer of the driver: 4.294967295e+09 %",
				"implausible answer of the driver: 1e+30 %",
			},
			// Memory and utilization in each scrape; from the second on as many metrics of GPM too.
			failedMetrics: 6 + 1,
		},
		{
			// In an unprivileged container: the rest is read as before.
			name:          "gpm_denied",
			scenario:      func(s fakenvml.Scenario) { s.SetGPU(1, "gpm.error", 4) },
			errors:        []string{"no permission (4)"},
			failedMetrics: 7,
		},
		{
			name: "ill",
			scenario: func(s fakenvml.Scenario) {
				s.SetGPU(0, "remapped.failed", 1)
				s.SetGPU(1, "field.230", 1)
			},
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
			h := run(t, newGPUHost(t, scenario, tt.without...).everything())
			metrics := h.scrape(t)

			compareGolden(t, metrics)
			require.Equal(t, []componentstatus.Status{componentstatus.StatusOK}, h.statuses.all())
			var warnings []string
			for _, entry := range h.logs.FilterLevelExact(zapcore.WarnLevel).All() {
				warnings = append(warnings, fmt.Sprint(entry.ContextMap()["error"]))
			}
			require.Len(t, warnings, len(tt.errors), "%v", warnings)
			for _, want := range tt.errors {
				require.Contains(t, strings.Join(warnings, "\n"), want)
			}
			require.NoError(t, h.receiver.Shutdown(t.Context()))
			if tt.failedMetrics == 0 {
				require.Zero(t, h.erroredPoints(t))
			} else {
				require.Positive(t, h.erroredPoints(t))
				require.Zero(t, h.erroredPoints(t)%tt.failedMetrics, "%d", h.erroredPoints(t))
			}
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
