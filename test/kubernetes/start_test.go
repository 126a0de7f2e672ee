package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listenVariables are those by which a configuration of the image listens.
var listenVariables = []string{
	"EMBEDDING_TAP", "EMBEDDING_INGEST", "EMBEDDING_METRICS", "EMBEDDING_HEALTH", "OTLP_GRPC", "OTLP_HTTP",
}

// TestStart starts each collector as its container would be, but on free ports of this host and without anything to speak to: it
// has to become healthy and to end when it is told to.
func TestStart(t *testing.T) {
	builds := map[string]*manifests{
		"cluster": kustomize(t, composedFolder(t, "node-tap", "host-state", "loadbalancer")),
		"chart":   release(t, nil),
		"sidecar": kustomize(t, filepath.Join(root, "deploy", "kubernetes", "examples", "vllm")),
	}
	started := 0
	for build, m := range builds {
		for i := range m.workloads {
			w := &m.workloads[i]
			for _, c := range w.containers() {
				if !isCollector(c) {
					continue
				}
				started++
				ip := fmt.Sprintf("127.0.1.%d", started) // that no other has
				t.Run(build+" "+w.name, func(t *testing.T) {
					t.Parallel()
					args, err := m.arguments(w, c, rootPath(t), t.TempDir())
					require.NoError(t, err)
					env := m.environment(w, c)
					addresses := freeAddresses(t, ip, len(listenVariables)+1)
					for i, name := range listenVariables {
						env[name] = addresses[i]
					}
					host, port, err := net.SplitHostPort(addresses[len(listenVariables)])
					require.NoError(t, err)
					env["EMBEDDING_TELEMETRY"], env["EMBEDDING_TELEMETRY_PORT"] = host, port
					env["EMBEDDING_STORAGE"] = t.TempDir()
					startAndStop(t, env, args)
				})
			}
		}
	}
}

func startAndStop(t *testing.T, env map[string]string, args []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, collectorBinary(t), args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = []string{}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !healthy(ctx, env["EMBEDDING_HEALTH"]) {
		select {
		case err := <-ended:
			require.FailNow(t, "the collector ended", "%v\n%s", err, &output)
		case <-time.After(100 * time.Millisecond):
		}
	}
	// It is healthy a moment before it takes signals for its own. The kubelet's come later than that.
	time.Sleep(time.Second)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended)
	assert.NotContains(t, output.String(), "panic")
	assert.NotContains(t, output.String(), "deprecated")
}

func healthy(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// freeAddresses returns n addresses that were free a moment ago, all at once: so they differ.
func freeAddresses(t *testing.T, ip string, n int) []string {
	t.Helper()
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", ip+":0")
		require.NoError(t, err)
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
