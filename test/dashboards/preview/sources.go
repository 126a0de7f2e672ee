package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// sources are where panels get their data from.
type sources struct {
	prometheus, loki string
	job              string
	values           dashboards.Values
	end              time.Time
}

// line is a series of a panel, with the name that its legend has.
type line struct {
	dashboards.Series
	ref, name string
}

// filled is a panel with its data.
type filled struct {
	dashboards.Panel
	lines []line
	from  time.Time
	to    time.Time
	marks []time.Time // of annotations
}

// ask runs all queries of a dashboard.
func (s sources) ask(ctx context.Context, b *dashboards.Board) (page, error) {
	s.values.Variables = map[string]string{}
	for _, v := range b.Templating.List {
		if v.AllValue != "" {
			s.values.Variables[v.Name] = v.AllValue
		}
	}
	if s.job != "" {
		s.values.Variables["job"] = s.job
	}
	p := page{Board: b, from: s.end.Add(-s.values.Range), to: s.end}
	found := map[string][]line{}
	var marks []time.Time
	for _, q := range b.Queries() {
		base := s.prometheus
		if q.Source == "loki" {
			base = s.loki
		}
		if base == "" {
			continue
		}
		answer, err := dashboards.Fetch(ctx, base, q, s.values, s.end)
		if err != nil {
			return page{}, fmt.Errorf("%s: %w", q, err)
		}
		for _, series := range answer {
			if name, ok := strings.CutPrefix(q.Panel, "annotation "); ok && name != "" {
				marks = append(marks, begins(series.Samples, s.values.Interval)...)
				continue
			}
			key := q.Panel + "\x00" + q.Expr
			found[key] = append(found[key], line{series, q.Ref, legend(q.Legend, series.Labels)})
		}
	}
	for _, panel := range b.Panels {
		f := filled{Panel: panel, from: p.from, to: p.to, marks: marks}
		for _, t := range panel.Targets {
			f.lines = append(f.lines, found[panel.Title+"\x00"+t.Expr]...)
		}
		if panel.Repeat != "" {
			f.Title = strings.ReplaceAll(f.Title, "$"+panel.Repeat, "All")
		}
		p.panels = append(p.panels, f)
	}
	return p, nil
}

// begins returns the first of each run of samples.
func begins(samples []dashboards.Sample, step time.Duration) []time.Time {
	var all []time.Time
	for i, s := range samples {
		if i == 0 || s.Time.Sub(samples[i-1].Time) > 3*step/2 {
			all = append(all, s.Time)
		}
	}
	return all
}

var label = regexp.MustCompile(`\{\{ *([^} ]+) *\}\}`)

// legend fills labels in as Grafana does: those that are missing leave nothing behind but their spaces.
func legend(format string, labels map[string]string) string {
	if format == "" {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return label.ReplaceAllStringFunc(format, func(found string) string {
		return labels[label.FindStringSubmatch(found)[1]]
	})
}
