package embeddingqualityprocessor

import (
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

// minWindow bounds how often reports are made.
const minWindow = 100 * time.Millisecond

// minRunLength bounds how often false alarms may come, in windows.
const minRunLength = 100

// Config is the configuration of the processor.
type Config struct {
	// Window is the length of the windows that are reported.
	Window time.Duration `mapstructure:"window"`
	// MinVectors is the number of vectors from which windows are compared with the reference. Windows with fewer are put together
	// until there are as many.
	MinVectors int `mapstructure:"min_vectors"`
	// FalseAlarmInterval is the mean time between false alarms of drift, for each model, task and dimension.
	FalseAlarmInterval time.Duration `mapstructure:"false_alarm_interval"`
	// KeepVectors leaves the vectors in the events that were judged.
	KeepVectors bool `mapstructure:"keep_vectors"`
	// Reference says where references come from.
	Reference ReferenceConfig `mapstructure:"reference"`
	// Models holds what is known of models beforehand; the rest is learned.
	Models []ModelConfig `mapstructure:"models"`
	// NormTolerance is how far a norm may be from the expected one, relative to it.
	NormTolerance float64 `mapstructure:"norm_tolerance"`
	// OutlierSigmas is how many standard deviations of the reference's cosines a vector's cosine may be from their
	// mean.
	OutlierSigmas float64 `mapstructure:"outlier_sigmas"`
	// CanaryMaxAge is how long the result of a canary's round has a say in verdicts.
	CanaryMaxAge time.Duration `mapstructure:"canary_max_age"`
	// MaxKeys is the number of keys kept in memory; the one that was unused for longest makes room.
	MaxKeys int `mapstructure:"max_keys"`
	// FingerprintKey is the key of the hash by which the texts in spans are compared. A random one is made at start
	// if it is empty.
	FingerprintKey configopaque.String `mapstructure:"fingerprint_key"`
	// ReportState adds to window reports the state by which another processor merges them.
	ReportState bool `mapstructure:"report_state"`
	// Merge makes the processor merge the reports of others that carry their state.
	Merge configoptional.Optional[MergeConfig] `mapstructure:"merge"`
	// Storage is the storage extension in which what was learned survives restarts. Without one, it does not.
	Storage *component.ID `mapstructure:"storage"`
	// SaveInterval is how often what was learned is saved, which is also done at shutdown.
	SaveInterval time.Duration `mapstructure:"save_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ReferenceConfig says where references come from.
type ReferenceConfig struct {
	// Vectors is the number of valid vectors that a key's reference is learned from.
	Vectors int `mapstructure:"vectors"`
	// Files are reference files. The models and tasks that they are for have these references, and learn none.
	Files []string `mapstructure:"files"`
	// RenewInterval is how long a learned reference is used until another is learned from later vectors; 0 is for ever.
	RenewInterval time.Duration `mapstructure:"renew_interval"`
	// Generation names what was learned. What is in the storage under another name is discarded.
	Generation string `mapstructure:"generation"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MergeConfig says how reports are merged.
type MergeConfig struct {
	// Wait is how long after the end of a window its reports are waited for.
	Wait time.Duration `mapstructure:"wait"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Validate reports every key whose value cannot be used.
func (c *MergeConfig) Validate() error {
	if c.Wait < 0 {
		return fmt.Errorf("wait: %v is in the past; want how long reports may take, e.g. 15s", c.Wait)
	}
	return nil
}

// ModelConfig holds what is expected of a model's vectors, and of its inputs. Zero values are learned.
type ModelConfig struct {
	// Name is the model as events name it.
	Name string `mapstructure:"name"`
	// Dimension is the length of vectors for calls that ask for none.
	Dimension int `mapstructure:"dimension"`
	// Norm is the Euclidean norm.
	Norm float64 `mapstructure:"norm"`
	// MaxTokens is how many tokens of an input the server embeds at most. It is not learned: without it, less is known
	// of whether inputs were truncated.
	MaxTokens int `mapstructure:"max_tokens"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func createDefaultConfig() component.Config {
	return &Config{
		Window:             10 * time.Second,
		MinVectors:         100,
		FalseAlarmInterval: 30 * 24 * time.Hour,
		Reference:          ReferenceConfig{Vectors: 1000},
		NormTolerance:      0.01,
		OutlierSigmas:      8,
		CanaryMaxAge:       15 * time.Minute,
		MaxKeys:            1000,
		Merge:              configoptional.Default(MergeConfig{Wait: 15 * time.Second}),
		SaveInterval:       time.Minute,
	}
}

// Validate reports every key whose value cannot be used.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.Window < minWindow {
		refuse("window: %v is too short; want at least %v, e.g. 10s", c.Window, minWindow)
	}
	if c.MinVectors < drift.MinReplica {
		refuse("min_vectors: %d is too few to compare; want at least %d, e.g. 100", c.MinVectors, drift.MinReplica)
	}
	if c.FalseAlarmInterval < minRunLength*c.Window {
		refuse("false_alarm_interval: %v is too short for windows of %v; want at least %d windows, %v, e.g. 720h",
			c.FalseAlarmInterval, c.Window, minRunLength, minRunLength*c.Window)
	}
	if c.Reference.Vectors < drift.MinLearn {
		refuse("reference::vectors: %d is too few to learn from; want at least %d, e.g. 1000",
			c.Reference.Vectors, drift.MinLearn)
	}
	for i, path := range c.Reference.Files {
		if path == "" {
			refuse("reference::files::%d: empty; want the path of a reference file", i)
		}
	}
	if c.Reference.RenewInterval != 0 && c.Reference.RenewInterval < minRunLength*c.Window {
		refuse("reference::renew_interval: %v is too short for windows of %v; want at least %d windows, %v, e.g. 168h, or 0 for never",
			c.Reference.RenewInterval, c.Window, minRunLength, minRunLength*c.Window)
	}
	if c.Reference.RenewInterval != 0 && c.Merge.HasValue() {
		refuse("reference::renew_interval: cannot be used with merge, where the vectors are not seen; want 0, and references of files")
	}
	if c.ReportState && c.Merge.HasValue() {
		refuse("report_state: cannot be used with merge, which takes the state of reports in; want one tier of gateways, and " +
			"report_state on the agents")
	}
	if c.SaveInterval < time.Second {
		refuse("save_interval: %v is too short; want at least 1s, e.g. 1m", c.SaveInterval)
	}
	// Written so that NaN is refused as well.
	if !(c.NormTolerance > 0 && c.NormTolerance < 1) {
		refuse("norm_tolerance: %v is not a share of the norm; want more than 0 and less than 1, e.g. 0.01",
			c.NormTolerance)
	}
	if !isPositive(c.OutlierSigmas) {
		refuse("outlier_sigmas: %v is not a number of standard deviations; want more than 0, e.g. 8", c.OutlierSigmas)
	}
	if c.CanaryMaxAge <= 0 {
		refuse("canary_max_age: %v is no time; want longer than the canary's interval, e.g. 15m", c.CanaryMaxAge)
	}
	if c.MaxKeys < 1 {
		refuse("max_keys: %d leaves no room; want at least 1, e.g. 1000", c.MaxKeys)
	}
	first := make(map[string]int, len(c.Models))
	for i, m := range c.Models {
		if m.Name == "" {
			refuse("models::%d::name: missing; want the model as events name it, e.g. qwen3-embedding-4b", i)
		} else if j, ok := first[m.Name]; ok {
			refuse("models::%d::name: %q is the name of models::%d already; want each model once", i, m.Name, j)
		} else {
			first[m.Name] = i
		}
		if m.Dimension < 0 {
			refuse("models::%d::dimension: %d is not a length; want e.g. 2560, or no dimension to learn it",
				i, m.Dimension)
		}
		if m.MaxTokens < 0 {
			refuse("models::%d::max_tokens: %d is not a number of tokens; want e.g. 32768, or none if it is not known",
				i, m.MaxTokens)
		}
		if m.Norm != 0 && !isPositive(m.Norm) {
			refuse("models::%d::norm: %v is not a length; want e.g. 1, or no norm to learn it", i, m.Norm)
		}
	}
	return errors.Join(errs...)
}

// runLength is the mean time between false alarms, in windows.
func (c *Config) runLength() float64 { return float64(c.FalseAlarmInterval) / float64(c.Window) }

// isPositive is whether v is a finite number above 0.
func isPositive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
