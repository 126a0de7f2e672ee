package stream

// Geometry says how the vectors of a model lie before they are normalised: normally distributed about the mean of
// their topic. Three parts add up to a mean square of 1: that of the common mean, that of the topics' means about it,
// and the variance within a topic. Normalising then raises the mean's square by a few per cent, and takes as little from
// the largest variances.
type Geometry struct {
	// Spectrum has the variances within a topic along the principal axes, up to a common factor. Its length is the
	// dimension.
	Spectrum []float64
	// Mean is ‖mean‖² of all vectors under an even mix of the topics.
	Mean float64
	// Topics is the number of topics, and Between the average of ‖mean of the topic − mean‖² over them.
	Topics  int
	Between float64
}

// usualMean is the ‖mean‖² of ordinary text embeddings: they fill a cone, not the sphere.
const usualMean = 0.31

// PowerLaw is one topic whose j-th largest variance falls as 1/j.
func PowerLaw(dimension int) Geometry {
	return Geometry{Spectrum: powerLaw(dimension), Mean: usualMean, Topics: 1}
}

// Clustered is as many topics, with means of their own, and variances that fall as 1/j within each.
func Clustered(dimension, topics int) Geometry {
	return Geometry{Spectrum: powerLaw(dimension), Mean: usualMean, Topics: topics, Between: 0.15}
}

// LowRank varies evenly in the given number of directions. A thousandth of the variance is isotropic noise, as
// rounding in half precision would leave.
func LowRank(dimension, rank int) Geometry {
	const noise = 1e-3
	spectrum := make([]float64, dimension)
	for i := range spectrum {
		spectrum[i] = noise / float64(dimension)
		if i < rank {
			spectrum[i] += (1 - noise) / float64(rank)
		}
	}
	return Geometry{Spectrum: spectrum, Mean: usualMean, Topics: 1}
}

// Anisotropic lies in a narrow cone, ‖mean‖² = 0.6, and has half of its variance in four directions.
func Anisotropic(dimension int) Geometry {
	const strong = 4
	spectrum := powerLaw(dimension)
	total := 0.0
	for _, v := range spectrum {
		total += v
	}
	for i := range strong {
		spectrum[i] += total / strong
	}
	return Geometry{Spectrum: spectrum, Mean: 0.6, Topics: 1}
}

func powerLaw(dimension int) []float64 {
	spectrum := make([]float64, dimension)
	for i := range spectrum {
		spectrum[i] = 1 / float64(i+1)
	}
	return spectrum
}
