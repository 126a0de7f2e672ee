package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// look is how one series of a graph is drawn, after the panel's overrides.
type look struct {
	unit   string
	right  bool
	dashed bool
	fill   float64
	to     string // name of the series that the fill ends at
	width  float64
	least  *float64
	hidden bool // from the legend
}

func (p filled) look(l line) (look, error) {
	d := p.FieldConfig.Defaults
	how := look{unit: d.Unit, fill: d.Custom.FillOpacity, width: 1.3}
	for _, o := range p.FieldConfig.Overrides {
		if !(o.Matcher.ID == "byFrameRefID" && o.Matcher.Options == l.ref) && !(o.Matcher.ID == "byName" && o.Matcher.Options == l.name) {
			continue
		}
		for _, property := range o.Properties {
			var into any
			switch property.ID {
			case "unit":
				into = &how.unit
			case "min":
				into = &how.least
			case "custom.hideFrom":
				var from struct{ Legend bool }
				if err := json.Unmarshal(property.Value, &from); err != nil {
					return look{}, fmt.Errorf("%s, override %s: %w", p.Title, property.ID, err)
				}
				how.hidden = from.Legend
				continue
			case "custom.fillBelowTo":
				into = &how.to
			case "custom.fillOpacity":
				into = &how.fill
			case "custom.lineWidth":
				into = &how.width
			case "custom.axisPlacement":
				how.right = string(property.Value) == `"right"`
				continue
			case "custom.lineStyle":
				how.dashed = strings.Contains(string(property.Value), `"dash"`)
				continue
			default:
				continue
			}
			if err := json.Unmarshal(property.Value, into); err != nil {
				return look{}, fmt.Errorf("%s, override %s: %w", p.Title, property.ID, err)
			}
		}
	}
	return how, nil
}

