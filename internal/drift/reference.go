package drift

// Reference is what windows are compared with: a learned description of how vectors are when all is well.
type Reference struct {
	// N is the number of vectors it was learned from.
	N int
	// Mean is their mean.
	Mean []float64
	// Centroid is the unit vector that cosines are taken to.
	Centroid []float32
	// CovarianceTrace is the estimate of tr Σ, Σ being the vectors' covariance.
	CovarianceTrace float64
	// SquaredCovarianceTrace is the estimate of tr Σ². It is 0 where the vectors do not vary.
	SquaredCovarianceTrace float64
	// Norm describes the vectors' Euclidean norms.
	Norm Moments
	// Cosine and Cosines describe cosines to Centroid of vectors that had no part in it.
	Cosine  Moments
	Cosines Histogram
	// Cells divide the range of Cosines.
	Cells *Cells
	// Basis holds the principal components.
	Basis *Basis
	// Variances are those of vectors that had no part in the Basis, by component; they are 0 where nothing varies.
	Variances []float64
}
