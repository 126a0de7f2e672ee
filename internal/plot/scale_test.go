package plot

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
	"pgregory.net/rapid"
)

func texts(ticks []plot.Tick) []string {
	var s []string
	for _, t := range ticks {
		s = append(s, t.Label)
	}
	return s
}

func TestTicks(t *testing.T) {
	const day = 86400
	tests := []struct {
		ticker    plot.TickerFunc
		low, high float64
		want      []string
	}{
		{linearTicks, -1, 1, []string{"−1.0", "−0.5", "0.0", "0.5", "1.0"}},
		{linearTicks, 3, 590, []string{"100", "200", "300", "400", "500"}},
		{linearTicks, 0.9988, 0.9996, []string{"0.9988", "0.9990", "0.9992", "0.9994", "0.9996"}},
		{linearTicks, 0, 4e9, []string{"0", "5e8", "1e9", "1.5e9", "2e9"}},
		{logTicks, 0.5, 30, []string{"0.5", "1", "2", "5", "10", "20"}},
		{logTicks, 0.01, 5e4, []string{"0.01", "0.1", "1", "10", "100", "1000", "10000"}},
		{logTicks, 1e-9, 1e19, []string{"1e−8", "1e−4", "1", "1e4", "1e8", "1e12", "1e16"}},
		{timeTicks, 1, 40, []string{"00:00:05", "00:00:10", "00:00:15"}},
		{timeTicks, 3600, 4 * 3600, []string{"01:00", "01:30", "02:00", "02:30", "03:00", "03:30", "04:00"}},
		{timeTicks, day / 2, 3 * day / 2, []string{"12:00", "15:00", "18:00", "21:00", "Jan 2", "03:00", "06:00", "09:00", "12:00"}},
		{timeTicks, 0, 3 * day, []string{"Jan 1", "12:00", "Jan 2", "12:00", "Jan 3", "12:00", "Jan 4"}},
		{timeTicks, 0, 20 * day, []string{"1970-01-01", "1970-01-06", "1970-01-11", "1970-01-16", "1970-01-21"}},
	}
	for _, tt := range tests {
		got := texts(tt.ticker(tt.low, tt.high))
		assert.Equal(t, tt.want, got[:min(len(got), len(tt.want))], "from %g to %g", tt.low, tt.high)
	}
}

func TestTicksAreFewAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		high := low + math.Pow(10, rapid.Float64Range(-3, 6).Draw(t, "size"))
		check := func(ticks []plot.Tick, low, high float64, atLeast int) {
			require.GreaterOrEqual(t, len(ticks), atLeast)
			require.LessOrEqual(t, len(ticks), labels+2)
			for i, tick := range ticks {
				require.GreaterOrEqual(t, tick.Value, low-(high-low)*1e-6)
				require.LessOrEqual(t, tick.Value, high+(high-low)*1e-6)
				if i > 0 {
					require.Greater(t, tick.Value, ticks[i-1].Value)
					require.NotEqual(t, tick.Label, ticks[i-1].Label)
				}
			}
		}
		check(linearTicks(low, high), low, high, 3)
		logLow := math.Pow(10, rapid.Float64Range(-300, 290).Draw(t, "from"))
		logHigh := logLow * math.Pow(10, rapid.Float64Range(1, 10).Draw(t, "decades"))
		check(logTicks(logLow, logHigh), logLow, logHigh, 1)
	})
}

func TestExtent(t *testing.T) {
	low, high := Axis{}.extent([]float64{0, 10, math.NaN()}, 0.05)
	assert.Equal(t, []float64{0, 10.5}, []float64{low, high}, "not below zero")
	low, high = Axis{}.extent([]float64{-10, 10}, 0.05)
	assert.Equal(t, []float64{-11, 11}, []float64{low, high})
	low, high = Axis{From: 0, To: 1}.extent([]float64{-10, 10}, 0.05)
	assert.Equal(t, []float64{0, 1}, []float64{low, high})
	low, high = Axis{Scale: Log}.extent([]float64{-1, 0, 1, 100}, 0.5)
	assert.InDeltaSlice(t, []float64{0.1, 1000}, []float64{low, high}, 1e-9)
}
