package canary

import (
	"cmp"
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// point is a vector of finite elements with its length, which is not 0.
type point struct {
	x    []float32
	norm float64
}

// newPoint returns false for a vector that has no direction.
func newPoint(x []float32) (point, bool) {
	squared, _ := vector.Measure(x, nil)
	return point{x, math.Sqrt(squared)}, squared > 0 && squared <= math.MaxFloat64
}

// known is whether there is a vector.
func (p point) known() bool { return p.norm > 0 }

// cut returns the first elements of p.
func (p point) cut(dimension int) (point, bool) { return newPoint(p.x[:dimension]) }

// distance is 1 − cosine, from 0 to 2, of points of one dimension. Products of float32 are exact in float64, so that it is good to
// about 1e-14.
func distance(a, b point) float64 {
	_, dot := vector.Measure(a.x, b.x)
	return min(max(0, 1-dot/(a.norm*b.norm)), 2)
}

// median is the middle of the values, or the mean of the two in the middle; 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// largest returns the largest of the values, 0 for none.
func largest(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Max(values)
}

// kendall returns Kendall's τ-a of pairs of numbers of which few are equal, by counting inversions in a merge sort (Knight 1966).
func kendall(x, y []float64) float64 {
	n := len(x)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])) })
	sorted := make([]float64, n)
	for i, at := range order {
		sorted[i] = y[at]
	}
	return 1 - 4*float64(inversions(sorted, make([]float64, n)))/(float64(n)*float64(n-1))
}

// inversions sorts v and returns how many pairs of it were in the wrong order. room is as long as v.
func inversions(v, room []float64) int {
	if len(v) < 2 {
		return 0
	}
	half := len(v) / 2
	a, b := v[:half], v[half:]
	n := inversions(a, room[:half]) + inversions(b, room[half:])
	merged := room[:0]
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			merged, a = append(merged, a[0]), a[1:]
			continue
		}
		n += len(a)
		merged, b = append(merged, b[0]), b[1:]
	}
	merged = append(append(merged, a...), b...)
	copy(v, merged)
	return n
}
