//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestOfficialClients runs the official OpenAI clients for Node and Python through the tap. `make e2e` installs them
// and names the interpreters in $E2E_NODE and $E2E_PYTHON.
func TestOfficialClients(t *testing.T) {
	s := startStack(t, nil)
	prometheus := startPrometheus(t, s.metrics)
	folder := filepath.Join(collector.Root(t), "test", "clients")
	counted := 0.0
	for _, client := range []struct{ name, env, script string }{
		{"node", "E2E_NODE", "clients.mjs"},
		{"python", "E2E_PYTHON", "clients.py"},
	} {
		t.Run(client.name, func(t *testing.T) {
			interpreter := os.Getenv(client.env)
			require.NotEmpty(t, interpreter, "$%s is not set; run `make e2e`", client.env)
			cmd := exec.Command(interpreter, client.script, s.tap+"/v1", s.server+"/v1", model)
			cmd.Dir = folder
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			calls, err := strconv.Atoi(strings.TrimSpace(string(out)))
			require.NoError(t, err, string(out))
			require.Positive(t, calls)
			counted += float64(calls)
			prometheus.eventually(`sum(embedding_requests_total)`,
				func(v float64) bool { return v == counted }, "every call counted once")
		})
	}
}
