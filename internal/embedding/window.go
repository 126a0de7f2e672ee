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
}

// Drift compares the valid vectors of a window with a reference.
type Drift struct {
	// ReferenceVectors is the number of vectors the reference was learned from.
	ReferenceVectors int64
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
}
