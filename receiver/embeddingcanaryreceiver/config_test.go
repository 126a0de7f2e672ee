package embeddingcanaryreceiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
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
	cfg := loadConfigFile(t, "embedding_canary")
	assert.Equal(t, time.Minute, cfg.Interval)
	assert.Equal(t, 0.1, cfg.Jitter)
	assert.Equal(t, BudgetConfig{Tokens: 20000, ServerTime: 0.02}, cfg.Budget)
	assert.Equal(t, BackoffConfig{Initial: time.Minute, Max: 30 * time.Minute}, cfg.Backoff)
	assert.Equal(t, 5, cfg.Learning.Rounds)
	assert.True(t, cfg.Suite.BuiltIn)
	assert.Nil(t, cfg.Storage)
	assert.Equal(t, "embedding-canary", cfg.ServiceName)
	require.Len(t, cfg.Targets, 1)
	target := cfg.Targets[0]
	assert.Equal(t, "localhost:8000", target.name())
	assert.Equal(t, 30*time.Second, target.ClientConfig.Timeout)
	require.True(t, target.ClientConfig.Keepalive.HasValue())
	assert.Equal(t, 4*time.Second, target.ClientConfig.Keepalive.Get().IdleConnTimeout)
	assert.True(t, target.Probe.Normalized)
	assert.False(t, target.Probe.Resolve)
}

func TestConfigEveryKey(t *testing.T) {
	cfg := loadConfigFile(t, "embedding_canary/all")
	assert.Equal(t, 5*time.Minute, cfg.Interval)
	assert.Equal(t, 0.2, cfg.Jitter)
	assert.Equal(t, BudgetConfig{Tokens: 5000, ServerTime: 0.1}, cfg.Budget)
	assert.Equal(t, BackoffConfig{Initial: 10 * time.Second, Max: time.Hour}, cfg.Backoff)
	assert.Equal(t, 10, cfg.Learning.Rounds)
	assert.Equal(t, SuiteConfig{Files: []string{"texts.yaml"}}, cfg.Suite)
	storage := component.MustNewIDWithName("file_storage", "canary")
	assert.Equal(t, &storage, cfg.Storage)
	assert.Equal(t, 3, cfg.Generation)
	assert.Equal(t, "search-canary", cfg.ServiceName)
	assert.False(t, cfg.Metrics.EmbeddingCanaryCheck.Enabled)
	require.Len(t, cfg.Targets, 2)
	target := cfg.Targets[0]
	query, document := "query: ", ""
	assert.Equal(t, ProbeConfig{
		Name: "search", Model: "qwen3-embedding-4b", Dialect: "openai", Resolve: true, Dimensions: []int{256, 1024}, MaxTokens: 32768,
		QueryInstruction: &query, DocumentInstruction: &document, Encodings: []string{"base64"}, Pins: "pins.jsonl",
	}, target.Probe)
	assert.Equal(t, "search", target.name())
	assert.Equal(t, 10*time.Second, target.ClientConfig.Timeout)
	key, ok := target.ClientConfig.Headers.Get("Api-Key")
	assert.True(t, ok)
	assert.Equal(t, "secret", string(key))
	assert.Equal(t, "tei:80", cfg.Targets[1].name())
	assert.Empty(t, cfg.Targets[1].Probe.Model)
}

func TestEndpointWithTwoSlashes(t *testing.T) {
	u, err := endpointURL("http://a:8000//v1/embeddings")
	require.NoError(t, err)
	assert.Equal(t, "http://a:8000/v1/embeddings", u.String())
}

