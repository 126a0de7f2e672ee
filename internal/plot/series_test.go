package plot

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/plotter"
)

func TestHistogram(t *testing.T) {
	random, values := rand.New(rand.NewPCG(1, 1)), []float64{math.NaN(), math.Inf(1)}
	for range 10_000 {
		values = append(values, random.Float64())
	}
	s := Histogram("uniform", values, 10)
	require.Len(t, s.X, 11)
	area := 0.0
	for i := range 10 {
		assert.InDelta(t, 1, s.Y[i], 0.15)
		area += s.Y[i] * (s.X[i+1] - s.X[i])
	}
	assert.InDelta(t, 1, area, 1e-9)
	assert.Zero(t, s.Y[10])

	constant := Histogram("constant", []float64{2, 2}, 3)
	assert.Equal(t, []float64{0, 3, 0, 0}, constant.Y)
	assert.Empty(t, Histogram("none", nil, 3).X)
}

func TestECDF(t *testing.T) {
	s := ECDF("runs", []float64{30, math.Inf(1), 10, math.NaN(), 20})
	assert.Equal(t, []float64{10, 10, 20, 30}, s.X)
	assert.Equal(t, []float64{0, 0.25, 0.5, 0.75}, s.Y)
	assert.Empty(t, ECDF("none", nil).X)
}

func TestRuns(t *testing.T) {
	nan := math.NaN()
	s := Series{X: []float64{1, 2, 3, 4, 5}, Y: []float64{1, 2, nan, 0, 5}}
	assert.Equal(t, []plotter.XYs{{{X: 1, Y: 1}, {X: 2, Y: 2}}, {{X: 4, Y: 0}, {X: 5, Y: 5}}}, s.runs(Axis{}, Axis{}))
	assert.Equal(t, []plotter.XYs{{{X: 1, Y: 1}, {X: 2, Y: 2}}, {{X: 5, Y: 5}}}, s.runs(Axis{}, Axis{Scale: Log}))
	s.Kind = Steps
	assert.Equal(t, plotter.XYs{{X: 1, Y: 1}, {X: 2, Y: 1}, {X: 2, Y: 2}}, s.runs(Axis{}, Axis{})[0])
}
