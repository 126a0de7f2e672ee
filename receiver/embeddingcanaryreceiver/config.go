package embeddingcanaryreceiver

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

// Config is the configuration of the canary receiver.
type Config struct {
	metadata.MetricsBuilderConfig `mapstructure:",squash"`

	// Targets are the servers to watch.
	Targets []TargetConfig `mapstructure:"targets"`

	// Interval is the time from the start of one round at a replica to the start of the next.
	Interval time.Duration `mapstructure:"interval"`

	// Jitter is the share of the interval by which each round may come earlier or later.
	Jitter float64 `mapstructure:"jitter"`

	// Budget bounds what the canary may ask of a server.
	Budget BudgetConfig `mapstructure:"budget"`

	// Backoff is how a server is spared that says that it is overloaded.
	Backoff BackoffConfig `mapstructure:"backoff"`

	// Learning is how the vectors of the texts become known.
	Learning LearningConfig `mapstructure:"learning"`

	// Suite is which texts are sent.
	Suite SuiteConfig `mapstructure:"suite"`

	// Storage is the storage extension in which pins survive restarts. Without one, they do not.
	Storage *component.ID `mapstructure:"storage"`

	// Generation is raised to learn all pins anew.
	Generation int `mapstructure:"generation"`

	// ServiceName is the service.name of the resource that log records and spans belong to.
	ServiceName string `mapstructure:"service_name"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// TargetConfig is one server, or several replicas of one behind a name. Its endpoint is the URL of the embedding call itself.
type TargetConfig struct {
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// Probe is what is asked of the server.
	Probe ProbeConfig `mapstructure:",squash"`
}

// ProbeConfig says what a server is asked, and what is known of it.
type ProbeConfig struct {
	// Name is what the target is called in metrics and logs. Empty means the host and port of the endpoint.
	Name string `mapstructure:"name"`

	// Model is the model to ask for.
	Model string `mapstructure:"model"`

	// Dialect is the API. Empty means the one that the endpoint's path is of.
	Dialect string `mapstructure:"dialect"`

	// Resolve looks the endpoint's host up before each round and probes each address as one replica.
	Resolve bool `mapstructure:"resolve"`

	// Dimensions are Matryoshka dimensions to ask for beside the model's own.
	Dimensions []int `mapstructure:"dimensions"`

	// MaxTokens is how many tokens of an input the server reads. 0 means to find out while learning.
	MaxTokens int `mapstructure:"max_tokens"`

	// QueryInstruction and DocumentInstruction are put before queries and documents. Nil means what the model is known to want.
	QueryInstruction    *string `mapstructure:"query_instruction"`
	DocumentInstruction *string `mapstructure:"document_instruction"`

	// Normalized is whether vectors have to have length 1.
	Normalized bool `mapstructure:"normalized"`

	// Encodings are asked for and compared with each other. Nil means all that the API has.
	Encodings []string `mapstructure:"encodings"`

	// Pins is a file of pins. Nothing is learned then.
	Pins string `mapstructure:"pins"`
}

// BudgetConfig bounds what the canary may ask of a server.
type BudgetConfig struct {
	// Tokens is the most tokens of one round, estimated before it is sent.
	Tokens int `mapstructure:"tokens"`

	// ServerTime is the largest share of time that calls may be running at a replica.
	ServerTime float64 `mapstructure:"server_time"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// BackoffConfig is how a server is spared that says that it is overloaded.
type BackoffConfig struct {
	// Initial is the pause after the first overloaded answer.
	Initial time.Duration `mapstructure:"initial"`

	// Max is the longest pause that doubling leads to.
	Max time.Duration `mapstructure:"max"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// LearningConfig is how the vectors of the texts become known.
type LearningConfig struct {
	// Rounds is the number of rounds from which pins are learned.
	Rounds int `mapstructure:"rounds"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// SuiteConfig is which texts are sent.
type SuiteConfig struct {
	// BuiltIn switches the built-in texts on.
	BuiltIn bool `mapstructure:"built_in"`

	// Files hold texts of the user's.
	Files []string `mapstructure:"files"`

	// prevent unkeyed literal initialization
	_ struct{}
}

const (
	defaultInterval       = time.Minute
	defaultJitter         = 0.1
	defaultBudgetTokens   = 20000
	defaultServerTime     = 0.02
	defaultBackoffInitial = time.Minute
	defaultBackoffMax     = 30 * time.Minute
	defaultLearningRounds = 5
	defaultTimeout        = 30 * time.Second
	defaultServiceName    = "embedding-canary"

	// Python's uvicorn, under vLLM and many others, closes connections that were idle for 5 s. Between rounds more time
	// passes, so that the next begins with a connection of its own.
	defaultIdleTimeout = 4 * time.Second
)

func createDefaultConfig() component.Config {
	return &Config{
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		Interval:             defaultInterval,
		Jitter:               defaultJitter,
		Budget:               BudgetConfig{Tokens: defaultBudgetTokens, ServerTime: defaultServerTime},
		Backoff:              BackoffConfig{Initial: defaultBackoffInitial, Max: defaultBackoffMax},
		Learning:             LearningConfig{Rounds: defaultLearningRounds},
		Suite:                SuiteConfig{BuiltIn: true},
		ServiceName:          defaultServiceName,
	}
}

func defaultTarget() TargetConfig {
	client := confighttp.NewDefaultClientConfig()
	keepalive := confighttp.NewDefaultKeepaliveClientConfig()
	keepalive.IdleConnTimeout = defaultIdleTimeout
	client.Keepalive = configoptional.Some(keepalive)
	client.Timeout = defaultTimeout
	return TargetConfig{ClientConfig: client, Probe: ProbeConfig{Normalized: true}}
}

// The settings of confighttp ignore keys that they do not know, and with them misspelt ones. As a type of their own, without
// their Unmarshal, they refuse them.
type (
	clientKeys confighttp.ClientConfig
	targetKeys struct {
		Client clientKeys  `mapstructure:",squash"`
		Probe  ProbeConfig `mapstructure:",squash"`
	}
)

// Unmarshal implements confmap.Unmarshaler. Each target begins with the defaults.
func (c *TargetConfig) Unmarshal(conf *confmap.Conf) error {
	if err := confmap.NewFromStringMap(conf.ToStringMap()).Unmarshal(new(targetKeys)); err != nil {
		return err
	}
	*c = defaultTarget()
	return conf.Unmarshal(c)
}
