// Package config tests the configurations of the distribution with the real binary: those that are shipped start and
// stop cleanly, and wrong ones are refused with the path of the key.
package config

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// mergedOver names the file over which one is merged that is not complete in itself.
var mergedOver = map[string]string{"spread.yaml": "agent.yaml"}

// TestShippedConfigurations validates each file in config/ with the addresses it has by default, then starts it on
// free ports with no backend there, waits until it is healthy and ends it.
func TestShippedConfigurations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "config", "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 7)
	binary := collector.Binary(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			whole := []string{file}
			if base, ok := mergedOver[filepath.Base(file)]; ok {
				whole = []string{filepath.Join(filepath.Dir(file), base), file}
			}
			starts(t, binary, nil, whole...)
		})
	}
}

// TestSections starts the sections of config/metrics with the files that its README.md names, and those of config/logs that send to
// another backend.
func TestSections(t *testing.T) {
	binary := collector.Binary(t)
	config := func(names ...string) []string {
		var files []string
		for _, name := range names {
			files = append(files, filepath.Join(collector.Root(t), "config", name+".yaml"))
		}
		return files
	}
	// Without a server that takes what is pushed, a collector waits for it before it ends.
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer backend.Close()
	for _, names := range [][]string{
		{"standalone", "metrics/otlp"},
		{"gateway", "metrics/otlp"},
		{"quickstart", "metrics/remote-write"},
		{"standalone", "metrics/remote-write"},
		{"gateway", "metrics/remote-write"},
		{"standalone", "metrics/otlp", "metrics/native-histograms"},
		{"gateway", "metrics/jobs"},
		{"standalone", "metrics/pushgateway"},
		{"standalone", "logs/elasticsearch"},
		{"gateway", "logs/elasticsearch"},
	} {
		t.Run(strings.ReplaceAll(strings.Join(names, " "), "/", "_"), func(t *testing.T) {
			starts(t, binary, []string{
				"HOST_NAME=host-a",
				"METRICS_OTLP_ENDPOINT=" + backend.URL,
				"JOBS_OTLP_HTTP=" + collector.Address(t),
				"JOBS_METRICS=" + collector.Address(t),
				"PUSHGATEWAY_TARGET=" + collector.Address(t),
				"REMOTE_WRITE_ENDPOINT=" + backend.URL,
				"ELASTICSEARCH_ENDPOINT=http://" + collector.Address(t),
			}, config(names...)...)
		})
	}
	// Whose metrics they are has to be said: two collectors without a name would write into the same series.
	for _, name := range []string{"metrics/otlp", "metrics/remote-write"} {
		var args []string
		for _, file := range config("standalone", name) {
			args = append(args, "--config", file)
		}
		p := collector.Start(t, binary, []string{"HOST_NAME="}, append(args, "validate")...)
		require.Error(t, p.Wait(), "%s is accepted without HOST_NAME", name)
		assert.Contains(t, p.Output(), "service.instance.id")
	}
}

// starts validates files with the addresses that they have by default, then starts them on free ports with no backend there, waits
// until the collector is healthy and ends it.
func starts(t *testing.T, binary string, env []string, files ...string) {
	t.Helper()
	var args []string
	for _, file := range files {
		args = append(args, "--config", file)
	}
	validate := collector.Start(t, binary, env, append([]string{"validate"}, args...)...)
	require.NoError(t, validate.Wait(), validate.Output())

	health := collector.Address(t)
	telemetryHost, telemetryPort, _ := strings.Cut(collector.Address(t), ":")
	p := collector.Start(t, binary, append(env,
		"EMBEDDING_UPSTREAM=http://"+collector.Address(t),
		"EMBEDDING_TAP="+collector.Address(t),
		"EMBEDDING_INGEST="+collector.Address(t),
		"EMBEDDING_METRICS="+collector.Address(t),
		"EMBEDDING_HEALTH="+health,
		"EMBEDDING_STORAGE="+t.TempDir(),
		"EMBEDDING_REQUEST_LOG="+filepath.Join(t.TempDir(), "requests.jsonl"),
		"EMBEDDING_TELEMETRY="+telemetryHost,
		"EMBEDDING_TELEMETRY_PORT="+telemetryPort,
		"OTLP_GRPC="+collector.Address(t),
		"OTLP_HTTP="+collector.Address(t),
		"VLLM_TARGET="+collector.Address(t),
		"LOKI_ENDPOINT=http://"+collector.Address(t)+"/otlp",
		"OTLP_ENDPOINT=http://"+collector.Address(t),
		"GATEWAY_ENDPOINT="+collector.Address(t),
		"GATEWAY_HOSTS=["+collector.Address(t)+", "+collector.Address(t)+"]",
	), args...)
	p.WaitHTTP("http://" + health)
	require.NoError(t, p.Stop(), p.Output())
	assert.NotContains(t, p.Output(), "panic")
	assert.NotContains(t, p.Output(), "deprecated", "a shipped configuration uses a deprecated key")
}

