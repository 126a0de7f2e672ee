package drift

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// parts draws values and a way to split them into consecutive parts, some of which may be empty.
func parts(t *rapid.T, element *rapid.Generator[float64]) (all []float64, split [][]float64) {
	all = rapid.SliceOfN(element, 1, 200).Draw(t, "values")
	rest := all
	for range rapid.IntRange(0, 5).Draw(t, "cuts") {
		cut := rapid.IntRange(0, len(rest)).Draw(t, "cut")
		split = append(split, rest[:cut])
		rest = rest[cut:]
	}
	return all, append(split, rest)
}

func assertMoments(t assert.TestingT, want, got *Moments) {
	assert.Equal(t, want.N, got.N)
	assert.Equal(t, want.Min, got.Min)
	assert.Equal(t, want.Max, got.Max)
	scale := max(math.Abs(want.Min), math.Abs(want.Max))
	assert.InDelta(t, want.Mean, got.Mean, 1e-9*scale)
	assert.InDelta(t, want.SquaredDeviations, got.SquaredDeviations, 1e-9*(want.SquaredDeviations+scale*scale))
}

func TestMomentsMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, split := parts(t, rapid.Float64Range(-1e6, 1e6))
		var want, got Moments
		for _, v := range all {
			want.Add(v)
		}
		for _, i := range rapid.Permutation(indices(len(split))).Draw(t, "order") {
			var part Moments
			for _, v := range split[i] {
				part.Add(v)
			}
			got.Merge(&part)
		}
		assertMoments(t, &want, &got)
	})
}

func TestMomentsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 2, 100).Draw(t, "values")
		var m Moments
		sum := 0.0
		for _, v := range values {
			m.Add(v)
			sum += v
		}
		mean := sum / float64(len(values))
		squares := 0.0
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		assert.InDelta(t, mean, m.Mean, 1e-9)
		assert.InDelta(t, math.Sqrt(squares/float64(len(values)-1)), m.StdDev(), 1e-6)
	})
}

func TestMomentsKeepSmallSpread(t *testing.T) {
	var m Moments
	for i := range 1000 {
		m.Add(1 + 1e-9*float64(i%2))
	}
	assert.InEpsilon(t, 0.5e-9*math.Sqrt(1000.0/999), m.StdDev(), 1e-6)
}

func TestMomentsOfFewValues(t *testing.T) {
	var m Moments
	assert.Zero(t, m.StdDev())
	m.Add(-3)
	assert.Equal(t, Moments{N: 1, Mean: -3, Min: -3, Max: -3}, m)
	assert.Zero(t, m.StdDev())
}

func indices(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}
