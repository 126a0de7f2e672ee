package embedding

import "time"

// Key names what is judged together: windows and references are kept per Key.
type Key struct {
	Model     string
	TaskType  string
	Dimension int
	// Replica is the address of the server that made the vectors.
	Replica string
}

// Moments summarises a distribution.
type Moments struct {
	Mean, StdDev, Min, Max float64
}

// Quantiles holds quantiles of a distribution.
type Quantiles struct {
	P05, P50, P95 float64
}

// WindowReport is what was found in one window of one Key.
type WindowReport struct {
	Key        Key
	Start, End time.Time
	Verdict    Verdict

	// Vectors is the number of vectors in the window, flagged ones included.
	Vectors int64
	Counts  ReasonCounts

	// Norm describes the Euclidean norms of the valid vectors; HasNorm is false where there were none.
	Norm    Moments
	HasNorm bool

	// Drift holds the comparison with the reference, nil while there is no reference or the window has no valid
	// vector.
	Drift *Drift

	// Evidence is what has gathered that something changed, by statistic, in the order of their names. It is that of all replicas
	// together but for StatisticReplica.
	Evidence []Evidence

	// Canary is what a canary found at the replica not long before, empty if that is not known. It is part of Verdict.
	Canary CanaryVerdict

	// Repeats is nil where no text came again.
	Repeats *Repeats

	// State is what other reports are merged with; nil where there is none.
	State *WindowState
}

// WindowState is that of a window in a form that can be added to that of another.
type WindowState struct {
	// Reporter names the process that made the report. A key has one report of it for a time.
	Reporter string
	// ReferenceDigest identifies the reference that the window was compared with; empty if there was none.
	ReferenceDigest string
	// Fresh is whether Evidence is of this window, and not of one before that had more vectors.
	Fresh bool
	// Window and Repeats are the states of package drift in binary form; empty where there are none.
	Window, Repeats []byte
}

// Repeats compares the vectors of texts that came before with those that they had then.
type Repeats struct {
	// Count is the number of such vectors that were compared, and Mismatches how many differed by more than is usual.
	Count, Mismatches int64
	// MinCosine is the smallest cosine between two vectors of one text; 1 where there were none.
	MinCosine float64
}

// Evidence is how much speaks against a statistic being as usual.
type Evidence struct {
	Statistic string
	// P is the probability of such a window or a more unusual one where nothing has changed, in (0, 1].
	P float64
	// Share is what has gathered over windows, of what makes an alarm, on a logarithmic scale: 0 is none, 1 and more an alarm.
	Share float64
}

// Statistics of Evidence.
const (
	// StatisticMean is for the distance of the window's mean from the reference's.
	StatisticMean = "mean_shift"
	// StatisticCosines is for the distribution of cosines to the reference centroid.
	StatisticCosines = "cosine_distribution"
	// StatisticTails is for cosines beyond those of the reference.
	StatisticTails = "cosine_tails"
	// StatisticCovariance is for variances along the reference's principal components.
	StatisticCovariance = "covariance"
	// StatisticAnchor is for the distance of the window's mean from that of the first reference, where there was another since.
	StatisticAnchor = "anchor_shift"
	// StatisticReplica is for the difference between the replica and the others.
	StatisticReplica = "replica"
)

// Statistics lists every statistic of Evidence.
func Statistics() []string {
	return []string{StatisticMean, StatisticCosines, StatisticTails, StatisticCovariance, StatisticAnchor, StatisticReplica}
}

// Alarms returns the statistics whose evidence is enough.
func (w *WindowReport) Alarms() []string {
	var alarms []string
	for _, e := range w.Evidence {
		if e.Share >= 1 {
			alarms = append(alarms, e.Statistic)
		}
	}
	return alarms
}

// Drift compares the valid vectors of a window with a reference.
type Drift struct {
	// ReferenceVectors is the number of vectors the reference was learned from.
	ReferenceVectors int64
	// ReferenceWindows is the number of windows from which it was learned what is usual, until there are enough of them.
	ReferenceWindows int64
	// CentroidDistance is the cosine distance, 1−cos, between the window's mean and the reference's mean, in
	// [0, 2].
	CentroidDistance float64
	// Cosine describes the cosines of the window's vectors to the reference centroid.
	Cosine          Moments
	CosineQuantiles Quantiles
	// MeanShiftZ is the mean-shift statistic of Bai and Saranadasa; HasMeanShiftZ is false where the window holds
	// fewer than two vectors.
	MeanShiftZ    float64
	HasMeanShiftZ bool
	// CosineKS is the Kolmogorov–Smirnov statistic of the cosines against the reference's, in [0, 1], and CosineDivergence the
	// Kullback–Leibler divergence, in nats.
	CosineKS, CosineDivergence float64
	// VarianceShift is the mean squared log ratio of variances along the reference's principal components, and EffectiveRank that
	// of the covariance in them; HasVariances is false where the window has too few vectors for either.
	VarianceShift, EffectiveRank float64
	HasVariances                 bool
}
