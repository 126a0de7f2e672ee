package embeddingqualityprocessor

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

func TestDefaultConfig(t *testing.T) {
	cfg := NewFactory().CreateDefaultConfig()
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, &Config{
		Window:             10 * time.Second,
		MinVectors:         100,
		FalseAlarmInterval: 720 * time.Hour,
		Reference:          ReferenceConfig{Vectors: 1000},
		NormTolerance:      0.01,
		OutlierSigmas:      8,
		CanaryMaxAge:       15 * time.Minute,
		MaxKeys:            1000,
		Merge:              configoptional.Default(MergeConfig{Wait: 15 * time.Second}),
		SaveInterval:       time.Minute,
	}, cfg)
}

func TestLoadConfig(t *testing.T) {
	storage := component.MustNewIDWithName("file_storage", "learned")
	cfg, err := load(t, "valid.yaml", "full")
	require.NoError(t, err)
	assert.Equal(t, &Config{
		Window:             30 * time.Second,
		MinVectors:         500,
		FalseAlarmInterval: 168 * time.Hour,
		KeepVectors:        true,
		Reference: ReferenceConfig{
			Vectors:       5000,
			Files:         []string{"qwen3.reference"},
			RenewInterval: 168 * time.Hour,
			Generation:    "after the upgrade",
		},
		Models: []ModelConfig{
			{Name: "qwen3-embedding-4b", Dimension: 2560, Norm: 1, MaxTokens: 32768},
			{Name: "another"},
		},
		NormTolerance:  0.001,
		OutlierSigmas:  6,
		CanaryMaxAge:   time.Hour,
		MaxKeys:        50,
		FingerprintKey: "a key",
		ReportState:    true,
		Merge:          configoptional.Default(MergeConfig{Wait: 15 * time.Second}),
		Storage:        &storage,
		SaveInterval:   5 * time.Minute,
	}, cfg)
	cfg, err = load(t, "valid.yaml", "gateway")
	require.NoError(t, err)
	assert.Equal(t, configoptional.Some(MergeConfig{Wait: time.Minute}), cfg.(*Config).Merge)
	cfg, err = load(t, "valid.yaml", "default_gateway")
	require.NoError(t, err)
	assert.Equal(t, configoptional.Some(MergeConfig{Wait: 15 * time.Second}), cfg.(*Config).Merge)
	cfg, err = load(t, "valid.yaml", "")
	require.NoError(t, err)
	assert.Equal(t, createDefaultConfig(), cfg)
}

func TestInvalidConfig(t *testing.T) {
	tests := map[string][]string{
		"no_window":       {"window: 0s is too short; want at least 100ms, e.g. 10s"},
		"negative_window": {"window: -10s is too short; want at least 100ms, e.g. 10s"},
		"few_vectors":     {"min_vectors: 1 is too few to compare; want at least 16, e.g. 100"},
		"often_false":     {"false_alarm_interval: 1m0s is too short for windows of 10s; want at least 100 windows, 16m40s, e.g. 720h"},
		"small_reference": {"reference::vectors: 10 is too few to learn from; want at least 64, e.g. 1000"},
		"no_tolerance":    {"norm_tolerance: 0 is not a share of the norm; want more than 0 and less than 1, e.g. 0.01"},
		"wide_tolerance":  {"norm_tolerance: 1 is not a share of the norm; want more than 0 and less than 1, e.g. 0.01"},
		"nan_tolerance":   {"norm_tolerance: NaN is not a share"},
		"no_sigmas":       {"outlier_sigmas: 0 is not a number of standard deviations; want more than 0, e.g. 8"},
		"endless_sigmas":  {"outlier_sigmas: +Inf is not a number of standard deviations"},
		"ageless_canary":  {"canary_max_age: 0s is no time; want longer than the canary's interval, e.g. 15m"},
		"no_keys":         {"max_keys: 0 leaves no room; want at least 1, e.g. 1000"},
		"models": {
			`models::1::name: "m" is the name of models::0 already; want each model once`,
			"models::2::name: missing; want the model as events name it, e.g. qwen3-embedding-4b",
			"models::2::dimension: -1 is not a length; want e.g. 2560, or no dimension to learn it",
			"models::2::max_tokens: -1 is not a number of tokens; want e.g. 32768, or none if it is not known",
			"models::2::norm: -1 is not a length; want e.g. 1, or no norm to learn it",
		},
		"no_file":        {"reference::files::0: empty; want the path of a reference file"},
		"often_renewed":  {"reference::renew_interval: 10s is too short for windows of 10s; want at least 100 windows, 16m40s, e.g. 168h, or 0 for never"},
		"merge_past":     {"merge: wait: -1s is in the past; want how long reports may take, e.g. 15s"},
		"merge_renewed":  {"reference::renew_interval: cannot be used with merge, where the vectors are not seen; want 0, and references of files"},
		"merge_reported": {"report_state: cannot be used with merge, which takes the state of reports in; want one tier of gateways"},
		"often_saved":    {"save_interval: 0s is too short; want at least 1s, e.g. 1m"},
		"several":        {"window: 1ns is too short", "max_keys: -1 leaves no room"},
		"unknown":        {"windows"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "invalid.yaml", name)
			require.Error(t, err)
			for _, message := range want {
				require.ErrorContains(t, err, message)
			}
		})
	}
}

// load returns the configuration of that name in a file under testdata.
func load(t *testing.T, file, name string) (component.Config, error) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := conf.Sub(component.NewIDWithName(metadata.Type, name).String())
	require.NoError(t, err)
	cfg := NewFactory().CreateDefaultConfig()
	if err := sub.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}
