package plot

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is a figure of everything that a simulation shows over time.
func sample() *Figure {
	const n, onset = 600, 400
	random := rand.New(rand.NewPCG(1, 1))
	x, z, evidence, canary := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = float64(i)
		z[i] = random.NormFloat64() + 6*math.Sin(x[i]/40)
		canary[i] = math.NaN()
		if i >= onset {
			z[i] += 12
		}
		if i%7 == 0 && i > 30 {
			canary[i] = 0.9996 - 0.002*max(0, float64(i-onset)/n) + 1e-4*random.NormFloat64()
		}
		previous := 1.0
		if i > 0 {
			previous = max(1, evidence[i-1])
		}
		evidence[i] = previous * math.Exp(0.3*random.NormFloat64()-0.1+0.35*max(0, math.Copysign(1, x[i]-onset)))
	}
	for i := 150; i < 170; i++ {
		z[i], evidence[i] = math.NaN(), math.NaN()
	}
	return &Figure{
		Title: "Replica of eight with a wrong mean in 10% of its vectors",
		X:     Axis{Label: "time", Unit: "windows of 10 s"},
		Panels: []Panel{
			{
				Title:      "Mean shift",
				Y:          Axis{Label: "z"},
				Series:     []Series{{Name: "against the reference", X: x, Y: z}},
				Thresholds: []Threshold{{Name: "i.i.d. threshold", Value: 4}},
			},
			{
				Title:      "Evidence",
				Y:          Axis{Label: "e-value", Scale: Log},
				Series:     []Series{{Name: "mean", X: x, Y: evidence}},
				Thresholds: []Threshold{{Name: "one false alarm a month", Value: 2.6e5}},
			},
			{
				Title:  "Canary",
				Y:      Axis{Label: "cosine"},
				Series: []Series{{Name: "probes", X: x, Y: canary, Kind: Points}},
				Thresholds: []Threshold{
					{Name: "same build", Value: 0.9995}, {Name: "numeric change", Value: 0.999},
				},
			},
		},
		Events: []Event{{Name: "onset of the fault", X: onset}},
	}
}

// distributions is a figure of a histogram and one of run lengths.
func distributions() []*Figure {
	random := rand.New(rand.NewPCG(2, 2))
	healthy, faulty, runs, short := make([]float64, 4000), make([]float64, 1000), make([]float64, 300), make([]float64, 300)
	for i := range healthy {
		healthy[i] = random.NormFloat64()
	}
	for i := range faulty {
		faulty[i] = 3 + 1.3*random.NormFloat64()
	}
	for i := range runs {
		runs[i], short[i] = 2e4*random.ExpFloat64(), 100+900*random.ExpFloat64()
		if runs[i] > 5e4 {
			runs[i] = math.Inf(1) // the simulation ended first
		}
	}
	return []*Figure{
		{
			Title: "Null and alternative",
			X:     Axis{Label: "z"},
			Panels: []Panel{{
				Y:      Axis{Label: "density"},
				Series: []Series{Histogram("no fault", healthy, 40), Histogram("wrong mean, 10%", faulty, 40)},
			}},
		},
		{
			Title: "Run length to an alarm",
			X:     Axis{Label: "run length", Unit: "windows", Scale: Log},
			Panels: []Panel{{
				Y:      Axis{Label: "share of runs", From: 0, To: 1},
				Series: []Series{ECDF("no fault", runs), ECDF("fault", short)},
			}},
		},
		{
			Title: "One day",
			X:     Axis{Label: "time", Unit: "UTC", Scale: Time},
			Panels: []Panel{{
				Y:      Axis{Label: "effective rank"},
				Series: []Series{{X: []float64{1.7e9, 1.70003e9, 1.70006e9, 1.70008e9}, Y: []float64{41.2, 43.1, 40.4, 12}}},
			}},
			Height: 300,
		},
	}
}

func render(t testing.TB, f *Figure) []byte {
	var b bytes.Buffer
	require.NoError(t, f.WritePNG(&b))
	return b.Bytes()
}

