package drift

import "math"

// Detector weighs the values of one statistic, window after window, against its Null.
//
// Each window gives a p-value, which becomes the e-value e = ½·p^(−½). Without a fault its mean is 1, so that it can be seen as the
// return on a fair bet that there is one. Evidence is the capital of a gambler who makes that bet in each window, and begins
// anew with 1 whenever there is less:
//
//	M(t) = max(M(t−1), 1)·e(t)
//
// a CUSUM of e-values, the e-detector of Shin, Ramdas and Rinaldo (arXiv 2203.03532). Without a fault it takes A windows or more,
// in the mean, until M passes A, which makes the threshold a run length. A p-value that is not to be expected once in several run
// lengths passes it at once.
type Detector struct {
	null      *Null
	evidence  float64 // log M
	deviation float64 // what is expected of the next window, over the mean
}

// Threshold says when evidence is an alarm.
type Threshold struct {
	evidence float64 // log A
	p        float64
}

const (
	// cusumShare is how many times smaller than the run length the threshold is. Simulation shows that passing A takes 8.7·A
	// windows in the mean, whatever A, where surprises are independent and their distribution is known. They are not quite: traffic
	// stays unusual for longer than a forecast foresees, which makes the sum of evidence wrong and single p-values hardly so. Its
	// share of the false alarms is kept small therefore, which takes one bit of evidence more for half of them.
	cusumShare = 0.5
	// singleShare is the share of the false alarms that single p-values make, where these are exact. Most statistics have lighter
	// tails than are taken for granted, so that a mean of 1.2 to 2.3 run lengths is left of it (see docs/simulation).
	singleShare = 0.5
)

// NewThreshold returns the threshold for tests detectors side by side that have one false alarm in runLength windows together, in
// the mean.
func NewThreshold(runLength float64, tests int) Threshold {
	windows := max(1, runLength*float64(tests))
	return Threshold{evidence: math.Log(max(2, windows/cusumShare)), p: singleShare / windows}
}

// Weight is what a window weighs.
type Weight struct {
	// P is the window's p-value, 1 while the null is being learned.
	P float64
	// Evidence is log M over that of the threshold: 0 is none, 1 and more an alarm.
	Evidence float64
}

// Alarm is whether the evidence is enough.
func (w Weight) Alarm() bool { return w.Evidence >= 1 }

// surplus is how far evidence may pass the threshold, as a logarithm: it says in how few windows an alarm ends after a fault that
// lasted for hours.
const surplus = 2

// add takes in the window after the last, and lets the null learn from it unless there is suspicion.
func (d *Detector) add(s Sample, t Threshold) Weight {
	w := Weight{P: 1}
	if d.null.Ready() {
		level := d.null.fit.level(s)
		var surprise float64
		// What stays unusual is taken for traffic up to a level that traffic is not to be expected to reach: one that was not seen in
		// two hundred windows may well come in ten thousand.
		surprise, d.deviation = d.null.fit.surprise(level, d.deviation, d.null.fit.levels.quantile(t.p))
		w.P = d.null.p(surprise)
		d.evidence = max(d.evidence, 0) - math.Ln2 - math.Log(w.P)/2
		if w.P <= t.p {
			d.evidence = max(d.evidence, t.evidence)
		}
		d.evidence = min(d.evidence, t.evidence+surplus)
	}
	// After it was judged, not before: a window that was part of its own null would look more usual than it is.
	if d.evidence < t.evidence/2 {
		d.null.Add(s)
	}
	w.Evidence = d.share(t)
	return w
}

func (d *Detector) share(t Threshold) float64 { return max(0, d.evidence) / t.evidence }
