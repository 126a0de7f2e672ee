// Package validity finds vectors that can not be right whatever the model and the text are: by what they hold, by what is expected
// of all vectors of a model, and beside the vectors of other texts.
package validity

import (
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// Fault is what is wrong with a vector. A vector has at most one: the first that applies in the order below.
type Fault uint8

// Faults.
const (
	// None: nothing was found.
	None Fault = iota
	// NonFinite: the vector holds a NaN or an infinity.
	NonFinite
	// Zero: every element is 0.
	Zero
	// Dimension: the vector's length is not the expected one.
	Dimension
	// Norm: the vector's Euclidean norm is not the expected one.
	Norm
	// Duplicate: different texts got the same vector.
	Duplicate
	// Outlier: the vector's cosine to the reference centroid is far outside of the reference's range. An outlier is unusual, not
	// invalid.
	Outlier
)

// Faults is the number of faults, None included.
const Faults = int(Outlier) + 1

// String returns the fault as it is called in reports, and nothing for None.
func (f Fault) String() string {
	return [Faults]string{"", "non_finite", "zero", "dimension", "norm", "duplicate", "outlier"}[f]
}

// Invalid is whether a vector with the fault can not be right.
func (f Fault) Invalid() bool { return f != None && f != Outlier }

// Expected is what vectors of a model have to be like.
type Expected struct {
	Dimension int
	// Norm is the Euclidean norm, 0 if any will do, and Tolerance how far it may be off, as a share of it.
	Norm, Tolerance float64
}

// Vector is what is known of a vector by itself.
type Vector struct {
	Fault Fault
	// Norm is the Euclidean norm; not finite for NonFinite.
	Norm float64
	// Cosine is that to the centroid, 0 without one and for vectors of which Fault says that it means nothing.
	Cosine float64
}

// Measure looks at x alone, in one pass. centroid is the reference's, nil without one.
func Measure(x []float32, want Expected, centroid []float32) Vector {
	fits := len(x) == want.Dimension
	if !fits {
		centroid = nil
	}
	squared, dot := vector.Measure(x, centroid)
	v := Vector{Norm: math.Sqrt(squared)}
	switch {
	case math.IsNaN(squared) || math.IsInf(squared, 0):
		v.Fault = NonFinite
		return v
	case squared == 0:
		v.Fault = Zero
		return v
	case !fits:
		v.Fault = Dimension
		return v
	}
	if centroid != nil {
		v.Cosine = drift.Cosine(dot, v.Norm)
	}
	if want.Norm != 0 && !near(v.Norm, want.Norm, want.Tolerance) {
		v.Fault = Norm
	}
	return v
}

// minStdDev is the smallest spread of cosines that outliers are measured by: what rounding float32 elements makes.
// It matters where a reference was learned from one text alone.
const minStdDev = 1e-6

// IsOutlier is whether a cosine is more than a number of standard deviations from the mean of the reference's.
func IsOutlier(cosine float64, of *drift.Moments, sigmas float64) bool {
	return math.Abs(cosine-of.Mean) > sigmas*max(of.StdDev(), minStdDev)
}

// near is whether norm is within the relative tolerance of want.
func near(norm, want, tolerance float64) bool { return math.Abs(norm-want) <= tolerance*want }
