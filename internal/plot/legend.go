package plot

import (
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// entry is a name in the legend and what draws the sample before it.
type entry struct {
	name   string
	sample interface{ Thumbnail(c *draw.Canvas) }
}

const (
	sampleWidth = vg.Length(16)
	entryGap    = vg.Length(14)
)

// legend has an entry for everything that has a name.
func legend(p Panel, events []Event) []entry {
	var entries []entry
	for i, s := range p.Series {
		switch {
		case s.Name == "":
		case s.Kind == Points:
			entries = append(entries, entry{s.Name, &plotter.Scatter{GlyphStyle: glyph(seriesColour(i))}})
		case s.Kind == Area:
			line := &plotter.Line{LineStyle: lineOf(seriesColour(i)), FillColor: translucent(seriesColour(i))}
			entries = append(entries, entry{s.Name, line})
		default:
			entries = append(entries, entry{s.Name, &plotter.Line{LineStyle: lineOf(seriesColour(i))}})
		}
	}
	for i, t := range p.Thresholds {
		if t.Name != "" {
			entries = append(entries, entry{t.Name, &plotter.Line{LineStyle: thresholdLine(i)}})
		}
	}
	for _, e := range events {
		if e.Name != "" {
			entries = append(entries, entry{e.Name, &plotter.Line{LineStyle: eventLine()}})
		}
	}
	return entries
}

func (e entry) width() vg.Length {
	return sampleWidth + gap + textStyle(labelSize, false).Width(e.name)
}

// rows divides entries into rows that fit into a width, one entry at least.
func rows(entries []entry, width vg.Length) [][]entry {
	var all [][]entry
	used := vg.Length(0)
	for _, e := range entries {
		if len(all) == 0 || used+e.width() > width {
			all, used = append(all, nil), 0
		}
		last := len(all) - 1
		all[last] = append(all[last], e)
		used += e.width() + entryGap
	}
	return all
}

// drawRow draws entries from left to right, with their text on the base line y.
func drawRow(c draw.Canvas, row []entry, x, y vg.Length) {
	style := textStyle(labelSize, false)
	for _, e := range row {
		sample := c
		sample.Min, sample.Max = vg.Point{X: x, Y: y}, vg.Point{X: x + sampleWidth, Y: y + 0.7*labelSize}
		e.sample.Thumbnail(&sample)
		c.FillText(style, vg.Point{X: x + sampleWidth + gap, Y: y}, e.name)
		x += e.width() + entryGap
	}
}
