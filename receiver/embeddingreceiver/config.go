package embeddingreceiver

import (
	"math"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Config is the configuration of the embedding receiver. At least one of Tap and Ingest is needed.
type Config struct {
	// Tap is the transparent proxy in front of an embedding server.
	Tap configoptional.Optional[TapConfig] `mapstructure:"tap"`

	// Ingest is the endpoint for structured request logs.
	Ingest configoptional.Optional[IngestConfig] `mapstructure:"ingest"`

	// FingerprintKey is the key of the fingerprints that stand for texts. Receivers with the same key give the same
	// text the same fingerprint. Empty means a random key for each process.
	FingerprintKey configopaque.String `mapstructure:"fingerprint_key"`

	// TaskPrefixes are beginnings of texts that name the task type of a call, before those that are built in.
	TaskPrefixes []TaskPrefixConfig `mapstructure:"task_prefixes"`

	// BuiltInTaskPrefixes switches the built-in ones on.
	BuiltInTaskPrefixes bool `mapstructure:"built_in_task_prefixes"`

	// Texts makes events carry the beginnings of texts. Without it no text leaves the receiver.
	Texts configoptional.Optional[TextsConfig] `mapstructure:"texts"`
}

// TextsConfig is the configuration of what events carry of texts.
type TextsConfig struct {
	// MaxLength is how many characters of a text are kept.
	MaxLength int `mapstructure:"max_length"`

	// MaxCount is how many texts of a call are kept.
	MaxCount int `mapstructure:"max_count"`

	// Redact are regular expressions of what is replaced in a text before it is cut.
	Redact []string `mapstructure:"redact"`
}

// TapConfig is the configuration of the tap.
type TapConfig struct {
	// ServerConfig is the side of the clients.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// Upstream is the side of the embedding server. Its endpoint is a URL, to whose path the client's path is joined.
	Upstream confighttp.ClientConfig `mapstructure:"upstream"`

	// Analysis is what is made of the calls.
	Analysis AnalysisConfig `mapstructure:",squash"`
}

// AnalysisConfig is the configuration of how the tap turns calls into events.
type AnalysisConfig struct {
	// Provider names the server software or service on events, as gen_ai.provider.name.
	Provider string `mapstructure:"provider"`

	// ServiceName is the service.name of the resource that events and spans belong to.
	ServiceName string `mapstructure:"service_name"`

	// Model is the name of the model on events of calls in which neither request nor answer names one.
	Model string `mapstructure:"model"`

	// TokensUnit is what the server counts as tokens: token, or character.
	TokensUnit string `mapstructure:"tokens_unit"`

	// MaxCapturedBodySize is the size in bytes up to which a body is copied for analysis. A larger one passes all the
	// same.
	MaxCapturedBodySize int `mapstructure:"max_captured_body_size"`

	// CaptureMemoryLimit is the memory in bytes that all copies of bodies may take together.
	CaptureMemoryLimit int64 `mapstructure:"capture_memory_limit"`

	// Workers is the number of goroutines that decode captured calls.
	Workers int `mapstructure:"workers"`

	// QueueSize is the number of calls that may wait for a worker.
	QueueSize int `mapstructure:"queue_size"`

	// FlushInterval is the time between two hand-overs of events to the pipelines, up to which an event waits. 0 hands on
	// each by itself.
	FlushInterval time.Duration `mapstructure:"flush_interval"`

	// Routes give paths of their own to dialects, before the paths that the dialects know.
	Routes []RouteConfig `mapstructure:"routes"`

	// VectorSamplingRatio is the share of calls whose vectors events carry, from 0 to 1. All else is on every event.
	VectorSamplingRatio float64 `mapstructure:"vector_sampling_ratio"`

	// ShedLoad leaves the answers of a share of calls unread while the collector is short of CPU.
	ShedLoad bool `mapstructure:"shed_load"`

	// ClientIDHeaders are request headers that tell who a client is. The first that a request has is hashed.
	ClientIDHeaders []string `mapstructure:"client_id_headers"`

	// TraceContext is TraceContextPass or TraceContextContinue.
	TraceContext string `mapstructure:"trace_context"`
}

// What becomes of a request's trace context.
const (
	// TraceContextPass passes the client's on as it is: spans of the server are siblings of the tap's.
	TraceContextPass = "pass"
	// TraceContextContinue makes the tap's span the parent of the server's.
	TraceContextContinue = "continue"
)

// RouteConfig says which API is behind a path.
type RouteConfig struct {
	// Path is that of a request, without query; with a * at its end, what it begins with.
	Path string `mapstructure:"path"`

	// Dialect is the name of the API.
	Dialect string `mapstructure:"dialect"`
}

// TaskPrefixConfig is the beginning of a text by which a model is told what its vector is for.
type TaskPrefixConfig struct {
	// Prefix is compared byte by byte.
	Prefix string `mapstructure:"prefix"`

	// Then must follow within the first 1024 bytes of the text. Empty means that the prefix is enough.
	Then string `mapstructure:"then"`

	// Task is the task type.
	Task string `mapstructure:"task"`
}

// IngestConfig is the configuration of the ingest endpoint.
type IngestConfig struct {
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// MaxConcurrentRequests is how many requests are read at the same time; more are asked to come again.
	MaxConcurrentRequests int `mapstructure:"max_concurrent_requests"`
}

const (
	defaultTapEndpoint         = "localhost:8080"
	defaultIngestEndpoint      = "localhost:8081"
	defaultProvider            = "vllm"
	defaultServiceName         = "embedding-tap"
	defaultMaxCapturedBodySize = 16 << 20
	defaultCaptureMemoryLimit  = 256 << 20
	defaultQueueSize           = 1000
	defaultFlushInterval       = 200 * time.Millisecond
	// Windows of judgement are some seconds, by the clock of whoever gets the events.
	maxFlushInterval         = 10 * time.Second
	maxDefaultWorkers        = 4
	defaultMaxIngestBodySize = 20 << 20
	// A request takes a few times its body in memory while it is read.
	defaultConcurrentIngests = 16
	defaultTextLength        = 200
	defaultTextCount         = 8

	// Python's uvicorn, under vLLM and many others, closes connections that were idle for 5 s. A call sent on a
	// connection at that moment fails, so the tap closes idle connections first.
	defaultUpstreamIdleTimeout = 4 * time.Second
	// A burst of clients must find its connections again, and Go's default is 2 for a host.
	defaultUpstreamIdleConns = 4096
)

func createDefaultConfig() component.Config {
	return &Config{
		Tap:                 configoptional.Default(defaultTapConfig()),
		Ingest:              configoptional.Default(defaultIngestConfig()),
		BuiltInTaskPrefixes: true,
		Texts:               configoptional.Default(TextsConfig{MaxLength: defaultTextLength, MaxCount: defaultTextCount}),
	}
}

func defaultTapConfig() TapConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultTapEndpoint
	// The tap has no opinion on how long or how large a call may be: the embedding server has.
	server.WriteTimeout = 0
	server.MaxRequestBodySize = math.MaxInt64

	upstream := confighttp.NewDefaultClientConfig()
	keepalive := confighttp.NewDefaultKeepaliveClientConfig()
	keepalive.IdleConnTimeout = defaultUpstreamIdleTimeout
	keepalive.MaxIdleConns = 0 // no limit beyond that of the one host
	keepalive.MaxIdleConnsPerHost = defaultUpstreamIdleConns
	upstream.Keepalive = configoptional.Some(keepalive)

	return TapConfig{
		ServerConfig: server,
		Upstream:     upstream,
		Analysis: AnalysisConfig{
			Provider:            defaultProvider,
			ServiceName:         defaultServiceName,
			TokensUnit:          embedding.UnitToken,
			MaxCapturedBodySize: defaultMaxCapturedBodySize,
			CaptureMemoryLimit:  defaultCaptureMemoryLimit,
			Workers:             min(max(1, runtime.GOMAXPROCS(0)/2), maxDefaultWorkers),
			QueueSize:           defaultQueueSize,
			FlushInterval:       defaultFlushInterval,
			VectorSamplingRatio: 1,
			ShedLoad:            true,
			// A user that a front end names says more than the key that all of its users share.
			ClientIDHeaders: []string{"X-OpenWebUI-User-Id", "Authorization", "Api-Key", "X-Api-Key"},
			TraceContext:    TraceContextPass,
		},
	}
}

