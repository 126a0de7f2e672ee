//go:build e2e

package docs

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// elsewhere names the quotations of the page that no run on one machine makes, and why they can be trusted.
var elsewhere = map[string]string{
	"saved-by-another-version": "takes a collector of another version; the text is of processor/embeddingqualityprocessor/storage.go, " +
		"the part behind it of internal/drift/encoding.go",
}

// reproductions bring the collector into the trouble that a quotation is about, and return what it says so far.
var reproductions = map[string]func(*site) func() string{
	"unknown-key":       started("quickstart.yaml", "processors::embedding_quality::windw: 5s"),
	"unknown-component": started("quickstart.yaml", "exporters::lokki: {}"),
	"not-configured":    started("quickstart.yaml", "service::pipelines::metrics::exporters: [promtheus]"),
	"without-unit":      started("quickstart.yaml", "processors::embedding_quality::window: 5"),
	"canary-path":       started("quickstart.yaml", `receivers::embedding_canary::targets: [{endpoint: "http://localhost:8000", model: m}]`),
	"no-reference-file": started("quickstart.yaml", "processors::embedding_quality::reference::files: [/etc/qwen3.reference]"),
	"no-reference": func(s *site) func() string {
		file := filepath.Join(s.t.TempDir(), "vectors.npy")
		require.NoError(s.t, os.WriteFile(file, []byte("no reference"), 0o600))
		p := s.start("quickstart.yaml", fmt.Sprintf("processors::embedding_quality::reference::files: [%s]", file))
		return func() string { return strings.ReplaceAll(p.Output(), file, "/etc/qwen3.reference") }
	},
	"port-taken": func(s *site) func() string {
		s.answers("EMBEDDING_TAP", http.StatusOK)
		s.eventuallyTaken("EMBEDDING_TAP")
		return s.start("quickstart.yaml").Output
	},
	"telemetry-port-taken": func(s *site) func() string {
		s.answers("telemetry", http.StatusOK)
		s.eventuallyTaken("telemetry")
		return s.start("quickstart.yaml").Output
	},
	"storage-not-writable": func(s *site) func() string {
		parent := filepath.Join(s.t.TempDir(), "root")
		require.NoError(s.t, os.Mkdir(parent, 0o555))
		s.storage = filepath.Join(parent, "storage")
		return s.unprivileged("standalone.yaml").Output
	},
	"storage-locked": func(s *site) func() string {
		s.ready(s.start("standalone.yaml"))
		other := newSite(s.t)
		other.storage = s.storage
		return other.start("standalone.yaml").Output
	},
	"upstream-unreachable": func(s *site) func() string {
		s.ready(s.start("quickstart.yaml"))
		return s.embed
	},
	"ingest-refused": func(s *site) func() string {
		s.ready(s.start("quickstart.yaml"))
		return func() string { return s.post("EMBEDDING_INGEST", "/v1/events", `{"model": 7}`) }
	},
	"vllm-not-scraped": started("standalone.yaml", "receivers::prometheus/vllm::config::scrape_configs: "+
		`[{job_name: vllm, scrape_interval: 1s, static_configs: [{targets: ["${env:VLLM_TARGET}"]}]}]`),
	"queue-full": func(s *site) func() string {
		p := s.ready(s.start("standalone.yaml", "exporters::otlp_http/loki::sending_queue: {queue_size: 3000, batch: null}"))
		for range 30 {
			s.embed()
		}
		return p.Output
	},
	"memory-limiter": func(s *site) func() string {
		p := s.ready(s.start("quickstart.yaml", "processors::memory_limiter: {limit_mib: 5, spike_limit_mib: 1, check_interval: 100ms}"))
		return func() string {
			s.embed()
			return p.Output() + s.post("EMBEDDING_INGEST", "/v1/events", `{"model": "m", "status": 200, "duration_ms": 1}`)
		}
	},
	"canary-unreachable": started("quickstart.yaml", soon),
	"canary-401":         answered("EMBEDDING_UPSTREAM", http.StatusUnauthorized, "quickstart.yaml", soon),
	"canary-404":         answered("EMBEDDING_UPSTREAM", http.StatusNotFound, "quickstart.yaml", soon),
	"canary-overloaded":  answered("EMBEDDING_UPSTREAM", http.StatusServiceUnavailable, "quickstart.yaml", soon),
	"canary-model": func(s *site) func() string {
		s.demo()
		return s.start("quickstart.yaml", soon,
			`receivers::embedding_canary::targets: [{endpoint: "${env:EMBEDDING_UPSTREAM}/v1/embeddings", model: qwen3}]`).Output
	},
	"canary-no-storage": started("quickstart.yaml"),
	"pins-lost": func(s *site) func() string {
		s.demo()
		pinned := func(generation int) *collector.Process {
			return s.start("quickstart.yaml", soon,
				"extensions::file_storage: {directory: '${env:EMBEDDING_STORAGE}', create_directory: true}",
				"service::extensions: [health_check, file_storage]",
				fmt.Sprintf("receivers::embedding_canary: {storage: file_storage, generation: %d}", generation))
		}
		p := pinned(1)
		require.Eventually(s.t, func() bool { return strings.Contains(p.Output(), "Pins are learned") }, 30*time.Second, 100*time.Millisecond)
		require.NoError(s.t, p.Stop())
		return pinned(0).Output
	},
	"nvml-no-library": started("quickstart.yaml", "receivers::nvml: {library_path: /absent/libnvidia-ml.so.1, initial_delay: 0s}"),
	"nvml-no-permission": func(s *site) func() string {
		dir := s.t.TempDir()
		library, scenario := fakenvml.Build(s.t, dir), fakenvml.Healthy(1)
		scenario.Set("init.error", 4)
		scenario.Write(s.t, filepath.Join(dir, "scenario"))
		return collector.Start(s.t, collector.Binary(s.t), s.environment("FAKE_NVML_SCENARIO="+filepath.Join(dir, "scenario")),
			arguments(s.t, "quickstart.yaml", fmt.Sprintf("receivers::nvml: {library_path: %s, initial_delay: 0s}", library))...).Output
	},
	"loki-away": lokiAnswers(0),
	"loki-400":  lokiAnswers(http.StatusBadRequest),
	"loki-401":  lokiAnswers(http.StatusUnauthorized),
	"loki-404":  lokiAnswers(http.StatusNotFound),
	"loki-429":  lokiAnswers(http.StatusTooManyRequests),
	"unreadable": func(s *site) func() string {
		p := s.ready(s.start("gateway.yaml"))
		s.post("OTLP_HTTP", "/v1/logs", fmt.Sprintf(`{"resourceLogs": [{"scopeLogs": [{"logRecords": [{
			"eventName": "embedding.quality.window", "timeUnixNano": "%d", "attributes": [
			{"key": "gen_ai.request.model", "value": {"stringValue": "qwen3-embedding-4b"}},
			{"key": "embedding.quality.reporter", "value": {"stringValue": "host-a"}},
			{"key": "embedding.quality.state", "value": {"bytesValue": "AQ=="}}]}]}]}]}`, time.Now().UnixNano()))
		return p.Output
	},
	"remote-write": func(s *site) func() string {
		prometheus, err := exec.LookPath("prometheus")
		require.NoError(s.t, err, "this test needs prometheus on the PATH (Debian: apt-get install prometheus)")
		empty := filepath.Join(s.t.TempDir(), "prometheus.yml")
		require.NoError(s.t, os.WriteFile(empty, []byte("global: {}\n"), 0o600))
		address := collector.Address(s.t)
		collector.Start(s.t, prometheus, nil, "--config.file="+empty, "--storage.tsdb.path="+s.t.TempDir(),
			"--web.listen-address="+address, "--web.enable-remote-write-receiver").WaitHTTP("http://" + address + "/-/ready")
		root := collector.Root(s.t)
		p := s.ready(collector.Start(s.t, collector.Binary(s.t),
			s.environment("HOST_NAME=host-a", "REMOTE_WRITE_ENDPOINT=http://"+address+"/api/v1/write"),
			"--config", filepath.Join(root, "config", "gateway.yaml"), "--config", filepath.Join(root, "config/metrics/remote-write.yaml")))
		for _, at := range []time.Time{time.Now(), time.Now().Add(-10 * time.Minute)} {
			s.post("OTLP_HTTP", "/v1/metrics", fmt.Sprintf(`{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "gauge":
				{"dataPoints": [{"timeUnixNano": "%d", "asDouble": 1}]}}]}]}]}`, at.UnixNano()))
			time.Sleep(time.Second) // in batches of their own
		}
		return func() string { return strings.ReplaceAll(p.Output(), address, "localhost:9090") }
	},
}

