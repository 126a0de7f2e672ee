package drift

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestHistogramMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, split := parts(t, rapid.Float64Range(-1, 1))
		var want, got Histogram
		for _, v := range all {
			want.Add(v)
		}
		for _, i := range rapid.Permutation(indices(len(split))).Draw(t, "order") {
			var part Histogram
			for _, v := range split[i] {
				part.Add(v)
			}
			got.Merge(&part)
		}
		assert.Equal(t, want, got)
	})
}

func TestHistogramQuantileWithinBinWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 300).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h Histogram
		for _, v := range values {
			h.Add(v)
		}
		slices.Sort(values)
		// The quantile by its definition: the smallest value that at least q of all values do not exceed.
		want := values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
		assert.InDelta(t, want, h.Quantile(q), binWidth+1e-12)
	})
}

func TestHistogramQuantileRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		for _, v := range rapid.SliceOfN(rapid.Float64Range(-1, 1), 1, 100).Draw(t, "values") {
			h.Add(v)
		}
		last := h.min
		for q := 0.0; q <= 1; q += 1.0 / 64 {
			v := h.Quantile(q)
			assert.GreaterOrEqual(t, v, last)
			assert.LessOrEqual(t, v, h.max)
			last = v
		}
	})
}

func TestHistogramTakesAnything(t *testing.T) {
	var h Histogram
	for _, v := range []float64{math.Inf(-1), -2, -1, 1, 2, math.Inf(1), math.NaN()} {
		h.Add(v)
	}
	assert.EqualValues(t, 7, h.N())
	assert.EqualValues(t, 4, h.counts[0])
	assert.EqualValues(t, 3, h.counts[Bins-1])
}

func TestHistogramOfNothing(t *testing.T) {
	var h Histogram
	assert.Zero(t, h.N())
	assert.True(t, math.IsNaN(h.Quantile(0.5)))
	h.Add(0.25)
	assert.Equal(t, 0.25, h.Quantile(0))
	assert.Equal(t, 0.25, h.Quantile(1))
}
