package plot

import (
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
)

// Series is a number of points, in order of X where they are connected. A point that is not a number, or not positive
// on a logarithmic axis, leaves a gap.
type Series struct {
	Name string
	X, Y []float64
	Kind Kind
}

// Kind is how a series is drawn.
type Kind int

const (
	Line   Kind = iota
	Points      // not connected
	Steps       // a value holds until the next point
	Area        // steps, filled down to 0
)

// Histogram counts values in bins of equal width, and scales the counts to a density, so that series of different
// length can be compared. Values that are not finite are left out.
func Histogram(name string, values []float64, bins int) Series {
	s := Series{Name: name, Kind: Area}
	sorted := sortFinite(values)
	if len(sorted) == 0 {
		return s
	}
	low, high := sorted[0], sorted[len(sorted)-1]
	if low == high {
		low, high = low-0.5, high+0.5
	}
	width := (high - low) / float64(bins)
	s.X, s.Y = make([]float64, bins+1), make([]float64, bins+1) // the last point ends the last bin
	for i := range s.X {
		s.X[i] = low + float64(i)*width
	}
	for _, v := range sorted {
		s.Y[min(int((v-low)/width), bins-1)] += 1 / (width * float64(len(sorted)))
	}
	return s
}

// ECDF is the share of values up to x. Infinite values, such as the length of a run that did not end, count: they keep
// the share below 1. NaN is left out.
func ECDF(name string, values []float64) Series {
	s := Series{Name: name, Kind: Steps}
	finite, n := sortFinite(values), 0
	for _, v := range values {
		if !math.IsNaN(v) {
			n++
		}
	}
	for i, v := range finite {
		if i == 0 {
			s.X, s.Y = append(s.X, v), append(s.Y, 0)
		}
		s.X, s.Y = append(s.X, v), append(s.Y, float64(i+1)/float64(n))
	}
	return s
}

func sortFinite(values []float64) []float64 {
	finite := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	slices.Sort(finite)
	return finite
}

// runs divides a series at its gaps, and turns steps into the corners that they have.
func (s Series) runs(x, y Axis) []plotter.XYs {
	var runs []plotter.XYs
	open := false
	for i := range s.X {
		p := plotter.XY{X: s.X[i], Y: s.Y[i]}
		if !x.shows(p.X) || !y.shows(p.Y) {
			open = false
			continue
		}
		if !open {
			runs = append(runs, nil)
			open = true
		}
		run := &runs[len(runs)-1]
		if n := len(*run); n > 0 && (s.Kind == Steps || s.Kind == Area) {
			*run = append(*run, plotter.XY{X: p.X, Y: (*run)[n-1].Y})
		}
		*run = append(*run, p)
	}
	return runs
}

// shows tells whether the axis has a place for a value.
func (a Axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (a.Scale != Log || v > 0)
}
