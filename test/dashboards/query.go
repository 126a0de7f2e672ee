package dashboards

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Query is one query of a dashboard, in PromQL or LogQL.
type Query struct {
	Board, Panel, Ref string
	Source            string // prometheus or loki
	Expr              string // with Grafana's variables
	Legend            string
	Instant           bool
	// Rows says that the answer is shown as a table, by its columns and not by a legend.
	Rows bool
}

// String says where the query stands.
func (q Query) String() string { return fmt.Sprintf("%s, %q, query %s", q.Board, q.Panel, q.Ref) }

// Queries returns the queries of all panels and annotations of a dashboard.
func (b *Board) Queries() []Query {
	var queries []Query
	add := func(panel string, t Target, legend string) {
		q := Query{Board: b.UID, Panel: panel, Ref: t.RefID, Expr: t.Expr, Legend: legend, Instant: t.Instant, Rows: t.Format == "table"}
		if t.Datasource != nil {
			q.Source = t.Datasource.Type
		}
		queries = append(queries, q)
	}
	for _, p := range b.Panels {
		for _, t := range p.Targets {
			add(p.Title, t, t.LegendFormat)
		}
	}
	for _, a := range b.Annotations.List {
		add("annotation "+a.Name, a.Target, a.TitleFormat)
	}
	return queries
}

// Values are what Grafana replaces variables by. Variables that are missing match everything.
type Values struct {
	Variables    map[string]string
	RateInterval time.Duration
	Interval     time.Duration
	Range        time.Duration
}

var variables = regexp.MustCompile(`\$\{?([A-Za-z_]+)\}?`)

// Fill returns the query's expression with Grafana's variables replaced.
func (q Query) Fill(v Values) string {
	return variables.ReplaceAllStringFunc(q.Expr, func(found string) string {
		name := strings.Trim(found, "${}")
		switch name {
		case "__rate_interval":
			return duration(v.RateInterval)
		case "__interval", "__auto":
			return duration(v.Interval)
		case "__range":
			return duration(v.Range)
		}
		if value, ok := v.Variables[name]; ok {
			return value
		}
		return ".*"
	})
}

// Variables returns the names of the variables in an expression.
func Variables(expr string) []string {
	var names []string
	for _, m := range variables.FindAllStringSubmatch(expr, -1) {
		names = append(names, m[1])
	}
	return names
}

func duration(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
