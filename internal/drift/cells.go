package drift

import "math"

// innerCells is the number of cells between the smallest and the largest value of the histogram that Cells were made from.
const innerCells = 16

// Cells divide the range of a Histogram where a reference has its quantiles: cells of equal probability, and one beyond each end
// of what it has seen. A few vectors in a hundred that lie far outside move no mean and no Kolmogorov–Smirnov statistic, but
// fill a cell that is empty otherwise.
type Cells struct {
	bounds []int     // first bins of all cells but the first
	shares []float64 // expected, none of which is 0
}

// NewCells returns the cells of a histogram that is not empty.
func NewCells(h *Histogram) *Cells {
	c := &Cells{}
	below, first := uint64(0), -1
	last := 0
	for i, count := range h.counts {
		if count == 0 {
			continue
		}
		if first < 0 {
			first = i
			c.bounds = append(c.bounds, i)
		} else if float64(below) >= float64(h.n)*float64(len(c.bounds))/innerCells {
			c.bounds = append(c.bounds, i)
		}
		below += count
		last = i
	}
	c.bounds = append(c.bounds, last+1)
	counts := c.count(h)
	for _, count := range counts {
		// As if half a value more had been seen in each: no cell is impossible, and the less likely the more was seen.
		c.shares = append(c.shares, (float64(count)+0.5)/(float64(h.n)+0.5*float64(len(counts))))
	}
	return c
}

func (c *Cells) count(h *Histogram) []uint64 {
	counts := make([]uint64, len(c.bounds)+1)
	cell := 0
	for i, count := range h.counts {
		for cell < len(c.bounds) && i >= c.bounds[cell] {
			cell++
		}
		counts[cell] += count
	}
	return counts
}

// Divergence returns the Kullback–Leibler divergence of h, which is not empty, from what the cells expect, in nats. It is
// G/(2n), G being the likelihood-ratio statistic of n values.
func (c *Cells) Divergence(h *Histogram) float64 {
	divergence := 0.0
	for i, count := range c.count(h) {
		if count > 0 {
			share := float64(count) / float64(h.n)
			divergence += share * math.Log(share/c.shares[i])
		}
	}
	return max(0, divergence)
}

// Sampling returns the mean divergence of n independent values that are distributed as expected.
func (c *Cells) Sampling(n uint64) float64 {
	return float64(len(c.bounds)) / (2 * float64(n)) // of half a χ² with one degree of freedom less than there are cells
}
