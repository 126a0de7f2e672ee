package drift

import "slices"

// Statistic names what a Monitor compares.
type Statistic string

const (
	// StatisticMean is the squared distance between the means. It sees what moves many vectors the same way.
	StatisticMean Statistic = "mean_shift"
	// StatisticCosines is the Kolmogorov–Smirnov statistic of the cosines to the centroid. It sees noise, which moves no mean.
	StatisticCosines Statistic = "cosine_distribution"
	// StatisticTails is the divergence of the cosines over Cells. It sees few vectors that are far away.
	StatisticTails Statistic = "cosine_tails"
	// StatisticCovariance is the mean squared log ratio of variances along the principal components. It sees another geometry
	// around the same mean, and hardly a change of topics.
	StatisticCovariance Statistic = "covariance"
	// StatisticAnchor is the squared distance from the mean of the first reference, where that was renewed. It sees what moves so
	// slowly that every new reference takes it for usual.
	StatisticAnchor Statistic = "anchor_shift"
)

// Statistics returns all statistics of a Monitor, in the order of Findings.Weights.
func Statistics() []Statistic {
	return []Statistic{StatisticMean, StatisticCosines, StatisticTails, StatisticCovariance, StatisticAnchor}
}

const statistics = 5

// Monitor compares windows with a reference, one after the other, and weighs the evidence that something changed.
type Monitor struct {
	reference *Reference
	detectors [statistics]Detector
	anchor    *anchor // nil as long as the reference is the first
}

// NewMonitor returns a Monitor that has seen no window yet.
func NewMonitor(r *Reference) *Monitor {
	m := &Monitor{reference: r}
	for i := range m.detectors {
		m.detectors[i].null = &Null{}
	}
	return m
}

// Reference returns what windows are compared with.
func (m *Monitor) Reference() *Reference { return m.reference }

// Clone returns a Monitor with the same reference that goes its own way from here.
func (m *Monitor) Clone() *Monitor {
	clone := *m
	for i := range clone.detectors {
		null := *clone.detectors[i].null
		null.samples = slices.Clone(null.samples)
		clone.detectors[i].null = &null
	}
	return &clone
}

// Windows returns the number of windows without suspicion that m has learned from. Unlike that of Findings, it goes on beyond
// MinNull.
func (m *Monitor) Windows() int { return m.detectors[0].null.N() }

// Renewed is whether the reference is not the first: whether StatisticAnchor is watched.
func (m *Monitor) Renewed() bool { return m.anchor != nil }

// Findings is what a Monitor found in a window.
type Findings struct {
	Comparison
	// Windows is that of the Monitor, at most MinNull. With less than that, no evidence is weighed.
	Windows int
	// Weights are in the order of Statistics.
	Weights [statistics]Weight
}

// Suspicious is whether the evidence for any statistic is half of what makes an alarm, from where on nothing is learned.
func (f *Findings) Suspicious() bool {
	return slices.ContainsFunc(f.Weights[:], func(w Weight) bool { return w.Evidence >= 0.5 })
}

// Alarms returns the statistics whose evidence is enough.
func (f *Findings) Alarms() []Statistic {
	var alarms []Statistic
	for i, s := range Statistics() {
		if f.Weights[i].Alarm() {
			alarms = append(alarms, s)
		}
	}
	return alarms
}

// kolmogorov is the mean of n·D² for the Kolmogorov–Smirnov statistic D of n values, for large n: π²/12.
const kolmogorov = 0.822

// Add takes in the window after the last, of at least two vectors. runLength is how many windows there are to be, in the mean,
// until a false alarm.
func (m *Monitor) Add(w *Window, runLength float64) Findings {
	tests := statistics
	if m.anchor == nil {
		tests--
	}
	r, t := m.reference, NewThreshold(runLength, tests)
	n := float64(w.n)
	f := Findings{Comparison: r.Compare(w)}
	f.Weights[0] = m.detectors[0].add(Sample{f.Shift.SquaredDistance, r.CovarianceTrace / n}, t)
	f.Weights[1] = m.detectors[1].add(Sample{f.KolmogorovSmirnov * f.KolmogorovSmirnov, kolmogorov / n}, t)
	f.Weights[2] = m.detectors[2].add(Sample{f.Divergence, r.Cells.Sampling(w.n)}, t)
	f.Weights[3] = Weight{P: 1, Evidence: t.share(m.detectors[3].evidence)}
	if f.HasVariances {
		// Of n independent values from a normal distribution, the variance of the log of their variance is about 2/n.
		f.Weights[3] = m.detectors[3].add(Sample{f.VarianceShift, 2 / float64(w.projections.n)}, t)
	}
	f.Weights[4] = Weight{P: 1}
	if m.anchor != nil {
		f.Weights[4] = m.detectors[4].add(m.anchor.sample(w), t)
	}
	f.Windows = min(m.Windows(), MinNull)
	return f
}
