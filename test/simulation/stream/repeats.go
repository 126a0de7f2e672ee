package stream

import "math/rand/v2"

// Repeats has texts come back. A server that is sound answers a repeated text with the same vector.
type Repeats struct {
	// Fault strikes the vectors of repeated texts only; nil is a sound server. Noise(dimension, 0.58, seed) is what a
	// cache of prefixes did that pooled over the new part of the text alone.
	Fault *Fault

	source  Source
	share   float64
	random  *rand.Rand
	texts   int // so far
	vectors [][]float32
}

// NewRepeats returns a source in which the given share of vectors is of texts that were seen before: any of the latest
// ones, as many as memory says.
func NewRepeats(source Source, dimension int, share float64, memory int, seed uint64) *Repeats {
	r := &Repeats{source: source, share: share, random: newRandom(seed, forRepeats), vectors: make([][]float32, memory)}
	for i := range r.vectors {
		r.vectors[i] = make([]float32, dimension)
	}
	return r
}

// Next fills x with the vector of the next text, and returns the number of the text.
func (r *Repeats) Next(x []float32) (text int) {
	known := min(r.texts, len(r.vectors))
	if known > 0 && r.random.Float64() < r.share {
		text = r.texts - 1 - r.random.IntN(known)
		copy(x, r.vectors[text%len(r.vectors)])
		if r.Fault != nil {
			r.Fault.Strike(x)
		}
		return text
	}
	text = r.texts
	r.texts++
	r.source.Next(x)
	copy(r.vectors[text%len(r.vectors)], x)
	return text
}
