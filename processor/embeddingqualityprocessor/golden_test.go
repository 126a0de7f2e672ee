package embeddingqualityprocessor

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// TestCases passes each case's input through a processor of its configuration, ends the window, and compares all that
// came out with what is expected: the judged events and the reports.
func TestCases(t *testing.T) {
	cases, err := os.ReadDir(filepath.Join("testdata", "cases"))
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			t.Parallel()
			path := func(name string) string { return filepath.Join("testdata", "cases", c.Name(), name) }
			conf, err := confmaptest.LoadConf(path("config.yaml"))
			require.NoError(t, err)
			input, err := golden.ReadLogs(path("input.yaml"))
			require.NoError(t, err)

			clock, sink := newFakeClock(), new(consumertest.LogsSink)
			f := newFactory(clock.clock())
			cfg := f.CreateDefaultConfig()
			require.NoError(t, conf.Unmarshal(cfg))
			p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
			require.NoError(t, err)
			require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
			require.NoError(t, p.ConsumeLogs(t.Context(), input))
			clock.tick()
			require.NoError(t, p.Shutdown(t.Context()))

			actual := plog.NewLogs()
			for _, logs := range sink.AllLogs() {
				logs.ResourceLogs().MoveAndAppendTo(actual.ResourceLogs())
			}
			for _, resource := range actual.ResourceLogs().All() {
				for _, scope := range resource.ScopeLogs().All() {
					for _, record := range scope.LogRecords().All() {
						round(record.Attributes())
					}
				}
			}
			if updateGolden() {
				require.NoError(t, golden.WriteLogsToFile(path("expected.yaml"), actual))
			}
			expected, err := golden.ReadLogs(path("expected.yaml"))
			require.NoError(t, err)
			require.NoError(t, plogtest.CompareLogs(expected, actual))
		})
	}
}

// updateGolden is whether expected output is to be written anew: UPDATE_GOLDEN=1 go test .
func updateGolden() bool { return os.Getenv("UPDATE_GOLDEN") != "" }

// round rounds floating-point attributes to 9 decimals: the last bits depend on the order in which the kernels of the
// processor's architecture add.
func round(attrs pcommon.Map) {
	for _, v := range attrs.All() {
		if v.Type() == pcommon.ValueTypeDouble {
			v.SetDouble(math.Round(v.Double()*1e9) / 1e9)
		}
	}
}
