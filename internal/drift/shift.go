package drift

import "math"

// Shift is how far the mean of a window lies from the mean of a reference.
type Shift struct {
	// SquaredDistance is ‖x̄−ȳ‖² of the two means.
	SquaredDistance float64
	// CentroidDistance is 1−cos between the two means, in [0, 2]; 1 if one of them is zero.
	CentroidDistance float64
	// Z is the mean-shift statistic
	//
	//	(‖x̄−ȳ‖² − tr Σ·(1/n+1/m)) / (√(2·tr Σ²)·(1/n+1/m))
	//
	// of Bai and Saranadasa (1996, "Effect of high dimension"), with n vectors of mean x̄ in the window, m of mean ȳ in
	// the reference, and Σ the reference's covariance. For windows of independent vectors like the reference's it has
	// mean 0 and standard deviation 1. HasZ is false where the window holds fewer than two vectors or the reference
	// does not vary.
	Z    float64
	HasZ bool
}

// Shift compares a window of at least one vector with the reference.
func (r *Reference) Shift(w *Window) Shift {
	n, m := float64(w.n), float64(r.N)
	var distance, dot, windowSquared, referenceSquared float64
	for i, sum := range w.sum {
		x, y := sum/n, r.Mean[i]
		distance += (x - y) * (x - y)
		dot += x * y
		windowSquared += x * x
		referenceSquared += y * y
	}
	s := Shift{SquaredDistance: distance, CentroidDistance: 1}
	if windowSquared > 0 && referenceSquared > 0 {
		cosine := dot / (math.Sqrt(windowSquared) * math.Sqrt(referenceSquared))
		s.CentroidDistance = 1 - min(max(cosine, -1), 1)
	}
	if w.n < 2 || r.SquaredCovarianceTrace == 0 {
		return s
	}
	sampling := 1/n + 1/m
	s.Z = (distance - r.CovarianceTrace*sampling) / (math.Sqrt(2*r.SquaredCovarianceTrace) * sampling)
	s.HasZ = true
	return s
}
