package drift

// anchor is what is kept of the first reference after it was renewed: enough to see how far the mean has come since.
type anchor struct {
	mean            []float64
	covarianceTrace float64
}

// Renew makes next what m is followed by, after it has watched the same windows with a later reference until it knew what is usual.
// m is of no further use.
//
// What moves slowly enough is usual for each reference, and would never be seen if that were all: so the distance from the first
// reference is watched on, with what was usual of it then.
func (m *Monitor) Renew(next *Monitor) {
	if next.anchor = m.anchor; m.anchor == nil {
		next.anchor = &anchor{mean: m.reference.Mean, covarianceTrace: m.reference.CovarianceTrace}
		next.detectors[4] = m.detectors[0]
		return
	}
	next.detectors[4] = m.detectors[4]
}

// sample returns the squared distance of the mean of w, which is not empty.
func (a *anchor) sample(w *Window) Sample {
	n, distance := float64(w.n), 0.0
	for i, sum := range w.sum {
		difference := sum/n - a.mean[i]
		distance += difference * difference
	}
	return Sample{distance, a.covarianceTrace / n}
}