// pixelsOf counts the pixels of a colour.
func pixelsOf(img image.Image, want color.Color) int {
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if color.NRGBAModel.Convert(img.At(x, y)) == color.NRGBAModel.Convert(want) {
				n++
			}
		}
	}
	return n
}

func TestFigures(t *testing.T) {
	for _, f := range append(distributions(), sample()) {
		t.Run(f.Title, func(t *testing.T) {
			img, err := png.Decode(bytes.NewReader(render(t, f)))
			require.NoError(t, err)
			height := f.Height
			if height == 0 {
				height = 400 * len(f.Panels)
			}
			assert.Equal(t, image.Rect(0, 0, 1600, height), img.Bounds())
			all := 1600 * height
			assert.Greater(t, pixelsOf(img, color.White), all/2)
			assert.Greater(t, pixelsOf(img, ink()), all/2000, "text")
			assert.Greater(t, pixelsOf(img, faint()), all/2000, "grid")
			for i := range f.Panels[0].Series {
				assert.Greater(t, pixelsOf(img, seriesColour(i)), 500, "series %d", i)
			}
			assert.Equal(t, render(t, f), render(t, f), "equal data give equal pictures")
		})
	}
}

// TestPanelsShareTheHorizontalAxis looks for the line of an event, which must be one straight line through all panels.
func TestPanelsShareTheHorizontalAxis(t *testing.T) {
	img, err := png.Decode(bytes.NewReader(render(t, sample())))
	require.NoError(t, err)
	best := 0
	for x := range img.Bounds().Dx() {
		rows := 0
		for y := range img.Bounds().Dy() {
			if color.NRGBAModel.Convert(img.At(x, y)) == color.NRGBAModel.Convert(eventLine().Color) {
				rows++
			}
		}
		best = max(best, rows)
	}
	assert.Greater(t, best, img.Bounds().Dy()/2)
}

func TestOddFigures(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	one := Series{Name: "one", X: []float64{3}, Y: []float64{5}}
	odd := Series{X: []float64{1, 2, 3, 4, nan, 6}, Y: []float64{0, -1, inf, nan, 2, 1e300}}
	for name, panel := range map[string]Panel{
		"empty":     {},
		"one point": {Series: []Series{one}},
		"odd":       {Series: []Series{odd}, Thresholds: []Threshold{{Value: 0}, {Value: nan}}},
		"odd log":   {Series: []Series{odd}, Y: Axis{Scale: Log}, Thresholds: []Threshold{{Value: 0}, {Value: 1e-300}}},
		"odd steps": {Series: []Series{{X: odd.X, Y: odd.Y, Kind: Steps}, {X: odd.X, Y: odd.Y, Kind: Area}}},
		"narrow":    {Series: []Series{{X: []float64{1, 2}, Y: []float64{1e9, 1e9 + 2e-7}}}},
		"long legend": {Series: []Series{
			{Name: strings.Repeat("long ", 20)}, {Name: strings.Repeat("longer ", 20)}, {Name: strings.Repeat("longest ", 50)},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, scale := range []Scale{Linear, Log, Time} {
				f := &Figure{X: Axis{Scale: scale}, Panels: []Panel{panel}, Events: []Event{{X: 0}, {X: 2}}}
				assert.NotEmpty(t, render(t, f))
			}
		})
	}
}

func TestFigureErrors(t *testing.T) {
	for want, f := range map[string]*Figure{
		"a figure needs a panel":                        {},
		`panel 0, series "z": 1 values of x and 0 of y`: {Panels: []Panel{{Series: []Series{{Name: "z", X: []float64{1}}}}}},
		"horizontal axis: a logarithmic scale cannot start at -1": {
			X: Axis{Scale: Log, From: -1, To: 1}, Panels: []Panel{{}},
		},
		"panel 0, vertical axis: a logarithmic scale cannot start at 0": {
			Panels: []Panel{{Y: Axis{Scale: Log, To: 1}}},
		},
	} {
		require.EqualError(t, f.WritePNG(io.Discard), want)
	}
}
