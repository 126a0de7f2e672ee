package main

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
)

// timeline draws a bar for each series, whose parts are its states.
func (p filled) timeline(w, h int) (string, error) {
	mappings, err := p.mappings()
	if err != nil {
		return "", err
	}
	const labels = 240
	g := newPlot(p, w-labels+2*left-gap, h-44, right)
	g.times()
	row := float64(g.h) / float64(max(len(p.lines), 1))
	for i, l := range p.lines {
		y := above + row*(float64(i)+0.1)
		for j := 0; j < len(l.Samples); {
			k := j
			for k < len(l.Samples) && l.Samples[k].Value == l.Samples[j].Value {
				k++
			}
			from, to := g.x(l.Samples[j].Time), g.x(p.to)
			if k < len(l.Samples) {
				to = g.x(l.Samples[k].Time)
			}
			text, colour := p.shown(l.Samples[j].Value, mappings)
			fmt.Fprintf(&g.svg, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="0.8"/>`,
				from, y, to-from, row*0.8, colour)
			if float64(7*len(text)) < to-from {
				fmt.Fprintf(&g.svg, `<text x="%.1f" y="%.1f" style="fill:#111">%s</text>`, from+4, y+row*0.4+4, html.EscapeString(text))
			}
			j = k
		}
	}
	names := `<div class="names" style="width:` + fmt.Sprint(labels-left) + `px">`
	for _, l := range p.lines {
		names += fmt.Sprintf(`<div style="height:%.1fpx">%s</div>`, row, html.EscapeString(l.name))
	}
	var keys strings.Builder
	order := func(a, b mapped) int { return cmp.Compare(a.Index, b.Index) }
	for _, m := range slices.SortedFunc(maps.Values(mappings), order) {
		fmt.Fprintf(&keys, `<span><i style="background:%s"></i>%s</span>`, colours[m.Color], html.EscapeString(m.Text))
	}
	return `<div class="timeline">` + names + `</div>` + g.done() + `</div><div class="keys">` + keys.String() + `</div>`, nil
}
