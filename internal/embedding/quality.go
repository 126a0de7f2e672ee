package embedding

import "slices"

// Verdict is the judgement of a call or of a window in one word.
type Verdict string

// Verdicts.
const (
	// VerdictLearning says that there is no reference yet to compare with.
	VerdictLearning Verdict = "learning"
	// VerdictHealthy says that nothing was found.
	VerdictHealthy Verdict = "healthy"
	// VerdictInvalidOutput says that vectors were found which can not be right whatever the text was.
	VerdictInvalidOutput Verdict = "invalid_output"
	// VerdictTrafficShift says that vectors are distributed otherwise than in the reference, and that nothing speaks for the model
	// having changed.
	VerdictTrafficShift Verdict = "traffic_shift"
	// VerdictModelChanged says that the model answers otherwise than it did.
	VerdictModelChanged Verdict = "model_changed"
	// VerdictReplicaFault says that this replica's vectors differ from those of the others in the same window.
	VerdictReplicaFault Verdict = "replica_fault"
	// VerdictUnstableOutput says that the same text gets different vectors.
	VerdictUnstableOutput Verdict = "unstable_output"
)

// Verdicts lists every Verdict.
func Verdicts() []Verdict {
	return []Verdict{
		VerdictLearning, VerdictHealthy, VerdictInvalidOutput, VerdictTrafficShift, VerdictModelChanged, VerdictReplicaFault,
		VerdictUnstableOutput,
	}
}

// Alarming is whether the verdict says that something is wrong, or may be.
func (v Verdict) Alarming() bool { return v != VerdictLearning && v != VerdictHealthy && v != "" }

// Reason is why a vector was flagged.
type Reason string

// Reasons, in the order in which they are reported.
const (
	// ReasonNonFinite: the vector holds a NaN or an infinity.
	ReasonNonFinite Reason = "non_finite"
	// ReasonZero: every element is 0.
	ReasonZero Reason = "zero"
	// ReasonDimension: the vector's length is not the expected one.
	ReasonDimension Reason = "dimension"
	// ReasonNorm: the vector's Euclidean norm is not the expected one.
	ReasonNorm Reason = "norm"
	// ReasonDuplicate: different texts got the same vector.
	ReasonDuplicate Reason = "duplicate"
	// ReasonOutlier: the vector's cosine to the reference centroid is far outside of the reference's range. An
	// outlier is unusual, not invalid.
	ReasonOutlier Reason = "outlier"
)

// reasonOrder is the reporting order. flaggedNames are the reasons' attribute names, so that none is put together
// for each event.
var (
	reasonOrder = [...]Reason{
		ReasonNonFinite, ReasonZero, ReasonDimension, ReasonNorm, ReasonDuplicate, ReasonOutlier,
	}
	flaggedNames = func() map[Reason]string {
		names := make(map[Reason]string, len(reasonOrder))
		for _, r := range reasonOrder {
			names[r] = prefixFlagged + string(r)
		}
		return names
	}()
)

// Reasons lists every Reason in reporting order.
func Reasons() []Reason { return slices.Clone(reasonOrder[:]) }

// ReasonCounts counts vectors by the reason for which they were flagged. A vector has at most one reason: the first
// that applies in reporting order.
type ReasonCounts struct {
	NonFinite, Zero, Dimension, Norm, Duplicate, Outlier int64
}

// Of returns the count for r, or nil for an unknown reason.
func (c *ReasonCounts) Of(r Reason) *int64 {
	switch r {
	case ReasonNonFinite:
		return &c.NonFinite
	case ReasonZero:
		return &c.Zero
	case ReasonDimension:
		return &c.Dimension
	case ReasonNorm:
		return &c.Norm
	case ReasonDuplicate:
		return &c.Duplicate
	case ReasonOutlier:
		return &c.Outlier
	}
	return nil
}

// Add adds the counts of other to c.
func (c *ReasonCounts) Add(other *ReasonCounts) {
	c.NonFinite += other.NonFinite
	c.Zero += other.Zero
	c.Dimension += other.Dimension
	c.Norm += other.Norm
	c.Duplicate += other.Duplicate
	c.Outlier += other.Outlier
}

// Invalid returns the number of vectors that can not be right: all counts but the outliers.
func (c *ReasonCounts) Invalid() int64 {
	return c.NonFinite + c.Zero + c.Dimension + c.Norm + c.Duplicate
}

// Range is the smallest and the largest of some values; it is unset until Set is true.
type Range struct {
	Min, Max float64
	Set      bool
}

// Add widens the range to hold v.
func (r *Range) Add(v float64) {
	if !r.Set {
		*r = Range{Min: v, Max: v, Set: true}
		return
	}
	r.Min, r.Max = min(r.Min, v), max(r.Max, v)
}

// Quality is what the quality processor found in the vectors of one call.
type Quality struct {
	Verdict Verdict
	// Vectors is the number of vectors that were judged.
	Vectors int64
	// Counts says how many were flagged, by reason.
	Counts ReasonCounts
	// Norm is the range of Euclidean norms of the finite vectors.
	Norm Range
	// Cosine is the range of cosines to the reference centroid, unset while there is no reference.
	Cosine Range
}
