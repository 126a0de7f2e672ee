package plot

import (
	"image/color"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	figureTitleSize = vg.Length(13)
	panelTitleSize  = vg.Length(10)
	labelSize       = vg.Length(9)
	margin          = vg.Length(10)
	gap             = vg.Length(5)
)

// seriesColour is of the palette of Okabe and Ito, which readers of every kind of colour vision tell apart. It repeats
// after seven.
func seriesColour(i int) color.NRGBA {
	palette := [...]color.NRGBA{
		{0x00, 0x72, 0xb2, 0xff}, // blue
		{0xd5, 0x5e, 0x00, 0xff}, // vermilion
		{0x00, 0x9e, 0x73, 0xff}, // bluish green
		{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
		{0xe6, 0x9f, 0x00, 0xff}, // orange
		{0x56, 0xb4, 0xe9, 0xff}, // sky blue
		{0x70, 0x60, 0x40, 0xff}, // brown
	}
	return palette[i%len(palette)]
}

func ink() color.Color   { return color.Gray{0x30} }
func faint() color.Color { return color.Gray{0xe0} }

func lineOf(c color.Color) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: 1.2}
}

func thresholdLine(i int) draw.LineStyle {
	dashes := [...][]vg.Length{{5, 3}, {1.5, 2}, {7, 2, 1.5, 2}}
	return draw.LineStyle{Color: ink(), Width: 1.2, Dashes: dashes[i%len(dashes)]}
}

func eventLine() draw.LineStyle {
	return draw.LineStyle{Color: color.Gray{0x80}, Width: 1.2}
}

func textStyle(size vg.Length, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = stdfont.WeightBold
	}
	return text.Style{Color: ink(), Font: f, Handler: plot.DefaultTextHandler}
}
