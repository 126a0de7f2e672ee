package nvmlreceiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

func TestConfig(t *testing.T) {
	everything := createDefaultConfig().(*Config)
	everything.CollectionInterval = 30 * time.Second
	everything.InitialDelay = 0
	everything.Timeout = 5 * time.Second
	everything.LibraryPath = "/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1"
	everything.Intervals = IntervalsConfig{Moderate: 30 * time.Second, Costly: time.Minute, Rare: 5 * time.Minute}
	everything.Attribution = AttributionConfig{
		MaxProcesses: 8, Containers: true, ProcPath: "/hostfs/proc",
		PodResources: "/var/lib/kubelet/pod-resources/kubelet.sock",
	}
	everything.ReleaseWhenIdle = true
	everything.Events.NvmlHealth.Enabled = false
	everything.Metrics.HwEnergy.Enabled = false
	everything.ResourceAttributes.HwSerialNumber.Enabled = false

	for _, tt := range []struct {
		id   component.ID
		want *Config
		err  string
	}{
		{id: component.NewID(metadata.Type), want: createDefaultConfig().(*Config)},
		{id: component.NewIDWithName(metadata.Type, "everything"), want: everything},
		{id: component.NewIDWithName(metadata.Type, "relative_path"), err: `library_path: "libnvidia-ml.so.1" is not an absolute path`},
		{id: component.NewIDWithName(metadata.Type, "relative_proc"), err: `attribution::proc_path: "hostfs/proc" is not an absolute path`},
		{id: component.NewIDWithName(metadata.Type, "no_proc"), err: `attribution::proc_path: must not be empty`},
		{id: component.NewIDWithName(metadata.Type, "relative_socket"), err: `attribution::pod_resources: "kubelet.sock" is not an absolute path`},
		{id: component.NewIDWithName(metadata.Type, "no_processes"), err: `attribution::max_processes: 0; want 1 or more`},
		{id: component.NewIDWithName(metadata.Type, "negative_tier"), err: `intervals::rare: -1m0s is negative`},
		{id: component.NewIDWithName(metadata.Type, "no_interval"), err: `"collection_interval": requires positive value`},
		{id: component.NewIDWithName(metadata.Type, "unknown_key"), err: `invalid keys: libary_path`},
		{id: component.NewIDWithName(metadata.Type, "unknown_metric"), err: `invalid keys: hw.gpu.memory.used`},
	} {
		t.Run(tt.id.String(), func(t *testing.T) {
			conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
			require.NoError(t, err)
			sub, err := conf.Sub(tt.id.String())
			require.NoError(t, err)
			cfg := NewFactory().CreateDefaultConfig()
			err = sub.Unmarshal(cfg)
			if err == nil {
				err = confmap.Validate(cfg)
			}
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			// The generated types remember which keys the user wrote, so what counts is compared by its own fields.
			got := cfg.(*Config)
			require.Equal(t, tt.want.ControllerConfig, got.ControllerConfig)
			require.Equal(t, tt.want.LibraryPath, got.LibraryPath)
			require.Equal(t, tt.want.Intervals, got.Intervals)
			require.Equal(t, tt.want.Attribution, got.Attribution)
			require.Equal(t, tt.want.ReleaseWhenIdle, got.ReleaseWhenIdle)
			require.Equal(t, tt.want.Events.NvmlHealth.Enabled, got.Events.NvmlHealth.Enabled)
			require.Equal(t, tt.want.Events.NvmlXid.Enabled, got.Events.NvmlXid.Enabled)
			require.Equal(t, tt.want.Metrics.HwEnergy.Enabled, got.Metrics.HwEnergy.Enabled)
			require.Equal(t, tt.want.ResourceAttributes.HwSerialNumber.Enabled, got.ResourceAttributes.HwSerialNumber.Enabled)
		})
	}
}
