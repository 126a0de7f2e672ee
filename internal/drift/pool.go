package drift

import "math"

// Pool weighs what several monitors, each with a reference of its own, found in the same window. What they looked at cannot be added
// up, but their e-values can be averaged: the average is an e-value again, however they depend on each other (Vovk and Wang 2021,
// "E-values: calibration, combination and applications").
type Pool struct {
	// Evidence is log M of each statistic, as in a Detector.
	Evidence [statistics]float64
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
		total, sum := 0.0, 0.0
		for _, o := range opinions {
			if o.P[i] > 0 {
				total += o.Vectors
				sum += o.Vectors / (2 * math.Sqrt(max(o.P[i], minP)))
			}
		}
		weights[i].P = 1
		if total > 0 {
			e := sum / total
			// The p-value that has this e-value, so that one that a monitor would not need to see twice is not needed twice here.
			weights[i].P = min(1, 1/(4*e*e))
			evidence := max(p.Evidence[i], 0) + math.Log(e)
			if weights[i].P <= t.p {
				evidence = max(evidence, t.evidence)
			}
			p.Evidence[i] = min(evidence, t.evidence+surplus)
		}
		weights[i].Evidence = max(0, p.Evidence[i]) / t.evidence
	}
	return weights
}