// soon makes the first rounds of the canary come at once.
const soon = "receivers::embedding_canary: {interval: 1s, jitter: 0, budget: {server_time: 1}, learning: {rounds: 2}}"

func started(config string, over ...string) func(*site) func() string {
	return func(s *site) func() string { return s.start(config, over...).Output }
}

func answered(name string, status int, config string, over ...string) func(*site) func() string {
	return func(s *site) func() string {
		s.answers(name, status)
		return s.start(config, over...).Output
	}
}

// lokiAnswers sends an event to a Loki that answers with a status, or is not there.
func lokiAnswers(status int) func(*site) func() string {
	return func(s *site) func() string {
		if status != 0 {
			s.answers("LOKI_ENDPOINT", status)
		}
		p := s.ready(s.start("standalone.yaml"))
		s.embed()
		return p.Output
	}
}

func (s *site) eventuallyTaken(name string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		c, err := net.Dial("tcp", s.addresses[name])
		return err == nil && c.Close() == nil
	}, 10*time.Second, 10*time.Millisecond)
}

// unprivileged starts a collector that is not root, to which no folder is closed.
func (s *site) unprivileged(config string) *collector.Process {
	s.t.Helper()
	args := arguments(s.t, config)
	if os.Getuid() != 0 {
		return collector.Start(s.t, collector.Binary(s.t), s.environment(), args...)
	}
	setpriv, err := exec.LookPath("setpriv")
	require.NoError(s.t, err, "as root this test needs setpriv on the PATH (Debian: apt-get install util-linux)")
	for dir := filepath.Dir(s.storage); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		require.NoError(s.t, os.Chmod(dir, 0o555|os.FileMode(0o200)))
	}
	return collector.Start(s.t, setpriv, s.environment(), append([]string{"--reuid=65534", "--clear-groups",
		collector.Binary(s.t)}, args...)...)
}

// TestTroubleshooting brings the collector into each trouble that the page quotes a message of, and wants that message.
func TestTroubleshooting(t *testing.T) {
	quoted := make(map[string]bool)
	for _, b := range blocks(t, "troubleshooting.md", "text") {
		require.NotEmpty(t, b.name, "a quotation has no name behind ```text:\n%s", b.text)
		assert.False(t, quoted[b.name], "%s is quoted twice", b.name)
		quoted[b.name] = true
		if _, ok := elsewhere[b.name]; ok {
			continue
		}
		reproduce, ok := reproductions[b.name]
		if !assert.True(t, ok, "%s is not reproduced", b.name) {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			output := reproduce(s)
			said, deadline := "", time.Now().Add(40*time.Second)
			for {
				said = s.asOnPage(output())
				absent := missing(b.text, said)
				if absent == "" {
					return
				}
				if time.Now().After(deadline) {
					require.Fail(t, "the page quotes what is not said", "%s\n\nwhat is said:\n%s", absent, said)
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	for name := range reproductions {
		assert.True(t, quoted[name], "%s is reproduced and not on the page", name)
	}
	for name := range elsewhere {
		assert.True(t, quoted[name], "%s is not on the page", name)
	}
}
