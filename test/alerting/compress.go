package alerting

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// Compress returns the rules of a file as they are where time runs faster by a factor: with every range, offset, step and number
// of seconds divided by it, and every `for` too, which is no longer than longest. Thresholds stay. What takes an hour to fire can
// so be tried within a minute: 100 calls an hour are 100 calls a minute then.
func Compress(rules []byte, factor int, longest time.Duration) ([]byte, error) {
	var file struct {
		Groups []struct {
			Name  string           `yaml:"name"`
			Rules []map[string]any `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(rules, &file); err != nil {
		return nil, err
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(r["expr"].(string))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", g.Name, err)
			}
			parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
				compress(node, factor)
				return nil
			})
			r["expr"] = expr.String()
			if text, ok := r["for"].(string); ok {
				d, err := model.ParseDuration(text)
				if err != nil {
					return nil, fmt.Errorf("%s: for: %w", g.Name, err)
				}
				r["for"] = model.Duration(min(time.Duration(d)/time.Duration(factor), longest)).String()
			}
		}
	}
	return yaml.Marshal(file)
}

func compress(node parser.Node, factor int) {
	shorter := time.Duration(factor)
	switch n := node.(type) {
	case *parser.VectorSelector:
		n.OriginalOffset /= shorter
	case *parser.MatrixSelector:
		n.Range /= shorter
	case *parser.SubqueryExpr:
		n.Range /= shorter
		n.Step /= shorter
		n.OriginalOffset /= shorter
	case *parser.Call:
		if n.Func.Name == "predict_linear" { // its second argument is seconds
			n.Args[1] = &parser.BinaryExpr{Op: parser.DIV, LHS: &parser.ParenExpr{Expr: n.Args[1]}, RHS: &parser.NumberLiteral{Val: float64(factor)}}
		}
	case *parser.BinaryExpr:
		if number, ok := n.RHS.(*parser.NumberLiteral); ok && seconds(n) {
			number.Val /= float64(factor)
		}
	}
}

// seconds says whether the number on the right of an operator is one of seconds: an age that is compared, or the range that a count
// is divided by for a rate.
func seconds(e *parser.BinaryExpr) bool {
	text := e.LHS.String()
	if e.Op.IsComparisonOperator() {
		return strings.HasPrefix(text, "time() -") || strings.HasSuffix(text, "_age_seconds")
	}
	return e.Op == parser.DIV && strings.Contains(text, ":increase")
}