func TestConfigRefused(t *testing.T) {
	const fine = "{endpoint: http://a:8000/v1/embeddings, model: m}"
	target := func(keys string) string {
		return "targets: [{endpoint: http://a:8000/v1/embeddings, model: m, " + keys + "}]"
	}
	endpoint := func(url string) string { return "targets: [{model: m, endpoint: '" + url + "'}]" }
	for yaml, want := range map[string]string{
		`{}`: "targets: is empty; want one or more, e.g. targets: [{endpoint: http://localhost:8000/v1/embeddings, model: qwen3-embedding-4b}]",
		`targets: [{model: m}]`: "targets::0::endpoint: is missing; want the URL of the embedding call itself, " +
			"e.g. http://localhost:8000/v1/embeddings",
		endpoint("http://a:8000"): `targets::0::endpoint: "http://a:8000" has no path; want that of the embedding call too, ` +
			`e.g. http://a:8000/v1/embeddings`,
		endpoint("http://a:8000/"):                      `e.g. http://a:8000/v1/embeddings`,
		endpoint("a:8000/v1/embeddings"):                `targets::0::endpoint: "a:8000/v1/embeddings" is not a URL of http or https`,
		endpoint("http:///v1/embeddings"):               `names no host`,
		endpoint("http://a:0/v1/embeddings"):            `has a wrong port; want 1 to 65535`,
		endpoint("http://a/v1/embeddings#x"):            `has a fragment`,
		endpoint("http://[::1"):                         "targets::0::endpoint: is not a URL; want",
		endpoint("http://u:pw@a/v1/x"):                  "targets::0::endpoint: holds a user name or password; want them under auth or headers",
		endpoint("http://a/v1/completions"):             `targets::0::endpoint: the path "/v1/completions" is none of an API that is known`,
		endpoint("http://a/api/embeddings"):             `want /api/embed`,
		endpoint("http://a/embed_all"):                  `want /embed`,
		"targets: [{endpoint: http://a/v1/embeddings}]": "targets::0::model: is missing; want the model to ask for, e.g. qwen3-embedding-4b",
		target("dialect: x"):                            `targets::0::dialect: is "x"; want one of openai, cohere, vllm_pooling, tei, ollama, llamacpp`,
		target("timeout: 0s"):                           "targets::0::timeout: is 0s; want the time after which a call counts as hanging, e.g. 30s",
		target("dimensions: [0]"):                       "targets::0::dimensions: has 0; want lengths of vectors, e.g. [256, 1024]",
		target("dimensions: [64, 64]"):                  "targets::0::dimensions: has 64 twice; want each once",
		target("max_tokens: -1"):                        "targets::0::max_tokens: is -1; want the tokens that the server reads of an input",
		target("encodings: [hex]"):                      `targets::0::encodings: has "hex"; want float or base64`,
		target("encodings: []"):                         "targets::0::encodings: is empty; want e.g. [float], or leave it out",
		target("encodings: [float, float]"):             "targets::0::encodings: has float twice; want each once",
		target("tymeout: 1s"):                           "tymeout",
		"targets: [{endpoint: http://a/embed, encodings: [base64]}]": "targets::0::encodings: TEI's own API has no encoding base64; " +
			"want [float], or leave it out",
		"targets: [{endpoint: http://a/embedding, dimensions: [64]}]": "targets::0::dimensions: llama.cpp's own API has no dimensions; leave it out",
		"targets: [" + fine + "," + fine + "]":                        `targets::1::name: "a:8000" is the name of targets::0 already; want a name of its own, e.g. a:8000-2`,
		"targets: [" + fine + "]\ninterval: 0s":                       "interval: is 0s; want 100ms or more, e.g. 1m0s",
		"targets: [" + fine + "]\njitter: 0.6":                        "jitter: is 0.6; want a share of the interval from 0 to 0.5, e.g. 0.1",
		"targets: [" + fine + "]\njitter: .nan":                       "jitter: is NaN",
		"targets: [" + fine + "]\nbudget: {tokens: 0}":                "budget::tokens: is 0; want a number of tokens for each round, e.g. 20000",
		"targets: [" + fine + "]\nbudget: {server_time: 0}":           "budget::server_time: is 0; want a share of time above 0 and at most 1, e.g. 0.02",
		"targets: [" + fine + "]\nbackoff: {initial: 0s}":             "backoff::initial: is 0s; want a pause, e.g. 1m0s",
		"targets: [" + fine + "]\nbackoff: {initial: 1h}":             "backoff::max: is 30m0s; want at least backoff::initial, 1h0m0s, e.g. 1h0m0s",
		"targets: [" + fine + "]\nlearning: {rounds: 0}":              "learning::rounds: is 0; want 1 to 1000, e.g. 5",
		"targets: [" + fine + "]\nsuite: {built_in: false}":           "suite::files: is empty and suite::built_in is false; want texts to send",
		"targets: [" + fine + "]\nsuite: {files: ['']}":               "suite::files::0: is empty; want the path of a file of texts",
		"targets: [" + fine + "]\ngeneration: -1":                     "generation: is -1; want 0 or more",
	} {
		_, err := loadConfig(t, yaml)
		require.ErrorContains(t, err, want, yaml)
		assert.NotContains(t, err.Error(), "pw@")
	}
}
