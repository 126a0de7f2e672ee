package embeddingmetricsconnector

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// declaration is metadata.yaml as far as metrics go.
type declaration struct {
	Attributes map[string]struct {
		Type string   `mapstructure:"type"`
		Enum []string `mapstructure:"enum"`
	} `mapstructure:"attributes"`
	Metrics map[string]declaredMetric `mapstructure:"metrics"`
}

type declaredMetric struct {
	Description string        `mapstructure:"description"`
	Unit        string        `mapstructure:"unit"`
	Attributes  []string      `mapstructure:"attributes"`
	Sum         *declaredType `mapstructure:"sum"`
	Gauge       *declaredType `mapstructure:"gauge"`
	Histogram   *declaredType `mapstructure:"histogram"`
}

type declaredType struct {
	ValueType   string    `mapstructure:"value_type"`
	Temporality string    `mapstructure:"aggregation_temporality"`
	Monotonic   bool      `mapstructure:"monotonic"`
	Buckets     []float64 `mapstructure:"bucket_boundaries"`
}

func declared(t *testing.T) declaration {
	conf, err := confmaptest.LoadConf("metadata.yaml")
	require.NoError(t, err)
	var d declaration
	require.NoError(t, conf.Unmarshal(&d, confmap.WithIgnoreUnused()))
	require.NotEmpty(t, d.Metrics)
	return d
}

// everything returns metrics in which every metric, every attribute and every value of an enumeration occurs.
func everything(t *testing.T, cfg *Config) pmetric.Metrics {
	cfg.Semconv = SemconvBoth
	judged := call("m")
	judged.HasQuality = true
	judged.InputCharacters = []int64{5, 7}
	judged.Request.Utilization = 0.5
	judged.Server = embedding.ServerTimings{Total: 5, Load: 1, Tokenization: 1, Queue: 1, Inference: 2}
	judged.Quality.Counts = embedding.ReasonCounts{NonFinite: 1, Zero: 1, Dimension: 1, Norm: 1, Duplicate: 1, Outlier: 1}
	failed := call("m")
	failed.StatusCode, failed.ErrorType = 503, "InternalServerError"
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	probe := call("m")
	probe.Canary = true
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(judged, failed, probe)))
	require.NoError(t, p.ConsumeLogs(t.Context(), reportLogs(report())))
	return p.stop(t)
}

func TestMetricsAreAsDeclared(t *testing.T) {
	d := declared(t)
	seen := map[string]bool{}
	for metric := range all(everything(t, quietConfig())) {
		seen[metric.Name()] = true
		t.Run(metric.Name(), func(t *testing.T) {
			want, ok := d.Metrics[metric.Name()]
			require.True(t, ok, "not declared in metadata.yaml")
			require.Equal(t, want.Description, metric.Description())
			require.Equal(t, want.Unit, metric.Unit())
			occurring := map[string]bool{}
			check := func(attrs pcommon.Map) {
				for name, v := range attrs.All() {
					require.Contains(t, want.Attributes, name)
					attribute := d.Attributes[name]
					require.Equal(t, attribute.Type == "int", v.Type() == pcommon.ValueTypeInt, name)
					occurring[name] = true
					occurring[name+"="+v.AsString()] = true
				}
			}
			switch {
			case want.Sum != nil:
				sum := metric.Sum()
				require.Equal(t, want.Sum.Monotonic, sum.IsMonotonic())
				require.Equal(t, want.Sum.Temporality == "cumulative", sum.AggregationTemporality() == pmetric.AggregationTemporalityCumulative)
				for _, dp := range sum.DataPoints().All() {
					require.Equal(t, want.Sum.ValueType == "int", dp.ValueType() == pmetric.NumberDataPointValueTypeInt)
					check(dp.Attributes())
				}
			case want.Gauge != nil:
				for _, dp := range metric.Gauge().DataPoints().All() {
					require.Equal(t, want.Gauge.ValueType == "int", dp.ValueType() == pmetric.NumberDataPointValueTypeInt)
					check(dp.Attributes())
				}
			case want.Histogram != nil:
				histogram := metric.Histogram()
				require.Equal(t, want.Histogram.Temporality == "cumulative", histogram.AggregationTemporality() == pmetric.AggregationTemporalityCumulative)
				for _, dp := range histogram.DataPoints().All() {
					require.Equal(t, want.Histogram.Buckets, dp.ExplicitBounds().AsRaw())
					require.NotZero(t, dp.StartTimestamp())
					require.NotZero(t, dp.Exemplars().Len())
					require.Equal(t, want.Histogram.ValueType == "int",
						dp.Exemplars().At(0).ValueType() == pmetric.ExemplarValueTypeInt)
					check(dp.Attributes())
				}
			default:
				t.Fatal("declared without a type")
			}
			for _, name := range want.Attributes {
				require.True(t, occurring[name], "%s is declared and never set", name)
				for _, value := range d.Attributes[name].Enum {
					require.True(t, occurring[name+"="+value], "%s=%s is declared and never set", name, value)
				}
			}
		})
	}
	for name := range d.Metrics {
		require.True(t, seen[name], "%s is declared and never made", name)
	}
}

func TestRequiredBuckets(t *testing.T) {
	d := declared(t)
	require.Subset(t, d.Metrics["embedding.request.duration"].Histogram.Buckets, []float64{0.1, 0.25, 0.5, 0.75, 1, 2, 5})
	require.Subset(t, d.Metrics["embedding.input.tokens"].Histogram.Buckets,
		[]float64{64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768})
}

func TestEachMetricCanBeSwitchedOff(t *testing.T) {
	metrics := declared(t).Metrics
	for name := range metrics {
		t.Run(name, func(t *testing.T) {
			cfg, err := decode(confmap.NewFromStringMap(map[string]any{
				"flush_interval": "1h",
				"metrics":        map[string]any{name: map[string]any{"enabled": false}},
			}))
			require.NoError(t, err)
			var names []string
			for metric := range all(everything(t, cfg)) {
				names = append(names, metric.Name())
			}
			require.NotContains(t, names, name)
			require.Len(t, names, len(metrics)-1)
		})
	}
}

func TestEverythingSwitchedOff(t *testing.T) {
	off := map[string]any{}
	for name := range declared(t).Metrics {
		off[name] = map[string]any{"enabled": false}
	}
	cfg, err := decode(confmap.NewFromStringMap(map[string]any{"metrics": off}))
	require.NoError(t, err)
	require.Zero(t, everything(t, cfg).DataPointCount())
}

func TestVerdictsAndReasonsAreDeclared(t *testing.T) {
	d := declared(t)
	require.Len(t, d.Attributes["verdict"].Enum, len(embedding.Verdicts()))
	require.True(t, slices.Equal(d.Attributes["reason"].Enum, names(embedding.Reasons()[:5])))
}

func names[T ~string](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
}

// TestREADMEListsEverything requires every key and every Prometheus name in the README.
func TestREADMEListsEverything(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for name := range prometheusFamilies {
		require.Contains(t, string(page), fmt.Sprintf("`%s`", name))
	}
	conf := confmap.New()
	require.NoError(t, conf.Marshal(createDefaultConfig()))
	for key := range conf.ToStringMap() {
		require.Contains(t, string(page), fmt.Sprintf("`%s`", key))
	}
}
