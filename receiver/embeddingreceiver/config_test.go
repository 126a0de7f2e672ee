package embeddingreceiver

import (
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.uber.org/zap"
)

func loadConfig(t *testing.T, yaml string) (*Config, error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func loadConfigFile(t *testing.T, name string) *Config {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	conf, err := all.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func TestConfigDefaults(t *testing.T) {
	cfg := loadConfigFile(t, "embedding")
	require.False(t, cfg.Ingest.HasValue())
	tap := cfg.Tap.Get()
	require.NotNil(t, tap)
	assert.Equal(t, "localhost:8080", tap.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, int64(math.MaxInt64), tap.ServerConfig.MaxRequestBodySize)
	assert.Zero(t, tap.ServerConfig.WriteTimeout)
	assert.Equal(t, "http://localhost:8000", tap.Upstream.Endpoint)
	assert.Zero(t, tap.Upstream.Timeout)
	assert.Equal(t, "vllm", tap.Analysis.Provider)
	assert.Equal(t, "embedding-tap", tap.Analysis.ServiceName)
	assert.Equal(t, 16<<20, tap.Analysis.MaxCapturedBodySize)
	assert.Equal(t, int64(256<<20), tap.Analysis.CaptureMemoryLimit)
	assert.Equal(t, min(4, max(1, runtime.GOMAXPROCS(0)/2)), tap.Analysis.Workers)
	assert.True(t, tap.Analysis.ShedLoad)
	assert.Equal(t, 1000, tap.Analysis.QueueSize)
	assert.Equal(t, 200*time.Millisecond, tap.Analysis.FlushInterval)
	assert.Equal(t, 1.0, tap.Analysis.VectorSamplingRatio)
	assert.Equal(t, []string{"X-OpenWebUI-User-Id", "Authorization", "Api-Key", "X-Api-Key"}, tap.Analysis.ClientIDHeaders)
	assert.Equal(t, "pass", tap.Analysis.TraceContext)
	assert.Empty(t, cfg.FingerprintKey)
	assert.True(t, cfg.BuiltInTaskPrefixes)
	assert.False(t, cfg.Texts.HasValue(), "texts are kept only where somebody asks for them")

	ingest := loadConfigFile(t, "embedding/ingest").Ingest.Get()
	require.NotNil(t, ingest)
	assert.Equal(t, "localhost:8081", ingest.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, int64(20<<20), ingest.ServerConfig.MaxRequestBodySize)
	assert.Equal(t, 16, ingest.MaxConcurrentRequests)
}

func TestConfigEveryKey(t *testing.T) {
	cfg := loadConfigFile(t, "embedding/all")
	tap, ingest := cfg.Tap.Get(), cfg.Ingest.Get()
	require.NotNil(t, tap)
	require.NotNil(t, ingest)
	assert.Equal(t, "secret", string(cfg.FingerprintKey))
	assert.Equal(t, "0.0.0.0:9000", tap.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, "https://gpu.example.com/models/qwen3", tap.Upstream.Endpoint)
	assert.Equal(t, 5*time.Minute, tap.Upstream.Timeout)
	assert.Equal(t, "tei", tap.Analysis.Provider)
	assert.Equal(t, "search-embeddings", tap.Analysis.ServiceName)
	assert.Equal(t, 1<<20, tap.Analysis.MaxCapturedBodySize)
	assert.Equal(t, int64(64<<20), tap.Analysis.CaptureMemoryLimit)
	assert.Equal(t, 2, tap.Analysis.Workers)
	assert.Equal(t, 50, tap.Analysis.QueueSize)
	assert.Equal(t, time.Second, tap.Analysis.FlushInterval)
	assert.False(t, tap.Analysis.ShedLoad)
	assert.Equal(t, 0.25, tap.Analysis.VectorSamplingRatio)
	assert.Equal(t, []string{"X-Tenant"}, tap.Analysis.ClientIDHeaders)
	assert.Equal(t, TraceContextContinue, tap.Analysis.TraceContext)
	assert.Equal(t, []TaskPrefixConfig{{Prefix: "Instruct: Find similar tickets", Then: "\nQuery:", Task: "tickets"}}, cfg.TaskPrefixes)
	assert.False(t, cfg.BuiltInTaskPrefixes)
	assert.Equal(t, &TextsConfig{MaxLength: 100, MaxCount: 8, Redact: []string{`\d{6,}`}}, cfg.Texts.Get())
	assert.Equal(t, 4, ingest.MaxConcurrentRequests)
	assert.Equal(t, "0.0.0.0:9001", ingest.ServerConfig.NetAddr.Endpoint)
	assert.Equal(t, int64(1<<20), ingest.ServerConfig.MaxRequestBodySize)
}

func TestConfigMistakes(t *testing.T) {
	const upstream = "upstream: {endpoint: 'http://localhost:8000'}"
	for name, tc := range map[string]struct{ yaml, want string }{
		"nothing": {"{}", "neither tap nor ingest is configured; want at least one of them, e.g. " +
			"tap: {upstream: {endpoint: http://localhost:8000}}"},
		"switched off": {"tap: {enabled: false}", "neither tap nor ingest is configured"},
		"unknown key":  {"tapp: {}", "has invalid keys: tapp"},
		"unknown tap key": {"tap: {" + upstream + ", worker: 3}",
			"has invalid keys: worker"},
		"unknown upstream key": {"tap: {upstream: {endpont: 'http://localhost:8000'}}",
			"has invalid keys: endpont"},
		"unknown ingest key": {"ingest: {path: /}", "has invalid keys: path"},
		"no upstream": {"tap:", "tap::upstream::endpoint: is missing; want the URL of the embedding server, e.g. " +
			"http://localhost:8000"},
		"no URL": {"tap: {upstream: {endpoint: foo}}", `tap::upstream::endpoint: "foo" is not a URL; want the URL of ` +
			"the embedding server, e.g. http://localhost:8000"},
		"no scheme": {"tap: {upstream: {endpoint: 'localhost:8000'}}",
			`tap::upstream::endpoint: "localhost:8000" is not a URL; want`},
		"no parseable URL": {"tap: {upstream: {endpoint: 'http://a b:x'}}", "tap::upstream::endpoint: is not a URL; want"},
		"scheme": {"tap: {upstream: {endpoint: 'grpc://localhost:8000'}}",
			`tap::upstream::endpoint: "grpc://localhost:8000" has the scheme "grpc"; want http or https`},
		"no host": {"tap: {upstream: {endpoint: 'http:///v1'}}", `tap::upstream::endpoint: "http:///v1" names no host`},
		"query": {"tap: {upstream: {endpoint: 'http://localhost:8000?a=b'}}",
			`tap::upstream::endpoint: "http://localhost:8000?a=b" has a query or fragment`},
		"fragment": {"tap: {upstream: {endpoint: 'http://localhost:8000#a'}}", "has a query or fragment"},
		"password": {"tap: {upstream: {endpoint: 'http://u:hidden@localhost:8000'}}",
			"tap::upstream::endpoint: holds a user name or password; want them under tap::upstream::auth"},
		"port": {"tap: {upstream: {endpoint: 'http://localhost:99999'}}",
			`"http://localhost:99999" has a wrong port (port "99999" is no number from 0 to 65535)`},
		"loop": {"tap: {endpoint: 'localhost:8000', " + upstream + "}",
			`tap::upstream::endpoint: "http://localhost:8000" is the tap's own endpoint, so calls would go round`},
		"loop over wildcard":   {"tap: {endpoint: '0.0.0.0:8000', " + upstream + "}", "is the tap's own endpoint"},
		"loop over loopback":   {"tap: {endpoint: '[::1]:8000', " + upstream + "}", "is the tap's own endpoint"},
		"upstream compression": {"tap: {upstream: {endpoint: 'http://h', compression: gzip}}", `tap::upstream::compression: is "gzip"; want none`},
		"upstream cookies": {"tap: {upstream: {endpoint: 'http://h', cookies: {enabled: true}}}",
			"tap::upstream::cookies: is set; want it left out"},
		"upstream timeout": {"tap: {upstream: {endpoint: 'http://h', timeout: -1s}}",
			"tap::upstream::timeout: is -1s; want 0s for none, or a positive duration"},
		"tap decompression": {"tap: {compression_algorithms: [gzip], " + upstream + "}",
			`tap::compression_algorithms: is ["gzip"]; want none`},
		"tap endpoint": {"tap: {endpoint: localhost, " + upstream + "}",
			`tap::endpoint: "localhost" is no address to listen on (missing port in address); want host:port`},
		"tap port": {"tap: {endpoint: 'localhost:http', " + upstream + "}", `tap::endpoint: "localhost:http" is no address to listen on (port "http" is no number`},
		"tap body": {"tap: {max_request_body_size: -1, " + upstream + "}",
			"tap::max_request_body_size: is -1; want a positive number of bytes"},
		"ingest body": {"ingest: {max_request_body_size: -5}",
			"ingest::max_request_body_size: is -5; want a positive number of bytes"},
		"captured body": {"tap: {max_captured_body_size: -1, " + upstream + "}",
			"tap::max_captured_body_size: is -1; want a number of bytes from 1 to 1073741824"},
		"capture memory": {"tap: {capture_memory_limit: 0, " + upstream + "}",
			"tap::capture_memory_limit: is 0; want a positive number of bytes, e.g. 268435456"},
		"sampling": {"tap: {vector_sampling_ratio: 1.5, " + upstream + "}",
			"tap::vector_sampling_ratio: is 1.5; want a share of calls from 0 to 1, e.g. 0.1"},
		"sampling of nothing": {"tap: {vector_sampling_ratio: .nan, " + upstream + "}", "tap::vector_sampling_ratio: is NaN; want"},
		"client header": {"tap: {client_id_headers: [Authorization, 'X Key:'], " + upstream + "}",
			`tap::client_id_headers::1: is "X Key:"; want the name of a header, e.g. Authorization`},
		"trace context": {"tap: {trace_context: inject, " + upstream + "}",
			`tap::trace_context: is "inject"; want pass to pass the client's on as it is, or continue to make`},
		"ingest concurrency": {"ingest: {max_concurrent_requests: 0}",
			"ingest::max_concurrent_requests: is 0; want a positive number, e.g. 16"},
		"texts": {"texts: {max_length: 0, max_count: -1}\ntap: {" + upstream + "}",
			"texts::max_length: is 0; want a positive number of characters, e.g. 200"},
		"number of texts": {"texts: {max_count: -1}\ntap: {" + upstream + "}",
			"texts::max_count: is -1; want a positive number of texts, e.g. 8"},
		"redaction": {"texts: {redact: ['a', '(b']}\ntap: {" + upstream + "}",
			`texts::redact::1: "(b" is no regular expression (error parsing regexp: missing closing ): ` + "`(b`" + `); want RE2 syntax, e.g. [\w`},
		"redaction of nothing": {"texts: {redact: ['x*']}\ntap: {" + upstream + "}", `texts::redact::0: "x*" matches nothing at all`},
		"unknown text key":     {"texts: {redacted: []}\ntap: {" + upstream + "}", "has invalid keys: redacted"},
		"task prefix": {"task_prefixes: [{task: a}, {prefix: b}]\ntap: {" + upstream + "}",
			`task_prefixes::0::prefix: is empty; want the beginning of a text, e.g. "search_query: "`},
		"task of a prefix": {"task_prefixes: [{prefix: b}]\ntap: {" + upstream + "}",
			`task_prefixes::0::task: is ""; want a name of 1 to 64 bytes, e.g. query`},
		"workers": {"tap: {workers: -1, " + upstream + "}", "tap::workers: is -1; want a positive number"},
		"negative flush interval": {"tap: {flush_interval: -1s, " + upstream + "}",
			"tap::flush_interval: is -1s; want 0s to hand on each event by itself, or up to 10s, e.g. 200ms"},
		"long flush interval": {"tap: {flush_interval: 1m, " + upstream + "}", "tap::flush_interval: is 1m0s; want 0s"},
		"queue size":          {"tap: {queue_size: 0, " + upstream + "}", "tap::queue_size: is 0; want a positive number"},
		"overlap": {"tap: {" + upstream + "}\ningest: {endpoint: 'localhost:8080'}",
			`ingest::endpoint: "localhost:8080" and tap::endpoint "localhost:8080" are overlapping ports; want two ports`},
		"overlap over wildcard": {"tap: {" + upstream + "}\ningest: {endpoint: ':8080'}", "are overlapping ports"},
		"overlap over loopback": {"tap: {" + upstream + "}\ningest: {endpoint: '127.0.0.1:8080'}", "are overlapping ports"},
		"overlapping sockets": {"tap: {transport: unix, endpoint: /tmp/s, " + upstream + "}\n" +
			"ingest: {transport: unix, endpoint: /tmp/s}", "are overlapping ports"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadConfig(t, tc.yaml)
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "hidden", "a password was repeated")
		})
	}
}

