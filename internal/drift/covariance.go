package drift

import "github.com/otelcol-embedding/otelcol-embedding/internal/vector"

// squaredCovarianceTrace estimates tr Σ² from independent vectors x, at least 4 of equal length, without bias and
// without assuming a distribution: the U-statistic
//
//	E[(xᵢ·xⱼ)²] − 2·E[(xᵢ·xⱼ)(xⱼ·xₗ)] + E[(xᵢ·xⱼ)(xₗ·xₘ)]
//
// over distinct i, j, l, m, which does not depend on the mean (Chen, Zhang and Zhong 2010, "Tests for
// high-dimensional covariance matrices"). The estimator of Bai and Saranadasa (1996) asks for normal data; embeddings
// are clustered by topic. The result is 0 where the estimate is negative, as it can be for vectors that hardly vary.
func squaredCovarianceTrace(x [][]float32) float64 {
	n := float64(len(x))
	if n < 4 {
		return 0
	}
	// All three averages follow from the sums of G = (xᵢ·xⱼ) off its diagonal, because the terms with equal indices
	// are themselves such sums.
	rows := make([]float64, len(x)) // Σⱼ Gᵢⱼ
	squares := 0.0                  // Σᵢⱼ Gᵢⱼ²
	for i := range x {
		for j := range i {
			_, g := vector.Measure(x[i], x[j])
			rows[i] += g
			rows[j] += g
			squares += 2 * g * g
		}
	}
	total, rowSquares := 0.0, 0.0
	for _, r := range rows {
		total += r
		rowSquares += r * r
	}
	pairs := n * (n - 1)
	triples := pairs * (n - 2)
	quadruples := triples * (n - 3)
	return max(0, squares/pairs-
		2*(rowSquares-squares)/triples+
		(total*total-4*rowSquares+2*squares)/quadruples)
}
