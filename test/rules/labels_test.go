package rules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestRulesEvaluateOnAllSeries: an expression can be right for one series and fail on two, because they match each other or
// become equal. Here are all series that the rules ask for at once, from two collectors, with every documented label value;
// promtool fails where a rule cannot be evaluated.
func TestRulesEvaluateOnAllSeries(t *testing.T) {
	promtool := tool(t, "promtool")
	alerts, records := load(t)
	known := knownMetrics(t)

	names := map[string]bool{}
	for _, r := range slices.Concat(alerts, records) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		require.NoError(t, err, r.file)
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if s, ok := node.(*parser.VectorSelector); ok {
				if _, ok := known[s.Name]; ok {
					names[s.Name] = true
				}
			}
			return nil
		})
	}

	type series struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	}
	var input []series
	for _, name := range slices.Sorted(maps.Keys(names)) {
		values := "1x20"
		for _, suffix := range []string{"_total", "_sum", "_count", "_bucket"} {
			if strings.HasSuffix(name, suffix) {
				values = "1+10x20"
			}
		}
		for _, labels := range combinations(known[name].labels) {
			for _, host := range []string{"a", "b"} {
				input = append(input, series{
					Series: fmt.Sprintf(`%s{job="otelcol-embedding",host=%q,instance="%s:9464"%s}`, name, host, host, labels),
					Values: values,
				})
			}
		}
	}
	require.Greater(t, len(input), 200)
	files, err := filepath.Glob(path(t, "deploy", "prometheus", "*.rules.yaml"))
	require.NoError(t, err)
	test := map[string]any{
		"rule_files":          files,
		"evaluation_interval": "1m",
		"tests": []any{map[string]any{
			"interval":     "1m",
			"input_series": input,
			"promql_expr_test": []any{map[string]any{
				"expr": "count(count by (instance) (up))", "eval_time": "20m",
				"exp_samples": []any{map[string]any{"labels": "{}", "value": 2}},
			}},
		}},
	}
	data, err := yaml.Marshal(test)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "all.test.yaml")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	run(t, filepath.Dir(file), promtool, "test", "rules", file)
}

// combinations returns label sets, each with a comma before: every combination of the values that are documented, and two
// sets of those that are free.
func combinations(labels map[string][]string) []string {
	var sets []string
	for _, free := range []string{"1", "2"} {
		some := []string{""}
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			values := labels[name]
			switch {
			case name == "le":
				values = []string{"1", "2.0", "+Inf"}
			case len(values) == 0:
				values = []string{free}
			}
			var more []string
			for _, s := range some {
				for _, v := range values {
					more = append(more, fmt.Sprintf(`%s,%s=%q`, s, name, v))
				}
			}
			some = more
		}
		for _, s := range some {
			if !slices.Contains(sets, s) {
				sets = append(sets, s)
			}
		}
	}
	return sets
}