func TestConfigReportsAllMistakes(t *testing.T) {
	_, err := loadConfig(t, "tap: {workers: 0, queue_size: -1}")
	require.ErrorContains(t, err, "tap::workers")
	require.ErrorContains(t, err, "tap::queue_size")
	require.ErrorContains(t, err, "tap::upstream::endpoint")
}

func TestConfigNoFalseAlarms(t *testing.T) {
	for name, yaml := range map[string]string{
		"same port elsewhere":     "tap: {endpoint: '0.0.0.0:8000', upstream: {endpoint: 'http://gpu:8000'}}",
		"ports of the system":     "tap: {endpoint: 'localhost:0', upstream: {endpoint: 'http://h'}}\ningest: {endpoint: 'localhost:0'}",
		"two addresses, one port": "tap: {endpoint: '10.0.0.1:80', upstream: {endpoint: 'http://h'}}\ningest: {endpoint: '10.0.0.2:80'}",
		"base path":               "tap: {upstream: {endpoint: 'https://h:444/a/b/'}}",
		"socket":                  "tap: {transport: unix, endpoint: /tmp/tap, upstream: {endpoint: 'http://localhost:8080'}}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadConfig(t, yaml)
			require.NoError(t, err)
		})
	}
}

func TestConfigKeepaliveOff(t *testing.T) {
	cfg, err := loadConfig(t, "tap: {keepalive: {enabled: false}, upstream: {endpoint: 'http://h'}}")
	require.NoError(t, err)
	server, err := cfg.Tap.Get().ServerConfig.ToServer(t.Context(), nil, componenttest.NewNopTelemetrySettings(), http.NotFoundHandler())
	require.NoError(t, err)
	ts := httptest.NewUnstartedServer(nil)
	ts.Config = server
	ts.Start()
	defer ts.Close()
	res, err := ts.Client().Get(ts.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.True(t, res.Close, "the server keeps connections open")
}

func TestConfigIdleConnections(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml    string
		perHost int
		timeout time.Duration
	}{
		"default": {"tap: {upstream: {endpoint: 'http://h'}}", 4096, 4 * time.Second},
		"own": {"tap: {upstream: {endpoint: 'http://h', keepalive: {max_idle_conns_per_host: 7, idle_conn_timeout: 1m}}}",
			7, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := loadConfig(t, tc.yaml)
			require.NoError(t, err)
			client, err := cfg.Tap.Get().Upstream.ToClient(t.Context(), nil, component.TelemetrySettings{Logger: zap.NewNop()})
			require.NoError(t, err)
			transport := client.Transport.(*http.Transport)
			assert.Equal(t, tc.perHost, transport.MaxIdleConnsPerHost)
			assert.Equal(t, tc.timeout, transport.IdleConnTimeout)
			assert.Zero(t, transport.MaxIdleConns)
		})
	}
}
