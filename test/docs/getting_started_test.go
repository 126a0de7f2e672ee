//go:build e2e

package docs

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// seen is what the page says that one sees after each of its commands on the demo; empty where it says nothing.
var seen = []struct{ block, output string }{
	{"demo-calls", `embedding_requests_total\{.*task_type="query"\} [1-9]`},
	{"demo-canary", `verdict="same"`},
	{"demo-nan", ``},
	{"demo-invalid", `reason="non_finite"\} [1-9]`},
	{"demo-heal", ``},
	{"demo-swap", ``},
	{"demo-verdict", `verdict="model_changed"`},
}

// TestGettingStarted runs the page's commands on the demo, in their order, and waits for what the page says that one sees.
func TestGettingStarted(t *testing.T) {
	commands := make(map[string]string)
	for _, b := range blocks(t, "getting-started.md", "sh") {
		if b.name != "" {
			commands[b.name] = b.text
		}
	}
	require.Len(t, commands, len(seen))
	s := newSite(t)
	demo := collector.Start(t, collector.Demo(t), s.environment("EMBEDDING_UPSTREAM="), "up", "--collector", collector.Binary(t),
		"--config", filepath.Join(collector.Root(t), "config", "quickstart.yaml"),
		"--collector-log", filepath.Join(t.TempDir(), "collector.log"), "--server-endpoint", s.addresses["EMBEDDING_UPSTREAM"])
	demo.WaitHTTP("http://" + s.addresses["EMBEDDING_HEALTH"])
	var here []string
	for name, address := range s.addresses {
		here = append(here, defaults[name]+"/", address+"/")
	}
	addresses := strings.NewReplacer(here...)
	for _, step := range seen {
		command := addresses.Replace(commands[step.block])
		require.NotEqual(t, commands[step.block], command, "%s: no address of the demo", step.block)
		require.Eventually(t, func() bool {
			output, err := exec.Command("bash", "-c", command).CombinedOutput()
			return (step.output != "" || err == nil) && regexp.MustCompile(step.output).Match(output)
		}, 2*time.Minute, time.Second, "%s does not show %s", step.block, step.output)
	}
}