// TestPersistentQueuesRetryForEver: what is worth a queue on disk is not to be dropped because a backend is away for longer than the
// five minutes of the default.
func TestPersistentQueuesRetryForEver(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "config", "*.yaml"))
	require.NoError(t, err)
	sections, err := filepath.Glob(filepath.Join(collector.Root(t), "config", "*", "*.yaml"))
	require.NoError(t, err)
	files = append(files, sections...)
	queues := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var shipped struct {
			Exporters map[string]struct {
				SendingQueue struct {
					Storage string `yaml:"storage"`
				} `yaml:"sending_queue"`
				RetryOnFailure struct {
					MaxElapsedTime string `yaml:"max_elapsed_time"`
				} `yaml:"retry_on_failure"`
			} `yaml:"exporters"`
		}
		require.NoError(t, yaml.Unmarshal(raw, &shipped))
		for name, exporter := range shipped.Exporters {
			if exporter.SendingQueue.Storage == "" {
				continue
			}
			queues++
			assert.Equal(t, "0s", exporter.RetryOnFailure.MaxElapsedTime, "%s: exporters::%s::retry_on_failure::max_elapsed_time",
				filepath.Base(file), name)
		}
	}
	assert.Positive(t, queues)
}

// wrongConfiguration is one entry of testdata/wrong.yaml.
type wrongConfiguration struct {
	// Name says what is wrong.
	Name string `yaml:"name"`
	// Config is merged over testdata/base.yaml, as a second --config is.
	Config yaml.Node `yaml:"config"`
	// Want are the parts of the message: the key's path and what was found or would be right.
	Want []string `yaml:"want"`
}

// TestWrongConfigurations starts the collector with each wrong configuration. It has to refuse to start.
func TestWrongConfigurations(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "wrong.yaml"))
	require.NoError(t, err)
	var cases []wrongConfiguration
	require.NoError(t, yaml.Unmarshal(raw, &cases))
	require.NotEmpty(t, cases)
	base, err := filepath.Abs(filepath.Join("testdata", "base.yaml"))
	require.NoError(t, err)
	binary := collector.Binary(t)
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.Name, " ", "_"), func(t *testing.T) {
			out, err := yaml.Marshal(&c.Config)
			require.NoError(t, err)
			file := filepath.Join(t.TempDir(), "wrong.yaml")
			require.NoError(t, os.WriteFile(file, out, 0o600))
			p := collector.Start(t, binary, nil, "--config", base, "--config", file)
			require.Error(t, p.Wait(), "the collector started")
			for _, want := range c.Want {
				assert.Contains(t, p.Output(), want)
			}
			assert.NotContains(t, p.Output(), "Everything is ready")
		})
	}
}

// TestBaseConfiguration makes sure that what the wrong configurations are merged over is itself right, so that each is
// refused for its own fault.
func TestBaseConfiguration(t *testing.T) {
	p := collector.Start(t, collector.Binary(t), nil, "validate", "--config", filepath.Join("test", "config", "testdata", "base.yaml"))
	require.NoError(t, p.Wait(), p.Output())
}
