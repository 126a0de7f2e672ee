package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestAnnotationsRender looks at what people will read. A template that cannot be expanded is no error to Prometheus: it
// sends the error in place of the text. So promtool is told that nothing fires where an alert does, and shows what it got.
func TestAnnotationsRender(t *testing.T) {
	promtool := tool(t, "promtool")
	alerts, _ := load(t)
	folder := path(t, "deploy", "prometheus", "tests")
	files, err := filepath.Glob(filepath.Join(folder, "*.test.yaml"))
	require.NoError(t, err)
	var got strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "recording.test.yaml") {
			continue
		}
		var content map[string]any
		require.NoError(t, yaml.Unmarshal(read(t, file), &content), file)
		var rules []any
		for _, r := range content["rule_files"].([]any) {
			rules = append(rules, filepath.Join(folder, r.(string)))
		}
		content["rule_files"] = rules
		seen := map[string]bool{}
		var tests []any
		for _, test := range content["tests"].([]any) {
			test := test.(map[string]any)
			alert, _, _ := strings.Cut(test["name"].(string), " ")
			for _, e := range test["promql_expr_test"].([]any) {
				e := e.(map[string]any)
				if len(e["exp_samples"].([]any)) > 0 && !seen[alert] {
					seen[alert] = true
					test["alert_rule_test"] = []any{map[string]any{"alertname": alert, "eval_time": e["eval_time"], "exp_alerts": []any{}}}
					tests = append(tests, test)
				}
			}
			delete(test, "promql_expr_test")
		}
		content["tests"] = tests
		data, err := yaml.Marshal(content)
		require.NoError(t, err)
		shown := filepath.Join(t.TempDir(), filepath.Base(file))
		require.NoError(t, os.WriteFile(shown, data, 0o600))
		out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", shown).CombinedOutput()
		require.Error(t, err, "%s: promtool accepts that nothing fires", filepath.Base(file))
		got.Write(out)
	}

	for _, a := range alerts {
		_, section, found := strings.Cut(got.String(), "alertname: "+a.Alert+",")
		if !assert.True(t, found, "%s: promtool showed no %s", a.file, a.Alert) {
			continue
		}
		section, _, _ = strings.Cut(section, "alertname: ")
		summary := regexp.MustCompile(`summary="((?:[^"\\]|\\.)+)"`).FindStringSubmatch(section)
		if !assert.NotNil(t, summary, "%s: %s has no summary in\n%s", a.file, a.Alert, section) {
			continue
		}
		for _, bad := range []string{"error expanding", "<no value>", "{{", "  ", "NaN%", "()"} {
			assert.NotContains(t, summary[1], bad, "%s: summary of %s", a.file, a.Alert)
		}
	}
}
