package embeddingmetricsconnector

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/connector/connectortest"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
)

// TestCases runs the folders of testdata/cases: config.yaml, logs.yaml and traces.yaml, each where present, go in,
// and metrics.yaml has to come out.
func TestCases(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join("testdata", "cases", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, connectortest.NewNopSettings(metadata.Type), caseConfig(t, folder))
			p.start(t)
			if path, ok := file(t, folder, "logs.yaml"); ok {
				logs, err := golden.ReadLogs(path)
				require.NoError(t, err)
				require.NoError(t, p.ConsumeLogs(t.Context(), logs))
			}
			if path, ok := file(t, folder, "traces.yaml"); ok {
				traces, err := golden.ReadTraces(path)
				require.NoError(t, err)
				require.NoError(t, p.traces.ConsumeTraces(t.Context(), traces))
			}
			got := p.stop(t)
			want, err := golden.ReadMetrics(filepath.Join(folder, "metrics.yaml"))
			require.NoError(t, err)
			require.NoError(t, pmetrictest.CompareMetrics(want, got,
				pmetrictest.IgnoreTimestamp(), pmetrictest.IgnoreStartTimestamp(),
				pmetrictest.IgnoreMetricsOrder(), pmetrictest.IgnoreMetricDataPointsOrder()))
		})
	}
}

func caseConfig(t *testing.T, folder string) *Config {
	cfg := quietConfig()
	if path, ok := file(t, folder, "config.yaml"); ok {
		conf, err := confmaptest.LoadConf(path)
		require.NoError(t, err)
		require.NoError(t, conf.Unmarshal(cfg))
		require.NoError(t, cfg.Validate())
		cfg.FlushInterval = time.Hour
	}
	return cfg
}

func file(t *testing.T, folder, name string) (string, bool) {
	path := filepath.Join(folder, name)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	require.NoError(t, err)
	return path, true
}