func defaultIngestConfig() IngestConfig {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = defaultIngestEndpoint
	server.MaxRequestBodySize = defaultMaxIngestBodySize
	// zstd is left out: a frame of a few bytes can demand a window of gigabytes.
	server.CompressionAlgorithms = []string{"", "gzip", "zlib", "deflate"}
	return IngestConfig{ServerConfig: server, MaxConcurrentRequests: defaultConcurrentIngests}
}

// The settings of confighttp ignore keys that they do not know, and with them misspelt ones. As types of their own,
// without their Unmarshal, they refuse them.
type (
	serverKeys confighttp.ServerConfig
	clientKeys confighttp.ClientConfig
	tapKeys    struct {
		Server   serverKeys     `mapstructure:",squash"`
		Upstream clientKeys     `mapstructure:"upstream"`
		Analysis AnalysisConfig `mapstructure:",squash"`
	}
	ingestKeys struct {
		Server                serverKeys `mapstructure:",squash"`
		MaxConcurrentRequests int        `mapstructure:"max_concurrent_requests"`
	}
)

// Unmarshal implements confmap.Unmarshaler.
func (c *TapConfig) Unmarshal(conf *confmap.Conf) error {
	if err := checkKeys[tapKeys](conf); err != nil {
		return err
	}
	return conf.Unmarshal(c)
}

// Unmarshal implements confmap.Unmarshaler.
func (c *IngestConfig) Unmarshal(conf *confmap.Conf) error {
	if err := checkKeys[ingestKeys](conf); err != nil {
		return err
	}
	return conf.Unmarshal(c)
}

// checkKeys refuses keys that T does not have. It works on a copy, because optional sections take their key enabled out
// of what they read.
func checkKeys[T any](conf *confmap.Conf) error {
	return confmap.NewFromStringMap(conf.ToStringMap()).Unmarshal(new(T))
}
