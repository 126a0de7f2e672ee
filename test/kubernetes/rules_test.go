package kubernetes

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// update makes tests write what they would compare with.
var update = flag.Bool("update", false, "write the generated files")

// TestRules holds the objects of the Prometheus operator against the rules of deploy/prometheus.
func TestRules(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy", "prometheus", "*.rules.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	folder := filepath.Join(root, "deploy", "kubernetes", "components", "prometheus-operator", "rules")
	for _, file := range files {
		rules, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".rules.yaml")
		want := ruleObject(name, string(rules))
		path := filepath.Join(folder, name+".yaml")
		if *update {
			require.NoError(t, os.MkdirAll(folder, 0o755))
			require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err, "run make kubernetes-generate")
		assert.Equal(t, want, string(got), "%s is not what deploy/prometheus has: run make kubernetes-generate", path)
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, len(files))
}

// ruleObject puts a file of rules, comments included, into an object.
func ruleObject(name, rules string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Generated from deploy/prometheus/%[1]s.rules.yaml by make kubernetes-generate.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: otelcol-embedding-%[1]s
  labels:
    app.kubernetes.io/name: otelcol-embedding
spec:
`, name)
	for line := range strings.Lines(rules) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
