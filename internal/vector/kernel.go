package vector

import "gonum.org/v1/gonum/blas/gonum"

// Measure returns ‖x‖² and the inner product x·r, both accumulated in float64, so that no finite float32 input
// overflows. r has the length of x, or is empty, which makes dot 0. A NaN or infinity anywhere in x makes
// normSquared NaN or +Inf: whoever tests normSquared for finiteness has tested every element.
//
// The order of summation is not fixed, so results of equal inputs may differ in the last bits.
func Measure(x, r []float32) (normSquared, dot float64) {
	// Two assembly passes over a vector that sits in the L1 cache beat one fused pass of compiled Go; see
	// BenchmarkMeasure.
	var blas gonum.Implementation
	normSquared = blas.Dsdot(len(x), x, 1, x, 1)
	if len(r) > 0 {
		dot = blas.Dsdot(len(x), x, 1, r, 1)
	}
	return normSquared, dot
}

// Dot returns the inner product x·r of vectors of the same length, accumulated in float32, which takes a quarter of the time that
// Measure does: for unit vectors its error is about 1e-6.
func Dot(x, r []float32) float64 {
	var blas gonum.Implementation
	return float64(blas.Sdot(len(x), x, 1, r, 1))
}

// AddTo adds x to sum, element by element: sum[i] += x[i]. It panics if sum is shorter than x. Results are the same on all platforms.
func AddTo(sum []float64, x []float32) {
	sum = sum[:len(x)] // spares the loop its bounds checks
	done := addRounds(sum, x)
	for i, v := range x[done:] {
		sum[done+i] += float64(v)
	}
}
