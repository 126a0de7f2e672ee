package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// entry is a line of a log with the labels of its stream.
type entry struct {
	dashboards.Line
	labels map[string]string
}

// entries returns the lines of a panel, the latest first.
func (p filled) entries() []entry {
	var all []entry
	for _, l := range p.lines {
		for _, text := range l.Lines {
			all = append(all, entry{text, l.Labels})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return b.Time.Compare(a.Time) })
	return all
}

// logs shows lines with their times.
func (p filled) logs(h int) string {
	var lines strings.Builder
	for i, e := range p.entries() {
		if i > h/19 {
			break
		}
		fmt.Fprintf(&lines, `<div><time>%s</time> %s</div>`, e.Time.Format("2006-01-02 15:04:05.000"), html.EscapeString(e.Text))
	}
	return `<div class="logs">` + lines.String() + `</div>`
}

// table shows the columns that the panel's transformations leave, in their order and by their names.
func (p filled) table(h int) string {
	var columns []string
	names := map[string]string{}
	for _, t := range p.Transformations {
		if t.ID == "filterFieldsByName" {
			columns = slices.Clone(t.Options.Include.Names)
		}
		if t.ID == "organize" {
			slices.SortStableFunc(columns, func(a, b string) int { return t.Options.IndexByName[a] - t.Options.IndexByName[b] })
			names = t.Options.RenameByName
		}
	}
	var out strings.Builder
	out.WriteString("<tr>")
	for _, c := range columns {
		out.WriteString("<th>" + html.EscapeString(names[c]) + "</th>")
	}
	for i, cells := range p.cells() {
		if i > h/26 {
			break
		}
		out.WriteString("</tr><tr>")
		for _, c := range columns {
			out.WriteString("<td>" + html.EscapeString(cells(c)) + "</td>")
		}
	}
	return `<table class="rows">` + out.String() + `</tr></table>`
}

// cells returns a function for each row, which gives the text of a column.
func (p filled) cells() []func(column string) string {
	var rows []func(string) string
	row := func(labels map[string]string, own, text string) {
		rows = append(rows, func(column string) string {
			if column == own {
				return text
			}
			return labels[column]
		})
	}
	for _, e := range p.entries() {
		row(e.labels, "Time", e.Time.Format(time.DateTime))
	}
	for _, l := range p.lines {
		if v, ok := lastOf(l.Samples); ok {
			row(l.Labels, "Value", format(v, p.FieldConfig.Defaults.Unit, p.decimals()))
		}
	}
	return rows
}
