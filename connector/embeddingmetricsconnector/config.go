package embeddingmetricsconnector

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Kinds of histograms.
const (
	// HistogramExplicit is a histogram with the fixed buckets that documentation.md lists.
	HistogramExplicit = "explicit"
	// HistogramExponential is a base-2 exponential histogram, a native histogram in Prometheus.
	HistogramExponential = "exponential"
)

// Generations of the GenAI semantic conventions, whose metrics of embedding calls were renamed.
const (
	// SemconvLegacy has gen_ai.client.operation.duration and gen_ai.client.token.usage, which embedding calls shared with
	// others.
	SemconvLegacy = "legacy"
	// SemconvLatest has gen_ai.client.embeddings.duration and gen_ai.client.embeddings.operation.input_tokens.
	SemconvLatest = "latest"
	// SemconvBoth has all four.
	SemconvBoth = "both"
)

// Config configures the connector.
type Config struct {
	// MetricsBuilderConfig switches single metrics on and off under the key metrics.
	metadata.MetricsBuilderConfig `mapstructure:",squash"`

	// FlushInterval is the time between two deliveries to the metrics pipelines.
	FlushInterval time.Duration `mapstructure:"flush_interval"`
	// WindowExpiration is how long the gauges of a window report stay when no other report of the same key follows.
	WindowExpiration time.Duration `mapstructure:"window_expiration"`
	// Histogram is HistogramExplicit or HistogramExponential.
	Histogram string `mapstructure:"histogram"`

	// Semconv is SemconvLegacy, SemconvLatest or SemconvBoth.
	Semconv string `mapstructure:"semconv"`

	// Models are the models that are known beforehand. Their counters start at 0 and their names are always kept.
	Models []ModelConfig `mapstructure:"models"`

	// MaxModels bounds the number of values of the label model.
	MaxModels int `mapstructure:"max_models"`
	// MaxTaskTypes bounds the number of values of the label task_type.
	MaxTaskTypes int `mapstructure:"max_task_types"`
	// MaxErrorTypes bounds the number of combinations of status code and error type.
	MaxErrorTypes int `mapstructure:"max_error_types"`
	// MaxServers bounds the number of combinations of provider, response model, server address and port.
	MaxServers int `mapstructure:"max_servers"`
	// MaxDimensions bounds the number of dimensions of one model.
	MaxDimensions int `mapstructure:"max_dimensions"`
	// MaxWindows bounds the number of keys (model, task type, dimension, replica) whose window reports are shown.
	MaxWindows int `mapstructure:"max_windows"`
}

// ModelConfig names a model that is known beforehand.
type ModelConfig struct {
	// Name is the model's name as clients use it.
	Name string `mapstructure:"name"`
	// TaskTypes are the task types it is called with; embedding.DefaultTaskType if none is given.
	TaskTypes []string `mapstructure:"task_types"`
}

func createDefaultConfig() component.Config {
	return &Config{
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		FlushInterval:        5 * time.Second,
		WindowExpiration:     5 * time.Minute,
		Histogram:            HistogramExplicit,
		Semconv:              SemconvLegacy,
		MaxModels:            100,
		MaxTaskTypes:         50,
		MaxErrorTypes:        50,
		MaxServers:           100,
		MaxDimensions:        10,
		MaxWindows:           1000,
	}
}

// Validate checks the configuration.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.FlushInterval <= 0 {
		refuse("flush_interval: %s is not positive; want e.g. 5s", c.FlushInterval)
	}
	if c.WindowExpiration <= 0 {
		refuse("window_expiration: %s is not positive; want e.g. 5m", c.WindowExpiration)
	}
	if c.Histogram != HistogramExplicit && c.Histogram != HistogramExponential {
		refuse("histogram: %q is unknown; want %s or %s", c.Histogram, HistogramExplicit, HistogramExponential)
	}
	if c.Semconv != SemconvLegacy && c.Semconv != SemconvLatest && c.Semconv != SemconvBoth {
		refuse("semconv: %q is unknown; want %s, %s or %s", c.Semconv, SemconvLegacy, SemconvLatest, SemconvBoth)
	}
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"max_models", c.MaxModels},
		{"max_task_types", c.MaxTaskTypes},
		{"max_error_types", c.MaxErrorTypes},
		{"max_servers", c.MaxServers},
		{"max_dimensions", c.MaxDimensions},
		{"max_windows", c.MaxWindows},
	} {
		if limit.value < 1 {
			refuse("%s: %d is too small; want at least 1", limit.key, limit.value)
		}
	}

	names, tasks := map[string]bool{}, map[string]bool{}
	for i, m := range c.Models {
		if !usable(m.Name) {
			refuse("models::%d::name: %q is no label; want 1 to %d bytes of UTF-8", i, m.Name, maxLabelLength)
		}
		if names[m.Name] {
			refuse("models::%d::name: %q is there already; want each model once", i, m.Name)
		}
		names[m.Name] = true
		for j, task := range m.taskTypes() {
			if !usable(task) {
				refuse("models::%d::task_types::%d: %q is no label; want 1 to %d bytes of UTF-8", i, j, task, maxLabelLength)
			}
			tasks[task] = true
		}
	}
	if c.MaxModels >= 1 && len(names) > c.MaxModels {
		refuse("models: %d models are more than max_models: %d", len(names), c.MaxModels)
	}
	if c.MaxTaskTypes >= 1 && len(tasks) > c.MaxTaskTypes {
		refuse("models: %d task types are more than max_task_types: %d", len(tasks), c.MaxTaskTypes)
	}
	return errors.Join(errs...)
}

func (m ModelConfig) taskTypes() []string {
	if len(m.TaskTypes) == 0 {
		return []string{embedding.DefaultTaskType}
	}
	return m.TaskTypes
}
