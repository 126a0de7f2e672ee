package drift

import "math"

// Moments holds the mean, spread and range of some values. Its zero value is empty.
//
// Values are kept as deviations from their mean (Welford 1962; merged as in Chan, Golub and LeVeque 1979), because
// sums of squares cancel: norms of normalised vectors differ from 1 by 1e-7, of which a variance taken as
// E[v²]−E[v]² keeps no digit.
type Moments struct {
	// N is the number of values.
	N uint64
	// Mean is their arithmetic mean.
	Mean float64
	// SquaredDeviations is Σ(v−Mean)².
	SquaredDeviations float64
	// Min and Max are the smallest and the largest value.
	Min, Max float64
}

// Add takes over a finite value.
func (m *Moments) Add(v float64) {
	if m.N == 0 {
		*m = Moments{N: 1, Mean: v, Min: v, Max: v}
		return
	}
	m.N++
	delta := v - m.Mean
	m.Mean += delta / float64(m.N)
	m.SquaredDeviations += delta * (v - m.Mean)
	m.Min, m.Max = min(m.Min, v), max(m.Max, v)
}

// Merge takes over the values of o.
func (m *Moments) Merge(o *Moments) {
	switch {
	case o.N == 0:
		return
	case m.N == 0:
		*m = *o
		return
	}
	n, total := float64(o.N), float64(m.N+o.N)
	delta := o.Mean - m.Mean
	m.SquaredDeviations += o.SquaredDeviations + delta*delta*float64(m.N)*n/total
	m.Mean += delta * n / total
	m.N += o.N
	m.Min, m.Max = min(m.Min, o.Min), max(m.Max, o.Max)
}

// StdDev returns the sample standard deviation, 0 for fewer than two values.
func (m *Moments) StdDev() float64 {
	if m.N < 2 {
		return 0
	}
	return math.Sqrt(m.SquaredDeviations / float64(m.N-1))
}
