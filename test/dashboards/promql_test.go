package dashboards

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typical are values as Grafana fills them in.
var typical = Values{RateInterval: time.Minute, Interval: 15 * time.Second, Range: time.Hour}

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z_]+)\s*\}\}`)

// TestPromQL parses every expression and looks each metric and label up.
func TestPromQL(t *testing.T) {
	check := checker{t: t, catalog: catalog(t), parser: parser.NewParser(parser.Options{})}
	count := 0
	for _, q := range queries(t) {
		if q.Source != "prometheus" {
			continue
		}
		count++
		expr, err := check.parser.ParseExpr(q.Fill(typical))
		if !assert.NoError(t, err, "%s: %s", q, q.Expr) {
			continue
		}
		labels := check.labels(q, expr)
		for _, m := range placeholder.FindAllStringSubmatch(q.Legend, -1) {
			assert.Contains(t, labels, m[1], "%s: the legend %q names a label that the answer does not have: %s", q, q.Legend, q.Expr)
		}
	}
	assert.Greater(t, count, 80, "queries in PromQL")
}

// TestVariableQueries does the same for the queries of variables.
func TestVariableQueries(t *testing.T) {
	check := checker{t: t, catalog: catalog(t), parser: parser.NewParser(parser.Options{})}
	pattern := regexp.MustCompile(`^label_values\((.+), ([a-z_]+)\)$`)
	for _, b := range load(t) {
		for _, v := range b.Templating.List {
			if v.Type != "query" || v.Datasource.Type != "prometheus" {
				continue
			}
			var query struct{ Query string }
			require.NoError(t, json.Unmarshal(v.Query, &query), "%s, variable %s", b.UID, v.Name)
			m := pattern.FindStringSubmatch(query.Query)
			if !assert.NotNil(t, m, "%s, variable %s: %q is not label_values(metric, label)", b.UID, v.Name, query.Query) {
				continue
			}
			q := Query{Board: b.UID, Panel: "variable " + v.Name, Expr: m[1]}
			expr, err := check.parser.ParseExpr(q.Fill(typical))
			require.NoError(t, err, "%s: %s", q, query.Query)
			assert.Contains(t, check.labels(q, expr), m[2], "%s: %s", q, query.Query)
		}
	}
}

type checker struct {
	t       *testing.T
	catalog map[string]metric
	parser  parser.Parser
}

// labels returns the labels that the series of an expression's answer may have, and complains of what cannot be.
func (c checker) labels(q Query, expr parser.Expr) []string {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.selected(q, e)
	case *parser.AggregateExpr:
		inner := c.labels(q, e.Expr)
		for _, label := range e.Grouping {
			assert.Contains(c.t, inner, label, "%s groups by a label that %s does not have", q, e.Expr)
		}
		if e.Without {
			return slices.DeleteFunc(inner, func(l string) bool { return slices.Contains(e.Grouping, l) })
		}
		return e.Grouping
	case *parser.BinaryExpr:
		left, right := c.labels(q, e.LHS), c.labels(q, e.RHS)
		switch {
		case e.LHS.Type() == parser.ValueTypeScalar:
			return right
		case e.Op == parser.LOR:
			return append(left, right...)
		}
		return left
	case *parser.Call:
		var all []string
		for _, arg := range e.Args {
			all = append(all, c.labels(q, arg)...)
		}
		return all
	case *parser.ParenExpr:
		return c.labels(q, e.Expr)
	case *parser.MatrixSelector:
		return c.labels(q, e.VectorSelector)
	case *parser.UnaryExpr:
		return c.labels(q, e.Expr)
	case *parser.SubqueryExpr:
		return c.labels(q, e.Expr)
	}
	return nil
}

func (c checker) selected(q Query, e *parser.VectorSelector) []string {
	m, bucket, ok := c.find(e.Name)
	if !assert.True(c.t, ok, "%s asks for %s, which no component has: see metadata.yaml of the components, or add it to stock with its source", q, e.Name) {
		return nil
	}
	labels := append(slices.Collect(maps.Keys(m.labels)), everywhere...)
	if bucket {
		labels = append(labels, "le")
	}
	for _, matcher := range e.LabelMatchers {
		if matcher.Name == "__name__" {
			continue
		}
		assert.Contains(c.t, labels, matcher.Name, "%s: %s has no such label", q, e.Name)
		if values := m.labels[matcher.Name]; len(values) > 0 && !strings.Contains(matcher.Value, "*") {
			assert.True(c.t, slices.ContainsFunc(values, matcher.Matches), "%s: no value of %s on %s matches %s, there are %v",
				q, matcher.Name, e.Name, matcher, values)
		}
	}
	return labels
}

// find returns the metric that a series belongs to, and whether the series is a bucket of it.
func (c checker) find(name string) (m metric, bucket, ok bool) {
	if m, ok := c.catalog[name]; ok {
		return m, false, m.kind != "histogram"
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, found := strings.CutSuffix(name, suffix); found {
			m, ok := c.catalog[base]
			return m, suffix == "_bucket", ok && m.kind == "histogram"
		}
	}
	return metric{}, false, false
}
