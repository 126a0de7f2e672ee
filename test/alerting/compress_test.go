package alerting

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

func TestCompress(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{`rate(x[5m]) > 2`, `rate(x[5s]) > 2`},
		{`x unless x offset 10m`, `x unless x offset 10s`},
		{`sum_over_time(x[1h:5m]) >= 100`, `sum_over_time(x[1m:5s]) >= 100`},
		{`gpu_memory_used_mb > 7500`, `gpu_memory_used_mb > 7500`},
		{`time() - max by (model) (x) > 900`, `time() - max by (model) (x) > 15`},
		{`x_age_seconds > 86400`, `x_age_seconds > 1440`},
		{`model:x:increase5m / 300`, `model:x:increase5m / 5`},
		{`x / 300`, `x / 300`},
		{`predict_linear(x[1h], 4 * 3600) > y`, `predict_linear(x[1m], (4 * 3600) / 60) > y`},
	} {
		in, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "rules": []any{
			map[string]any{"alert": "A", "expr": c.expr, "for": "12h", "labels": map[string]string{"severity": "info"}},
			map[string]any{"alert": "B", "expr": c.expr, "for": "5m"},
		}}}})
		require.NoError(t, err)
		out, err := Compress(in, 60, 15*time.Second)
		require.NoError(t, err)
		var got struct {
			Groups []struct {
				Rules []struct {
					Alert, Expr, For string
					Labels           map[string]string
				}
			}
		}
		require.NoError(t, yaml.Unmarshal(out, &got))
		assert.Equal(t, c.want, got.Groups[0].Rules[0].Expr)
		assert.Equal(t, "15s", got.Groups[0].Rules[0].For, "no longer than that")
		assert.Equal(t, "5s", got.Groups[0].Rules[1].For)
		assert.Equal(t, map[string]string{"severity": "info"}, got.Groups[0].Rules[0].Labels)
	}
}

// TestSecondsAreKnown: a number of seconds that is not recognised as one would make its alert a matter of chance. So every number
// of the shipped rules that could be one is listed here.
func TestSecondsAreKnown(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "deploy", "prometheus", "*.rules.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	others := []float64{
		90,        // degrees
		100, 1000, // calls or errors, tokens
		7500, // MiB
	}
	for _, file := range files {
		in, err := os.ReadFile(file)
		require.NoError(t, err)
		out, err := Compress(in, 10_000, time.Second)
		require.NoError(t, err)
		var got struct {
			Groups []struct {
				Rules []struct{ Alert, Record, Expr string }
			}
		}
		require.NoError(t, yaml.Unmarshal(out, &got))
		for _, g := range got.Groups {
			for _, r := range g.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
				require.NoError(t, err, r.Expr)
				parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
					n, ok := node.(*parser.NumberLiteral)
					if ok && n.Val >= 60 && !slices.Contains(others, n.Val) && !slices.ContainsFunc(path, predicts) {
						assert.Failf(t, "seconds, or another number?", "%v in %s%s: %s", n.Val, r.Alert, r.Record, r.Expr)
					}
					return nil
				})
			}
		}
	}
}

func predicts(node parser.Node) bool {
	call, ok := node.(*parser.Call)
	return ok && call.Func.Name == "predict_linear"
}
