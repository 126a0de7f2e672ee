package drift

import "math"

// Detector weighs the values of one statistic, window after window, against its Null.
//
// Each window gives a p-value, which becomes the e-value e = κ·p^(κ−1). Without a fault its mean is 1, so that it can be seen as the
// return on a fair bet that there is one. Evidence is the capital of a gambler who makes that bet in each window, and begins
// anew with 1 whenever there is less:
//
//	M(t) = max(M(t−1), 1)·e(t)
//
// a CUSUM of e-values, the e-detector of Shin, Ramdas and Rinaldo (arXiv 2203.03532). Without a fault it takes A windows or more,
// in the mean, until M passes A, which makes the threshold a run length. The same holds for the mean of M over several κ, which is what
// is compared with A. A p-value that is not to be expected once in several run lengths passes it at once.
type Detector struct {
	null      *Null
	evidence  evidence
	deviation float64 // what is expected of the next window, over the mean
}

// evidence is log M for each of kappas.
type evidence [2]float64

// kappas are the κ of bets. Of all κ, that of 1/κ = E[−log p] lets evidence grow fastest: ¼ finds within ten windows what ½ finds
// within twelve, and ½ goes on to find what stays, but is hardly unusual in each window. Without a fault, E[−log p] is 1, and
// evidence does not grow below 1.85 where κ is ¼, and below 1.39 where it is ½: traffic that stays unusual for a little longer than
// was foreseen is no fault.
func kappas() [2]float64 { return [...]float64{0.25, 0.5} }

// log returns the log of the mean of M.
func (e evidence) log() float64 {
	return max(e[0], e[1]) + math.Log1p(math.Exp(-math.Abs(e[0]-e[1]))) - math.Ln2
}

// Threshold says when evidence is an alarm.
type Threshold struct {
	evidence float64 // log A
	p        float64
}

const (
	// cusumShare is how many times smaller than the run length the threshold is. Simulation shows that passing A takes 10·A
	// windows in the mean for one κ of ¼, and 13·A for one of ½, whatever A, where surprises are independent and their distribution is known. They are not quite: traffic
	// stays unusual for longer than a forecast foresees, which makes the sum of evidence wrong and single p-values hardly so. Its
	// share of the false alarms is kept small therefore, which takes one bit of evidence more for half of them.
	cusumShare = 0.5
	// singleShare is the share of the false alarms that single p-values make, where these are exact. Most statistics have lighter
	// tails than are taken for granted, so that a mean of 1 to 2 run lengths is left of it (see docs/simulation).
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

// surplus is how far past the threshold an alarm puts evidence, as a logarithm, and how far it may get: a dozen windows without
// anything unusual end an alarm, even after a fault that lasted for hours, and fewer do not, so that one does not become many where
// evidence goes up and down about the threshold.
const surplus = 2

// eValues returns the e-values of a p-value, for each of kappas.
func eValues(p float64) (e [2]float64) {
	for i, kappa := range kappas() {
		e[i] = kappa * math.Pow(p, kappa-1)
	}
	return e
}

// after returns the evidence after a window with a p-value and e-values.
func (t Threshold) after(last evidence, p float64, e [2]float64) (next evidence) {
	for i := range next {
		next[i] = min(max(last[i], 0)+math.Log(e[i]), t.evidence+surplus)
	}
	if p <= t.p || next.log() >= t.evidence && last.log() < t.evidence {
		next = evidence{t.evidence + surplus, t.evidence + surplus}
	}
	return next
}

// share returns evidence over what makes an alarm.
func (t Threshold) share(e evidence) float64 { return max(0, e.log()) / t.evidence }

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
		d.evidence = t.after(d.evidence, w.P, eValues(w.P))
	}
	// After it was judged, not before: a window that was part of its own null would look more usual than it is.
	if d.evidence.log() < t.evidence/2 {
		d.null.Add(s)
	}
	w.Evidence = t.share(d.evidence)
	return w
}
