//go:build linux && cgo

package nvmlreceiver

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// The names and labels that rules and dashboards see, through the exporter that they come from.
func TestPrometheusNames(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(2)
	scenario.SetMIG(0, 0, "3g.40gb")
	h := run(t, newGPUHost(t, scenario).everything())
	page := prometheusPage(t, h.scrape(t))

	const labels = `hw_id="GPU-00000000-0000-4000-8000-000000000001",hw_model="NVIDIA Fake 80GB",hw_name="gpu1",hw_type="gpu",hw_vendor="NVIDIA"`
	const mig = `hw_id="MIG-00000000-0000-4000-8000-000000000000",hw_model="NVIDIA Fake 80GB MIG 3g.40gb",hw_name="gpu0:0",hw_parent="GPU-00000000-0000-4000-8000-000000000000",hw_type="gpu",hw_vendor="NVIDIA"`
	for _, line := range []string{
		`gpu_memory_used_mb{device="gpu0"} 7680`,
		`gpu_memory_used_mb{device="gpu1"} 15360`,
		`# TYPE gpu_memory_used_mb gauge`,
		`hw_gpu_memory_usage_bytes{` + labels + `} 1.610612736e+10`,
		`hw_gpu_memory_usage_bytes{` + mig + `} 1.048576e+08`,
		`hw_gpu_memory_limit_bytes{` + labels + `} 8.589934592e+10`,
		`hw_gpu_memory_utilization_ratio{` + labels + `} 0.1875`,
		`hw_gpu_utilization_ratio{hw_gpu_task="general",` + labels + `} 0.5`,
		`hw_temperature_celsius{` + labels + `,hw_sensor_location="gpu"} 41`,
		`hw_power_watts{` + labels + `} 200`,
		`# TYPE hw_energy_joules_total counter`,
		`hw_energy_joules_total{` + labels + `} 2000`,
		`hw_fan_speed_ratio{hw_id="GPU-00000000-0000-4000-8000-000000000001/fan0",hw_model="NVIDIA Fake 80GB",hw_name="gpu1 fan0",hw_parent="GPU-00000000-0000-4000-8000-000000000001",hw_type="fan",hw_vendor="NVIDIA"} 0.31`,
		`hw_gpu_io_bytes_total{` + labels + `,network_io_direction="receive"} 8e+06`,
		`hw_status{hw_state="ok",` + labels + `} 1`,
		`hw_errors_total{error_type="corrected",` + labels + `} 11`,
		`nvml_throttle_time_seconds_total{` + labels + `,nvml_throttle_reason="sw_power_cap"} 2`,
		`nvml_xid_errors_total{` + labels + `,nvml_xid_code="79"} 0`,
		`nvml_sm_utilization_ratio{` + labels + `} 0.215`,
		`nvml_process_count{` + labels + `} 2`,
		`nvml_available 1`,
	} {
		if strings.HasPrefix(line, "#") {
			require.Contains(t, strings.Split(page, "\n"), line, "%s", page)
			continue
		}
		require.Contains(t, sortedLabels(page), sortedLabels(line)[0], "%s", page)
	}
	require.NotContains(t, page, "target_info", "a GPU is no target")
}

// sortedLabels returns the lines of a page with the labels of each in the order of their names.
func sortedLabels(page string) []string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		name, rest, ok := strings.Cut(line, "{")
		labels, value, closed := strings.Cut(rest, "} ")
		if !ok || !closed {
			continue
		}
		parts := strings.Split(labels, ",")
		slices.Sort(parts)
		lines[i] = name + "{" + strings.Join(parts, ",") + "} " + value
	}
	return lines
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