// graph draws lines over time, with the legend as a table below.
func (p filled) graph(w, h int) (string, error) {
	table := min(22*(len(p.lines)+1), h*35/100)
	looks := make([]look, len(p.lines))
	rightAxis := false
	for i, l := range p.lines {
		var err error
		if looks[i], err = p.look(l); err != nil {
			return "", err
		}
		rightAxis = rightAxis || looks[i].right
	}
	margin := right
	if rightAxis {
		margin = left
	}
	g := newPlot(p, w, h-table, margin)
	drawn := p.stacked()
	axes := [2]axis{p.axis(drawn, looks, false), p.axis(drawn, looks, true)}
	g.times()
	g.values(axes[0], false)
	if rightAxis {
		g.values(axes[1], true)
	}
	for i := len(drawn) - 1; i >= 0; i-- {
		a := axes[0]
		if looks[i].right {
			a = axes[1]
		}
		g.curve(drawn[i], p.base(i, drawn, looks), a, looks[i], palette[i%len(palette)], p.FieldConfig.Defaults.Custom.DrawStyle == "bars")
	}
	p.thresholds(g, axes[0])
	for _, t := range p.marks {
		fmt.Fprintf(&g.svg, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="mark"/>`, g.x(t), g.x(t), above, above+g.h)
	}
	return g.done() + p.legend(looks, table), nil
}

// stacked returns the samples as they are drawn: each on top of those before, where the panel says so.
func (p filled) stacked() [][]dashboards.Sample {
	on := p.stacks()
	sums := map[time.Time]float64{}
	all := make([][]dashboards.Sample, len(p.lines))
	for i, l := range p.lines {
		for _, s := range l.Samples {
			if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
				continue
			}
			if on {
				sums[s.Time] += s.Value
				s.Value = sums[s.Time]
			}
			all[i] = append(all[i], s)
		}
	}
	return all
}

func (p filled) stacks() bool {
	stacking := p.FieldConfig.Defaults.Custom.Stacking
	return stacking != nil && stacking.Mode == "normal"
}

// base returns what the area of a series begins at, by time: the series below it or the one that it is filled to.
func (p filled) base(i int, drawn [][]dashboards.Sample, looks []look) map[time.Time]float64 {
	base := map[time.Time]float64{}
	for j, l := range p.lines {
		if p.stacks() && j < i || looks[i].to != "" && l.name == looks[i].to {
			for _, s := range drawn[j] {
				base[s.Time] = s.Value
			}
		}
	}
	return base
}

func (p filled) axis(drawn [][]dashboards.Sample, looks []look, right bool) axis {
	d := p.FieldConfig.Defaults
	a := axis{least: math.Inf(1), most: math.Inf(-1), unit: d.Unit, decimals: -1}
	a.log = d.Custom.ScaleDistribution != nil && d.Custom.ScaleDistribution.Type == "log"
	for i, samples := range drawn {
		if looks[i].right != right {
			continue
		}
		least, most := extent(samples)
		a.least, a.most, a.unit = min(a.least, least), max(a.most, most), looks[i].unit
		if looks[i].least != nil {
			a.least = *looks[i].least
		}
	}
	if soft := d.Custom.AxisSoftMin; soft != nil {
		a.least = min(a.least, *soft)
	}
	if soft := d.Custom.AxisSoftMax; soft != nil {
		a.most = max(a.most, *soft)
	}
	if d.Min != nil {
		a.least = *d.Min
	}
	if d.Max != nil {
		a.most = *d.Max
	}
	switch {
	case math.IsInf(a.most, -1):
		a.least, a.most = 0, 1
	case a.log:
		a.least = math.Pow(10, math.Floor(math.Log10(max(a.least, 1e-30))))
		a.most = math.Pow(10, math.Ceil(math.Log10(max(a.most, a.least*10))))
	case a.most <= a.least:
		a.most = a.least + max(math.Abs(a.least)/10, 1e-9)
		if a.least == 0 {
			a.most = 1
		}
	case d.Max == nil:
		a.most += (a.most - a.least) * 0.05
	}
	return a
}

func (g *plot) curve(samples []dashboards.Sample, base map[time.Time]float64, a axis, how look, colour string, bars bool) {
	step := g.to.Sub(g.from) / points
	floor := func(s dashboards.Sample) float64 {
		if from, ok := base[s.Time]; ok {
			return g.y(a.at(from))
		}
		return g.y(0)
	}
	var run []dashboards.Sample
	draw := func() {
		if len(run) == 0 {
			return
		}
		var path strings.Builder
		for i, s := range run {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], g.x(s.Time), g.y(a.at(s.Value)))
		}
		if len(run) == 1 {
			path.WriteString("h2") // a sample alone is a dot
		}
		dash := ""
		if how.dashed {
			dash = ` stroke-dasharray="6 4"`
		}
		if how.fill > 0 {
			fmt.Fprintf(&g.svg, `<path d="%s`, path.String())
			for _, s := range slices.Backward(run) {
				fmt.Fprintf(&g.svg, "L%.1f %.1f", g.x(s.Time), floor(s))
			}
			fmt.Fprintf(&g.svg, `Z" fill="%s" fill-opacity="%.2f"/>`, colour, how.fill/100)
		}
		fmt.Fprintf(&g.svg, `<path d="%s" fill="none" stroke="%s" stroke-width="%.1f"%s/>`, path.String(), colour, how.width, dash)
	}
	for _, s := range samples {
		if bars {
			y := g.y(a.at(s.Value))
			fmt.Fprintf(&g.svg, `<rect x="%.1f" y="%.1f" width="2" height="%.1f" fill="%s"/>`, g.x(s.Time)-1, y, floor(s)-y, colour)
			continue
		}
		if len(run) > 0 && s.Time.Sub(run[len(run)-1].Time) > max(3*step/2, 1500*time.Millisecond) {
			draw()
			run = nil
		}
		run = append(run, s)
	}
	draw()
}

// thresholds draws the lines that series are to stay on one side of.
func (p filled) thresholds(g *plot, a axis) {
	d := p.FieldConfig.Defaults
	if d.Custom.ThresholdsStyle == nil || d.Thresholds == nil {
		return
	}
	for _, s := range d.Thresholds.Steps {
		if s.Value != nil && *s.Value <= a.most && *s.Value >= a.least {
			y := g.y(a.at(*s.Value))
			fmt.Fprintf(&g.svg, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="1.5" stroke-dasharray="8 5"/>`,
				left, left+g.w, y, y, colours[s.Color])
		}
	}
}
