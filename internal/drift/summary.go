package drift

import (
	"gonum.org/v1/gonum/floats"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// CompareReference compares another reference, of the same dimension, with r as if it were a window. Two things are known less well
// than of a window. Its cosines are those to its own centroid, so that they compare how wide the vectors spread, and not where to.
// Its variances along the components of r follow from those along its own components; what is beside them is taken to be spread
// evenly. So Captured is less than 1 where two references of one model have learned different components, but far from what
// directions share by chance.
func (r *Reference) CompareReference(o *Reference) Comparison {
	w := &Window{sum: make([]float64, len(o.Mean)), n: uint64(o.N)}
	floats.ScaleTo(w.sum, float64(o.N), o.Mean)
	c := Comparison{
		Shift:             r.Shift(w),
		KolmogorovSmirnov: o.Cosines.KolmogorovSmirnov(&r.Cosines),
		Divergence:        r.Cells.Divergence(&o.Cosines),
	}
	captured := floats.Sum(r.Variances)
	if len(r.Variances) == 0 || len(o.Variances) == 0 || captured == 0 || o.CovarianceTrace == 0 {
		return c
	}
	variances := o.variancesAlong(r.Basis)
	c.VarianceShift, c.HasVariances = varianceShift(variances, r.Variances), true
	c.Captured = (floats.Sum(variances) / o.CovarianceTrace) / (captured / r.CovarianceTrace)
	return c
}

// variancesAlong estimates the variances of the vectors of r along the components of b.
func (r *Reference) variancesAlong(b *Basis) []float64 {
	rest := max(0, r.CovarianceTrace-floats.Sum(r.Variances)) / max(1, float64(len(r.Mean)-r.Basis.Len()))
	variances := make([]float64, b.Len())
	for i, along := range b.components {
		known := 0.0 // of the length of the component, squared
		for j, v := range r.Variances {
			dot := vector.Dot(along, r.Basis.components[j])
			variances[i] += v * dot * dot
			known += dot * dot
		}
		variances[i] += rest * max(0, 1-known)
	}
	return variances
}
