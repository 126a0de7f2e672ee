package main

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// stat shows the last value of each series side by side.
func (p filled) stat(w, h int) (string, error) {
	mappings, err := p.mappings()
	if err != nil {
		return "", err
	}
	var cells strings.Builder
	lines := p.lines[:min(len(p.lines), max(w/70, 1))]
	for _, l := range lines {
		last, ok := lastOf(l.Samples)
		if !ok {
			continue
		}
		text, colour := p.shown(last, mappings)
		style, graph := "color:"+colours["text"], ""
		if p.Options.ColorMode == "background" {
			style = "background:" + colour + ";color:#111"
		}
		if p.Options.GraphMode == "area" {
			graph = spark(l.Samples, w/len(lines), h/2)
		}
		name := ""
		if len(p.lines) > 1 || p.Options.TextMode == "value_and_name" {
			name = "<small>" + html.EscapeString(l.name) + "</small>"
		}
		fmt.Fprintf(&cells, `<div class="cell" style="%s">%s<b>%s</b>%s</div>`, style, name, html.EscapeString(text), graph)
	}
	return `<div class="stat">` + cells.String() + `</div>`, nil
}

func lastOf(samples []dashboards.Sample) (float64, bool) {
	for i := len(samples) - 1; i >= 0; i-- {
		if !math.IsNaN(samples[i].Value) {
			return samples[i].Value, true
		}
	}
	return 0, false
}

// spark draws the way to the last value.
func spark(samples []dashboards.Sample, w, h int) string {
	least, most := extent(samples)
	if most == least {
		most++
	}
	var points []string
	for i, s := range samples {
		if !math.IsNaN(s.Value) && len(samples) > 1 {
			x, y := float64(i*w)/float64(len(samples)-1), float64(h)*(1-(s.Value-least)/(most-least))
			points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
		}
	}
	return fmt.Sprintf(`<svg class="spark" viewBox="0 0 %d %d" preserveAspectRatio="none"><polyline points="%s" fill="none" stroke="#8e8e99"/></svg>`,
		w, h, strings.Join(points, " "))
}

// extent returns the least and the greatest value that is a number.
func extent(samples []dashboards.Sample) (least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, s := range samples {
		if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
			least, most = min(least, s.Value), max(most, s.Value)
		}
	}
	return least, most
}
