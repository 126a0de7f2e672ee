// Package plot draws stacked panels that share a horizontal axis into a PNG: statistics over time with their
// thresholds, evidence on a logarithmic axis, histograms and distributions of run lengths.
package plot

import (
	"errors"
	"fmt"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Figure is one picture.
type Figure struct {
	Title  string
	X      Axis
	Panels []Panel // from top to bottom
	// Events are marked in every panel.
	Events []Event
	// Width and Height are in pixels; 0 is 1600, and 400 for each panel.
	Width, Height int
}

// Panel is one chart of a figure.
type Panel struct {
	Title      string
	Y          Axis
	Series     []Series
	Thresholds []Threshold
}

// Axis is a horizontal or vertical axis. It spans the data where From is not less than To.
type Axis struct {
	Label    string
	Unit     string // shown in brackets after the label
	Scale    Scale
	From, To float64
}

// Scale is how numbers turn into positions on an axis and into labels.
type Scale int

const (
	Linear Scale = iota
	Log          // leaves out what is not positive
	Time         // seconds since 1970, shown in UTC
)

// Threshold is a horizontal line across a panel.
type Threshold struct {
	Name  string
	Value float64
}

// Event is a vertical line.
type Event struct {
	Name string
	X    float64
}

// WritePNG draws the figure.
func (f *Figure) WritePNG(w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	width, height := f.Width, f.Height
	if width == 0 {
		width = 1600
	}
	if height == 0 {
		height = 400 * len(f.Panels)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(pixels(width), pixels(height)), vgimg.UseDPI(dpi))
	f.draw(draw.New(canvas))
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
	return err
}

func (f *Figure) check() error {
	if len(f.Panels) == 0 {
		return errors.New("a figure needs a panel")
	}
	if err := f.X.check(); err != nil {
		return fmt.Errorf("horizontal axis: %w", err)
	}
	for i, p := range f.Panels {
		if err := p.Y.check(); err != nil {
			return fmt.Errorf("panel %d, vertical axis: %w", i, err)
		}
		for _, s := range p.Series {
			if len(s.X) != len(s.Y) {
				return fmt.Errorf("panel %d, series %q: %d values of x and %d of y", i, s.Name, len(s.X), len(s.Y))
			}
		}
	}
	return nil
}

func (a Axis) check() error {
	if a.From < a.To && a.Scale == Log && a.From <= 0 {
		return fmt.Errorf("a logarithmic scale cannot start at %g", a.From)
	}
	return nil
}

// dpi makes a picture of the usual width legible both on a page and on a screen.
const dpi = 160

func pixels(n int) vg.Length {
	return vg.Length(n) * vg.Inch / dpi
}
