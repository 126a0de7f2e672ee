package nvmlreceiver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// closedLibrary stands in for NVML where time must stand still: it opens or not, and has no GPUs.
type closedLibrary struct {
	nvml.Library
	openErr error
	opened  []time.Time
	closed  int
}

func (l *closedLibrary) Open() error {
	l.opened = append(l.opened, time.Now())
	return l.openErr
}
func (l *closedLibrary) Close() error                   { l.closed++; return nil }
func (l *closedLibrary) DriverVersion() (string, error) { return "580.82.07", nil }
func (l *closedLibrary) CUDAVersion() (int, error)      { return 13000, nil }
func (l *closedLibrary) DeviceCount() (int, error)      { return 0, nil }
func (l *closedLibrary) Calls(func(nvml.CallStats))     {}

func newTestScraper(t *testing.T, lib nvml.Library) *gpuScraper {
	t.Helper()
	telemetry, err := metadata.NewTelemetryBuilder(componenttest.NewNopTelemetrySettings())
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	return newGPUScraper(receivertest.NewNopSettings(metadata.Type), cfg, lib, telemetry, nil)
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lib := &closedLibrary{openErr: &nvml.CallError{Call: "nvmlInit_v2", Status: nvml.StatusDriverNotLoaded}}
		s := newTestScraper(t, lib)
		began := time.Now()
		var last pmetric.Metrics
		scrapeFor := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Second) {
				var err error
				last, err = s.scrape(t.Context())
				require.NoError(t, err)
			}
		}
		scrapeFor(5 * time.Minute)
		var attempts []time.Duration
		for _, at := range lib.opened {
			attempts = append(attempts, at.Sub(began))
		}
		require.Equal(t, []time.Duration{
			0, 10 * time.Second, 30 * time.Second, 70 * time.Second,
			130 * time.Second, 190 * time.Second, 250 * time.Second,
		}, attempts)
		require.True(t, available(0)(last))

		lib.openErr = nil
		scrapeFor(time.Minute)
		require.True(t, available(1)(last))
		require.NoError(t, s.shutdown(t.Context()))
		require.Equal(t, 1, lib.closed)
	})
}

// Without a start, and with a context that is over.
func TestShutdownTwice(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	factory := NewFactory()
	for _, start := range []bool{false, true} {
		r, err := factory.CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), testConfig(), consumertest.NewNop())
		require.NoError(t, err)
		if start {
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		}
		require.NoError(t, r.Shutdown(cancelled))
		require.NoError(t, r.Shutdown(cancelled))
	}
}
