package main

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
)

// order returns the series as the legend lists them.
func (p filled) order() []int {
	order := make([]int, len(p.lines))
	for i := range order {
		order[i] = i
	}
	if l := p.Options.Legend; l != nil && l.SortBy == "Max" && l.SortDesc {
		slices.SortStableFunc(order, func(a, b int) int {
			_, first := extent(p.lines[a].Samples)
			_, second := extent(p.lines[b].Samples)
			return cmp.Compare(second, first)
		})
	}
	return order
}

// legend lists series with their last and greatest values. What does not fit is to be scrolled to in Grafana.
func (p filled) legend(looks []look, h int) string {
	var rows strings.Builder
	fit := max(h/22-1, 1)
	listed := slices.DeleteFunc(p.order(), func(i int) bool { return looks[i].hidden })
	for n, i := range listed {
		l := p.lines[i]
		if n == fit-1 && len(listed) > fit {
			rows.WriteString(`<tr><td>… ` + strconv.Itoa(len(listed)-n) + ` more, to scroll to</td><td></td><td></td></tr>`)
			break
		}
		last, most := "-", "-"
		if v, ok := lastOf(l.Samples); ok {
			_, greatest := extent(l.Samples)
			last, most = format(v, looks[i].unit, p.decimals()), format(greatest, looks[i].unit, p.decimals())
		}
		fmt.Fprintf(&rows, `<tr><td><i style="background:%s"></i>%s</td><td>%s</td><td>%s</td></tr>`, palette[i%len(palette)],
			html.EscapeString(l.name), last, most)
	}
	return fmt.Sprintf(`<div style="height:%dpx;overflow:hidden"><table class="legend">`+
		`<tr><th>Name</th><th>Last *</th><th>Max</th></tr>%s</table></div>`, h, rows.String())
}
