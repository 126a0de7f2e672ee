// Package config tests the configurations of the distribution with the real binary: those that are shipped start and
// stop cleanly, and wrong ones are refused with the path of the key.
package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// sections are the files in config/ that are added to another one with a second --config.
var sections = map[string]string{"agent-spread.yaml": "agent.yaml"}

// TestShippedConfigurations validates each file in config/ with the addresses it has by default, then starts it on
// free ports with no backend there, waits until it is healthy and ends it.
func TestShippedConfigurations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "config", "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	binary := collector.Binary(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			args := []string{"--config", file}
			if whole, ok := sections[filepath.Base(file)]; ok {
				args = append([]string{"--config", filepath.Join(filepath.Dir(file), whole)}, args...)
			}
			validate := collector.Start(t, binary, nil, append([]string{"validate"}, args...)...)
			require.NoError(t, validate.Wait(), validate.Output())

			health := collector.Address(t)
			telemetryHost, telemetryPort, _ := strings.Cut(collector.Address(t), ":")
			p := collector.Start(t, binary, []string{
				"EMBEDDING_UPSTREAM=http://" + collector.Address(t),
				"EMBEDDING_TAP=" + collector.Address(t),
				"EMBEDDING_INGEST=" + collector.Address(t),
				"EMBEDDING_METRICS=" + collector.Address(t),
				"EMBEDDING_HEALTH=" + health,
				"EMBEDDING_STORAGE=" + t.TempDir(),
				"EMBEDDING_REQUEST_LOG=" + filepath.Join(t.TempDir(), "requests.jsonl"),
				"EMBEDDING_TELEMETRY=" + telemetryHost,
				"EMBEDDING_TELEMETRY_PORT=" + telemetryPort,
				"OTLP_GRPC=" + collector.Address(t),
				"OTLP_HTTP=" + collector.Address(t),
				"VLLM_TARGET=" + collector.Address(t),
				"LOKI_ENDPOINT=http://" + collector.Address(t) + "/otlp",
				"OTLP_ENDPOINT=http://" + collector.Address(t),
				"GATEWAY_ENDPOINT=" + collector.Address(t),
			}, args...)
			p.WaitHTTP("http://" + health)
			require.NoError(t, p.Stop(), p.Output())
			assert.NotContains(t, p.Output(), "panic")
			assert.NotContains(t, p.Output(), "deprecated", "a shipped configuration uses a deprecated key")
		})
	}
}

// TestPersistentQueuesRetryForEver: what is worth a queue on disk is not to be dropped because a backend is away for longer than the
// five minutes of the default.
func TestPersistentQueuesRetryForEver(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "config", "*.yaml"))
	require.NoError(t, err)
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
