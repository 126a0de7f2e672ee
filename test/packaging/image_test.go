package packaging

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// Where the NVIDIA Container Toolkit mounts the driver's library in an image of Debian.
const driverLibrary = "/usr/lib/x86_64-linux-gnu/" + fakenvml.LibraryName

func ownerOf(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// TestImageRuns runs the image as it is shipped: its entry point and command, its environment, its user, a read-only
// root, and a volume for the state. A library of the driver is mounted in as on a host with GPUs.
func TestImageRuns(t *testing.T) {
	demo := collector.Start(t, built(t, "embeddingdemo"), nil, "serve", "--endpoint", "127.0.0.1:8000")
	demo.WaitHTTP("http://127.0.0.1:8000/health")

	i := newImage(t, collectorStage)
	library := fakenvml.Build(t, t.TempDir())
	scenario := filepath.Join(t.TempDir(), "scenario")
	fakenvml.Healthy(1).Write(t, scenario)
	require.NoError(t, os.Chmod(scenario, 0o644))
	state := t.TempDir()
	require.NoError(t, os.Chown(state, 10001, 10001))
	i.mount(driverLibrary, library)
	i.mount("/run/scenario", scenario)
	i.mount("/var/lib/otelcol-embedding", state)
	i.mountSystem()
	i.seal()

	p := i.start("", i.user, i.environment(map[string]string{
		"EMBEDDING_UPSTREAM": "http://127.0.0.1:8000",
		fakenvml.ScenarioEnv: "/run/scenario",
	}), append(i.entrypoint, i.cmd...)...)
	p.WaitHTTP("http://127.0.0.1:13133")

	status := embed(t, "http://127.0.0.1:8080")
	require.Equal(t, http.StatusOK, status, "through the tap")
	eventually(t, "http://127.0.0.1:9464/metrics",
		`embedding_requests_total{model="qwen3-embedding-4b",task_type="general"} 1`, // a call through the tap
		`hw_gpu_memory_usage_bytes{`, // the driver's library was found
		`embedding_canary_ok{`,
		`system_memory_usage_bytes{`,
		`vllm:num_requests_running{`)
	eventually(t, "http://127.0.0.1:8888/metrics", "otelcol_process_uptime")

	require.NoError(t, p.Stop(), p.Output())
	assert.NotContains(t, p.Output(), "panic")
	files, err := os.ReadDir(state)
	require.NoError(t, err)
	assert.NotEmpty(t, files, "what has to survive is on the volume")
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		assert.EqualValues(t, 10001, ownerOf(info), file.Name())
	}
}

// TestImageTools runs each program of the image in it.
func TestImageTools(t *testing.T) {
	i := newImage(t, collectorStage)
	i.mountSystem()
	i.seal()
	for _, program := range []string{"embeddingcanary", "embeddingquality", "otelcol-embedding"} {
		p := i.start("", i.user, i.environment(nil), "/usr/bin/"+program, "--help")
		require.NoError(t, p.Wait(), p.Output())
		assert.Contains(t, p.Output(), program)
	}
}

// embed sends one text.
func embed(t testing.TB, base string) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": "qwen3-embedding-4b", "input": "a text"})
	require.NoError(t, err)
	resp, err := http.Post(base+"/v1/embeddings", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}

// eventually waits until a page has every one of the parts.
func eventually(t testing.TB, url string, parts ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		missing, page := "", ""
		if resp, err := http.Get(url); err == nil {
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			page = string(body)
		}
		for _, part := range parts {
			if !strings.Contains(page, part) {
				missing = part
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "not on the page in time", "%s: %s\n%s", url, missing, page)
		}
		time.Sleep(250 * time.Millisecond)
	}
}
