package drift

import "math"

// Bins is the number of bins of a Histogram. Cosines of high-dimensional vectors to their centroid lie close together, with a
// standard deviation of 0.02 in plain cases: bins are a tenth of that.
const Bins = 1024

// binWidth is the width of a bin: a Histogram covers [−1, 1].
const binWidth = 2.0 / Bins

// Histogram counts cosines in equal bins over [−1, 1]. Its zero value is empty. Fixed bins, unlike sketches that
// adapt, make merging exact and let any two histograms be compared bin by bin.
type Histogram struct {
	counts   [Bins]uint64
	n        uint64
	min, max float64
}

// Add counts v. Values outside of the range, which rounding can produce, count in the bin at its end.
func (h *Histogram) Add(v float64) {
	h.counts[bin(v)]++
	if h.n == 0 {
		h.min, h.max = v, v
	}
	h.n++
	h.min, h.max = min(h.min, v), max(h.max, v)
}

func bin(v float64) int {
	// Compared before conversion: converting a float beyond the range of int, or NaN, is undefined.
	at := (v + 1) / binWidth
	switch {
	case at >= Bins:
		return Bins - 1
	case at >= 0:
		return int(at)
	}
	return 0
}

// Merge takes over the values of o.
func (h *Histogram) Merge(o *Histogram) {
	if o.n == 0 {
		return
	}
	if h.n == 0 {
		h.min, h.max = o.min, o.max
	}
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
}

// N returns the number of values.
func (h *Histogram) N() uint64 { return h.n }

// Quantile returns the q-quantile, q in [0, 1], interpolated linearly within its bin and kept within the smallest
// and largest value seen: its error is at most the width of a bin, 1/512. It returns NaN for an empty histogram.
func (h *Histogram) Quantile(q float64) float64 {
	if h.n == 0 {
		return math.NaN()
	}
	rank, below := q*float64(h.n), 0.0
	for i, c := range h.counts {
		count := float64(c)
		if c > 0 && below+count >= rank {
			v := -1 + binWidth*(float64(i)+(rank-below)/count)
			return min(max(v, h.min), h.max)
		}
		below += count
	}
	return h.max
}

// KolmogorovSmirnov returns the largest difference between the shares of values up to a bound in h and in o, neither of which is
// empty, over the bounds of bins: the Kolmogorov–Smirnov statistic, short of what happens within a bin.
func (h *Histogram) KolmogorovSmirnov(o *Histogram) float64 {
	most, difference := 0.0, 0.0
	for i := range h.counts {
		difference += float64(h.counts[i])/float64(h.n) - float64(o.counts[i])/float64(o.n)
		most = max(most, math.Abs(difference))
	}
	return most
}
