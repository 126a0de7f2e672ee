package drift

import "gonum.org/v1/gonum/floats"

// Comparison is how a window differs from a reference.
type Comparison struct {
	// Shift is the distance of the means.
	Shift Shift
	// KolmogorovSmirnov compares the cosines to the centroid, from 0 to 1.
	KolmogorovSmirnov float64
	// Divergence compares them over Cells, in nats.
	Divergence float64
	// VarianceShift is the mean squared log ratio of variances along the principal components, and EffectiveRank that of the
	// window's covariance in them.
	VarianceShift, EffectiveRank float64
	// Captured is the share of the window's variance that lies in the principal components, over what it is in the reference. A
	// change of topics keeps to the directions of its model, by and large; another model does not know them.
	Captured float64
	// HasVariances is false where too few vectors were projected for the three.
	HasVariances bool
}

// minProjected is the number of projected vectors from which their variances are looked at.
const minProjected = 16

// Compare compares a window of at least one vector with the reference.
func (r *Reference) Compare(w *Window) Comparison {
	c := Comparison{
		Shift:             r.Shift(w),
		KolmogorovSmirnov: w.Cosines.KolmogorovSmirnov(&r.Cosines),
		Divergence:        r.Cells.Divergence(&w.Cosines),
	}
	p := w.projections
	if p == nil || p.n < minProjected || len(r.Variances) == 0 {
		return c
	}
	variances := p.variances()
	c.VarianceShift, c.EffectiveRank, c.HasVariances = varianceShift(variances, r.Variances), p.effectiveRank(), true
	if trace, captured := w.covarianceTrace(), floats.Sum(r.Variances); trace > 0 && captured > 0 {
		c.Captured = (floats.Sum(variances) / trace) / (captured / r.CovarianceTrace)
	}
	return c
}

// OtherModel is whether the window's geometry is so different from the reference's that another model is the better explanation
// than other texts: its mean has turned away, and what varies in it is not what varied before. Where there are hardly more
// dimensions than principal components, nothing can be said.
func (c *Comparison) OtherModel() bool {
	const turned, foreign = 0.5, 0.25
	return c.HasVariances && c.Shift.CentroidDistance > turned && c.Captured < foreign
}
