package embeddingmetricsconnector

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func load(t *testing.T, section string) (*Config, error) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub(section)
	require.NoError(t, err)
	return decode(sub)
}

func decode(conf *confmap.Conf) (*Config, error) {
	cfg := createDefaultConfig().(*Config)
	return cfg, conf.Unmarshal(cfg)
}

func TestLoadConfig(t *testing.T) {
	cfg, err := load(t, "embedding_metrics")
	require.NoError(t, err)
	require.NoError(t, confmap.Validate(cfg))
	require.Equal(t, createDefaultConfig(), cfg)

	cfg, err = load(t, "embedding_metrics/all")
	require.NoError(t, err)
	require.NoError(t, confmap.Validate(cfg))
	require.False(t, cfg.Metrics.EmbeddingBatchSize.Enabled)
	require.True(t, cfg.Metrics.EmbeddingRequests.Enabled)
	require.Equal(t, []ModelConfig{
		{Name: "qwen3-embedding-4b", TaskTypes: []string{"general", "query"}}, {Name: "bge-m3"},
	}, cfg.Models)
	require.Equal(t, 10*time.Second, cfg.FlushInterval)
	require.Equal(t, time.Minute, cfg.WindowExpiration)
	require.Equal(t, HistogramExponential, cfg.Histogram)
	require.Equal(t, SemconvBoth, cfg.Semconv)
	require.Equal(t, []int{3, 4, 5, 6, 7, 8}, []int{
		cfg.MaxModels, cfg.MaxTaskTypes, cfg.MaxErrorTypes, cfg.MaxServers, cfg.MaxDimensions, cfg.MaxWindows,
	})
}

func TestWrongConfigurations(t *testing.T) {
	for name, tt := range map[string]struct {
		yaml map[string]any
		want string
	}{
		"no interval": {
			map[string]any{"flush_interval": "0s"}, "flush_interval: 0s is not positive; want e.g. 5s",
		},
		"negative expiration": {
			map[string]any{"window_expiration": "-1s"}, "window_expiration: -1s is not positive; want e.g. 5m",
		},
		"unknown histogram": {
			map[string]any{"histogram": "native"}, `histogram: "native" is unknown; want explicit or exponential`,
		},
		"unknown conventions": {
			map[string]any{"semconv": "v1.37"}, `semconv: "v1.37" is unknown; want legacy, latest or both`,
		},
		"no room": {
			map[string]any{"max_servers": 0}, "max_servers: 0 is too small; want at least 1",
		},
		"nameless model": {
			map[string]any{"models": []any{map[string]any{"task_types": []any{"query"}}}},
			`models::0::name: "" is no label; want 1 to 256 bytes of UTF-8`,
		},
		"model twice": {
			map[string]any{"models": []any{map[string]any{"name": "a"}, map[string]any{"name": "a"}}},
			`models::1::name: "a" is there already; want each model once`,
		},
		"task type that is no label": {
			map[string]any{"models": []any{map[string]any{"name": "a", "task_types": []any{"query", ""}}}},
			`models::0::task_types::1: "" is no label; want 1 to 256 bytes of UTF-8`,
		},
		"too many models": {
			map[string]any{"max_models": 1, "models": []any{map[string]any{"name": "a"}, map[string]any{"name": "b"}}},
			"models: 2 models are more than max_models: 1",
		},
		"too many task types": {
			map[string]any{"max_task_types": 1, "models": []any{
				map[string]any{"name": "a", "task_types": []any{"query", "document"}},
			}},
			"models: 2 task types are more than max_task_types: 1",
		},
		"unknown key": {
			map[string]any{"flush_intervall": "5s"}, "flush_intervall",
		},
		"unknown metric": {
			map[string]any{"metrics": map[string]any{"embedding.reqests": map[string]any{"enabled": false}}},
			"embedding.reqests",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := decode(confmap.NewFromStringMap(tt.yaml))
			if err == nil {
				err = confmap.Validate(cfg)
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}
