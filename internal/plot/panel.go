package plot

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// chart turns a panel into a plot. Title and legend have their place above it, and the label of the vertical axis beside
// it, where those of all panels are in line.
func (f *Figure) chart(p Panel, last bool) *plot.Plot {
	c := plot.New()
	f.X.apply(&c.X, f.xs(), 0)
	p.Y.apply(&c.Y, p.ys(), 0.05)
	for _, axis := range []*plot.Axis{&c.X, &c.Y} {
		axis.Padding = 0
		axis.LineStyle = draw.LineStyle{Color: color.Gray{0x90}, Width: 0.8}
		axis.Tick.LineStyle = axis.LineStyle
		axis.Tick.Length = 3
		axis.Tick.Label.Font = textStyle(labelSize, false).Font
		axis.Tick.Label.Color = ink()
	}
	if last {
		c.X.Label.Text = f.X.title()
		c.X.Label.TextStyle.Font = textStyle(labelSize, false).Font
		c.X.Label.TextStyle.Color = ink()
		c.X.Label.Padding = gap
	} else {
		c.X.Tick.Marker = unlabelled{c.X.Tick.Marker}
	}
	grid := draw.LineStyle{Color: faint(), Width: 0.6}
	c.Add(&plotter.Grid{Vertical: grid, Horizontal: grid})
	for _, e := range f.Events {
		if !f.X.shows(e.X) {
			continue
		}
		c.Add(&plotter.Line{XYs: plotter.XYs{{X: e.X, Y: c.Y.Min}, {X: e.X, Y: c.Y.Max}}, LineStyle: eventLine()})
	}
	for i, s := range p.Series {
		for _, run := range s.runs(f.X, p.Y) {
			c.Add(s.plotter(run, i))
		}
	}
	for i, t := range p.Thresholds {
		if !p.Y.shows(t.Value) {
			continue
		}
		c.Add(&plotter.Line{
			XYs:       plotter.XYs{{X: c.X.Min, Y: t.Value}, {X: c.X.Max, Y: t.Value}},
			LineStyle: thresholdLine(i),
		})
	}
	return c
}

func (s Series) plotter(run plotter.XYs, i int) plot.Plotter {
	c := seriesColour(i)
	switch {
	case s.Kind == Points, len(run) == 1:
		return &plotter.Scatter{XYs: run, GlyphStyle: glyph(c)}
	case s.Kind == Area:
		return &plotter.Line{XYs: run, LineStyle: lineOf(c), FillColor: translucent(c)}
	}
	return &plotter.Line{XYs: run, LineStyle: lineOf(c)}
}

func glyph(c color.Color) draw.GlyphStyle {
	return draw.GlyphStyle{Color: c, Radius: 1.6, Shape: draw.CircleGlyph{}}
}

func translucent(c color.NRGBA) color.NRGBA {
	c.A = 0x48
	return c
}

// unlabelled are ticks whose labels another panel shows.
type unlabelled struct{ plot.Ticker }

func (u unlabelled) Ticks(low, high float64) []plot.Tick {
	ticks := u.Ticker.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = " " // a tick without a label would be a minor one, without a line in the grid
		}
	}
	return ticks
}

// xs are the values that the horizontal axis must show.
func (f *Figure) xs() []float64 {
	var all []float64
	for _, p := range f.Panels {
		for _, s := range p.Series {
			all = append(all, s.X...)
		}
	}
	for _, e := range f.Events {
		all = append(all, e.X)
	}
	return all
}

func (p Panel) ys() []float64 {
	var all []float64
	for _, s := range p.Series {
		all = append(all, s.Y...)
		if s.Kind == Area {
			all = append(all, 0)
		}
	}
	for _, t := range p.Thresholds {
		all = append(all, t.Value)
	}
	return all
}
