package canary

import "github.com/otelcol-embedding/otelcol-embedding/internal/embedding"

// Bands of the median distance (1 − cosine) of the plain texts to their pinned vectors.
//
// The median, because it is the model that is judged: one text may be on the edge of something, as a token that rounding decides on.
// Up to sameDistance a change is not worth anybody's attention, even at a server that repeats itself to the bit: vectors in an index
// and new ones find each other as before. Rounding to bfloat16 moves vectors by 1e-6 and other kernels move those of 16-bit models by
// up to 1e-4, while 8-bit weights move them by 2e-4 and more. Where repeats themselves differ by more, by batch shape up to 9e-4,
// that is what is taken for the same.
//
// The next bands are those that are seen with real servers: numeric changes at cosines down to .99, quantisation of .99 to .97, other
// models, poolings and templates below .95. The gap between the last two is halved.
const (
	sameDistance         = 1e-4
	maxSameDistance      = 5e-3 // more than this is not the same, however much repeats differ
	numericDistance      = 0.01
	quantisationDistance = 0.04
)

// band returns the verdict of a median distance, of which up to allowance is the same.
func band(distance, allowance float64) embedding.CanaryVerdict {
	switch {
	case distance <= allowance:
		return embedding.CanarySame
	case distance <= numericDistance:
		return embedding.CanaryNumericChange
	case distance <= quantisationDistance:
		return embedding.CanaryQuantisation
	}
	return embedding.CanaryOtherModel
}

// Tolerances between vectors of the same text in one round, as distances.
const (
	// repeatTolerance holds while nothing is known of the server: five times what batch shapes do.
	repeatTolerance = 5e-3
	// Between these, four times what was seen while learning is tolerated. A server that was idle then may have batches of all
	// shapes later, so that the least is twice what these do.
	minRepeatTolerance, maxRepeatTolerance = 2e-3, 0.02
)

const (
	// normTolerance is how far lengths may be from 1. Rounding to bfloat16 moves them by up to 0.004.
	normTolerance = 0.01
	// normRatio is by which factor lengths may differ from the pinned ones, where they need not be 1.
	normRatio = 1.1
	// collapsedDistance is the median distance of different texts below which vectors tell nothing.
	collapsedDistance = 0.005
	// identicalShare is the share of plain texts with a vector that another one has, too, up to which it may be the tokenizer:
	// one that does not know a script makes the same tokens of different words.
	identicalShare = 0.1
	// leastPairOrder is what pairs must reach that mean the same: half by chance, and well below that only if something is upside
	// down.
	leastPairOrder = 0.25
	// farShare is the share of plain texts that make a change one of the model though the others are as they were.
	farShare = 0.25
	// outlierDistance is the least that counts as out of the usual for a single text.
	outlierDistance = 1e-3
	// freshShift is by how much texts that are new may be further from those that they vary.
	freshShift = 0.05
	// searchDrop is by how much a mean reciprocal rank of at least leastQueries queries may fall.
	searchDrop   = 0.2
	leastQueries = 10
	// sameFraction is the part of an earlier distance up to which there is none any more.
	sameFraction = 0.25
)
