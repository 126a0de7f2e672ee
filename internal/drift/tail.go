package drift

import (
	"math"
	"slices"
)

const (
	// tailShare is the share of the largest values that are a tail.
	tailShare = 0.1
	// shapePrior is how many exponentially distributed values count as seen besides, where the shape of a tail is estimated: weighted
	// sums of squares have such a tail, and a shape of 20 values alone would be a guess.
	shapePrior = 20
	// minShape stands for the shape 0.
	minShape = 1e-6
)

// tail is how the largest values are distributed: their excess over the smallest of them has a generalised Pareto distribution, as
// the largest values of almost every distribution have (Pickands 1975, "Statistical inference using extreme order statistics").
type tail struct {
	share float64 // of values that are in it
	from  float64 // the smallest of them
	scale float64
	shape float64 // 0 is exponential, positive heavier, negative bounded
}

// tailSize returns how many of a number of values are their tail.
func tailSize(size int) int { return max(1, int(tailShare*float64(size))) }

// newTail estimates the tail of values, which are in the order of time.
func newTail[T float32 | float64](values []T) tail {
	sorted := slices.Sorted(slices.Values(values))
	size, k := len(sorted), tailSize(len(sorted))
	largest := sorted[size-k:]
	t := tail{share: float64(1+k) / float64(1+size), from: float64(largest[0])}
	mean, square := 0.0, 0.0
	for _, v := range largest {
		excess := float64(v) - t.from
		mean += excess / float64(k)
		square += excess * excess / float64(k)
	}
	mean = max(mean, minLevel)
	// Of those that follow each other, one counts: neighbours in a stream resemble each other, so that an excursion of twenty windows
	// tells no more of how far the next will go than one of a single window (Smith and Weissman 1994, "Estimating the extremal index").
	independent, above := 0.0, false
	for _, v := range values {
		if !above && v >= largest[0] {
			independent++
		}
		above = v >= largest[0]
	}
	// By the method of moments (Hosking and Wallis 1987, "Parameter and quantile estimation for the generalized Pareto distribution").
	if variance := square - mean*mean; variance > 0 {
		t.shape = (1 - mean*mean/variance) / 2 * independent / (independent + shapePrior)
	}
	if t.shape < 0 {
		// Tails that are lighter than exponential, as that of the normal distribution, are less so further out. Half is on the safe
		// side there.
		t.shape /= 2
	}
	t.scale = mean * (1 - t.shape)
	// The scale is an estimate, for which the predictive distribution accounts: of an exponential one, it has the shape 1/n.
	t.shape += 1 / independent
	if math.Abs(t.shape) < minShape {
		t.shape = minShape
	}
	return t
}

// p returns the probability of a value at least as large as v, which is in the tail.
func (t *tail) p(v float64) float64 {
	return t.share * math.Exp(-math.Log1p(max(-1, t.shape*(v-t.from)/t.scale))/t.shape)
}

// quantile returns the value that is passed with the probability p, less than share.
func (t *tail) quantile(p float64) float64 {
	return t.from + t.scale/t.shape*math.Expm1(t.shape*math.Log(t.share/p))
}
