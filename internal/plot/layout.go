package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const lineHeight = 1.5 * labelSize

// draw lays the figure out: its title, and for each panel a head of title and legend over the chart. The areas that
// show data are of one height and lie exactly one over the other.
func (f *Figure) draw(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	if f.Title != "" {
		c.FillText(textStyle(figureTitleSize, true), vg.Point{X: c.Min.X, Y: c.Max.Y - figureTitleSize}, f.Title)
		c.Max.Y -= 1.8 * figureTitleSize
	}
	outer := c.Min.X
	c.Min.X += lineHeight + gap // for the labels of the vertical axes
	charts := make([]*plot.Plot, len(f.Panels))
	heads := make([]head, len(f.Panels))
	var left, right, used vg.Length
	for i, p := range f.Panels {
		charts[i] = f.chart(p, i == len(f.Panels)-1)
		data := charts[i].DataCanvas(c)
		left, right = max(left, data.Min.X-c.Min.X), max(right, c.Max.X-data.Max.X)
	}
	for i, p := range f.Panels {
		var events []Event
		if i == 0 {
			events = f.Events // which are the same in all panels
		}
		heads[i] = newHead(p.Title, legend(p, events), c.Max.X-c.Min.X-left-right)
		used += heads[i].height + around(charts[i], c)
	}
	height := (c.Max.Y - c.Min.Y - used) / vg.Length(len(f.Panels))
	for i, chart := range charts {
		tile := c
		tile.Min.Y = c.Max.Y - heads[i].height - height - around(chart, c)
		heads[i].draw(tile, c.Min.X+left)
		tile.Max.Y -= heads[i].height
		data := chart.DataCanvas(tile)
		chart.Draw(draw.Crop(tile, left-(data.Min.X-tile.Min.X), tile.Max.X-data.Max.X-right, 0, 0))
		drawVertical(c, f.Panels[i].Y.title(), vg.Point{X: outer, Y: (data.Min.Y + data.Max.Y) / 2})
		c.Max.Y = tile.Min.Y
	}
}

// drawVertical writes from below to above, centred on a point at the left of the text.
func drawVertical(c draw.Canvas, s string, left vg.Point) {
	style := textStyle(labelSize, false)
	style.Rotation = math.Pi / 2
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	c.FillText(style, left, s)
}

// around is the height of a chart that is not for data.
func around(chart *plot.Plot, c draw.Canvas) vg.Length {
	data := chart.DataCanvas(c)
	return c.Max.Y - data.Max.Y + data.Min.Y - c.Min.Y
}

// head is what stands over a chart.
type head struct {
	title  string
	rows   [][]entry
	height vg.Length
}

func newHead(title string, entries []entry, width vg.Length) head {
	h := head{title: title, rows: rows(entries, width)}
	if h.title != "" {
		h.height += 1.7 * panelTitleSize
	}
	h.height += lineHeight*vg.Length(len(h.rows)) + gap
	return h
}

func (h head) draw(c draw.Canvas, x vg.Length) {
	y := c.Max.Y
	if h.title != "" {
		y -= 1.2 * panelTitleSize
		c.FillText(textStyle(panelTitleSize, true), vg.Point{X: x, Y: y}, h.title)
		y -= 0.5 * panelTitleSize
	}
	for _, row := range h.rows {
		y -= lineHeight
		drawRow(c, row, x, y+0.4*labelSize)
	}
}
