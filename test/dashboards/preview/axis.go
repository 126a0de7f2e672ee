package main

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// axis maps values to heights.
type axis struct {
	least, most float64
	log         bool
	unit        string
	decimals    int
}

// at returns the share of the height, from 0 below to 1.
func (a axis) at(value float64) float64 {
	if a.log {
		return (math.Log10(max(value, a.least)) - math.Log10(a.least)) / (math.Log10(a.most) - math.Log10(a.least))
	}
	return (value - a.least) / (a.most - a.least)
}

// ticks returns round values along the axis.
func (a axis) ticks(n int) []float64 {
	var all []float64
	if a.log {
		decades := math.Log10(a.most) - math.Log10(a.least)
		step := math.Pow(10, max(math.Ceil(decades/float64(n)), 1))
		for v := math.Pow(10, math.Ceil(math.Log10(a.least))); v <= a.most; v *= step {
			all = append(all, v)
		}
		return all
	}
	step := roundStep((a.most-a.least)/float64(n), a.unit == "bytes")
	for v := math.Ceil(a.least/step) * step; v <= a.most*(1+1e-9); v += step {
		all = append(all, v)
	}
	return all
}

// roundStep returns the next of 1, 2 and 5 times a power of ten, or the next power of two.
func roundStep(step float64, binary bool) float64 {
	if binary {
		return math.Pow(2, math.Ceil(math.Log2(step)))
	}
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= step {
			return m * power
		}
	}
	return 10 * power
}

func (a axis) text(value float64) string {
	if math.Abs(value) < 1e-12 && !a.log {
		value = 0
	}
	if a.log {
		return fmt.Sprintf("%.0e", value)
	}
	return format(value, a.unit, a.decimals)
}

// repeats says whether neighbouring ticks have the same text.
func (a axis) repeats(ticks []float64) bool {
	for i := 1; i < len(ticks); i++ {
		if a.text(ticks[i]) == a.text(ticks[i-1]) {
			return true
		}
	}
	return false
}

// margins around what graphs draw.
const left, right, above, below = 66, 14, 6, 20

// plot is the part of a panel that has axes.
type plot struct {
	w, h     int // without margins
	right    int
	from, to time.Time
	svg      strings.Builder
}

func newPlot(p filled, w, h, right int) *plot {
	return &plot{w: w - left - right, h: h - above - below, right: right, from: p.from, to: p.to}
}

func (g *plot) x(t time.Time) float64 {
	return left + float64(g.w)*t.Sub(g.from).Seconds()/g.to.Sub(g.from).Seconds()
}

func (g *plot) y(share float64) float64 { return above + float64(g.h)*(1-min(max(share, 0), 1)) }

// times draws the axis of time.
func (g *plot) times() {
	span := g.to.Sub(g.from)
	step := span
	for _, s := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
		5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		if int(span/s)*70 <= g.w {
			step = s
			break
		}
	}
	for t := g.from.Truncate(step).Add(step); t.Before(g.to); t = t.Add(step) {
		fmt.Fprintf(&g.svg, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="grid"/>`, g.x(t), g.x(t), above, above+g.h)
		form := "15:04"
		if step < time.Minute {
			form = "15:04:05"
		}
		g.text(g.x(t), float64(above+g.h+15), "middle", t.Format(form))
	}
}

// values draws an axis of values, at the left with lines across, or at the right.
func (g *plot) values(a axis, atRight bool) {
	ticks := a.ticks(max(g.h/28, 2))
	for ; a.decimals < 8 && !a.log && a.repeats(ticks); a.decimals++ {
	}
	for _, v := range ticks {
		y := g.y(a.at(v))
		if atRight {
			g.text(float64(left+g.w+5), y+4, "start", a.text(v))
			continue
		}
		fmt.Fprintf(&g.svg, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>`, left, left+g.w, y, y)
		g.text(left-6, y+4, "end", a.text(v))
	}
}

func (g *plot) text(x, y float64, anchor, text string) {
	fmt.Fprintf(&g.svg, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(text))
}

func (g *plot) done() string {
	w, h := g.w+left+g.right, g.h+above+below
	return fmt.Sprintf(`<svg width="%d" height="%d" viewBox="0 0 %d %d">%s</svg>`, w, h, w, h, g.svg.String())
}
