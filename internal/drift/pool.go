package drift

import "math"

// Pool weighs what several monitors, each with a reference of its own, found in the same window. What they looked at cannot be added
// up, but their e-values can be averaged: the average is an e-value again, however they depend on each other (Vovk and Wang 2021,
// "E-values: calibration, combination and applications").
type Pool struct {
	// Evidence is that of each statistic, as in a Detector.
	Evidence [statistics][2]float64
}

// Opinion is what one monitor found.
type Opinion struct {
	// Vectors is the number of vectors that it rests on.
	Vectors float64
	// P are the p-values of the window, in the order of Statistics; 0 for a statistic that it does not have.
	P [statistics]float64
}

// Add takes in a window by the opinions on it and returns the weights of the evidence that they have together, in the order of
// Statistics. runLength is that of Monitor.Add.
func (p *Pool) Add(opinions []Opinion, runLength float64) [statistics]Weight {
	t := NewThreshold(runLength, statistics)
	var weights [statistics]Weight
	for i := range weights {
		total, e := 0.0, [2]float64{}
		for _, o := range opinions {
			if o.P[i] > 0 {
				total += o.Vectors
				for k, value := range eValues(max(o.P[i], minP)) {
					e[k] += o.Vectors * value
				}
			}
		}
		weights[i].P = 1
		if total > 0 {
			// The p-value that has such an e-value, so that one that a monitor would not need to see twice is not needed twice here.
			weights[i].P = 0
			for k, kappa := range kappas() {
				e[k] /= total
				weights[i].P = max(weights[i].P, min(1, math.Pow(e[k]/kappa, 1/(kappa-1))))
			}
			p.Evidence[i] = t.after(p.Evidence[i], weights[i].P, e)
		}
		weights[i].Evidence = t.share(p.Evidence[i])
	}
	return weights
}
