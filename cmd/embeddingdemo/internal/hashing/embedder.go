// Package hashing embeds texts without a model: signed feature hashing of character n-grams and words. Texts that
// share wording get near vectors, others do not, and the same text gets the same bits on every platform.
package hashing

import (
	"math"
	"unicode"
)

const (
	// hashesPerFeature is in how many coordinates one feature shows, so that short texts have dense vectors too.
	hashesPerFeature = 16

	// commonShare is the squared length of the direction that all vectors of a model have in common. The vectors
	// of real models fill a narrow cone in the same way: without it the centroid of many texts would be near zero
	// and the cosine to it mean nothing.
	commonShare = 0.3

	// wordWeight is the weight of a whole word against that of an n-gram.
	wordWeight = 3
)

// gramLengths are the lengths in runes of the n-grams. Two serve scripts that write without spaces.
var gramLengths = [...]int{2, 3, 4}

// Marks around a text, so that its first and last n-grams differ from those inside.
const startMark, endMark = '\x02', '\x03'

// Kinds of features, so that equal runes of different kinds hash apart.
const (
	kindText = iota + 1
	kindWord
	kindToken
	kindGram // plus the length of the n-gram
)

// An Embedder is one model. Embedders with different seeds have unrelated vectors. It is safe for concurrent use.
type Embedder struct {
	seed   uint64
	common []float64 // [dimension], of squared length commonShare
}

// NewEmbedder returns the model of a seed, with vectors of dimension elements, at least 1 and at most 32768.
func NewEmbedder(seed uint64, dimension int) *Embedder {
	e := &Embedder{seed: mix(seed), common: make([]float64, dimension)}
	for i := range e.common {
		e.common[i] = normal(mix(e.seed + uint64(i) + 1))
	}
	scale(e.common, math.Sqrt(commonShare/squares(e.common)))
	return e
}

// Dimension returns the number of elements of a vector.
func (e *Embedder) Dimension() int { return len(e.common) }

// Text returns the vector of a text, of length 1. The empty text has one too.
func (e *Embedder) Text(text string) []float32 {
	runes := make([]rune, 1, len(text)+2)
	runes[0] = startMark
	whole := e.feature(kindText)
	for _, r := range text {
		runes = append(runes, r)
		whole = whole.with(uint64(r))
	}
	runes = append(runes, endMark)

	sums := make([]int32, e.Dimension())
	whole.addTo(sums, 1) // tells apart texts with the same n-grams in another order
	e.addGrams(sums, runes)
	e.addWords(sums, runes)
	return e.vector(sums)
}

// Tokens returns the vector, of length 1, of a text given as token ids. It is unrelated to the vector of any Text.
func (e *Embedder) Tokens(ids []int64) []float32 {
	sums := make([]int32, e.Dimension())
	whole := e.feature(kindText + kindToken)
	for i, id := range ids {
		whole = whole.with(uint64(id))
		one := e.feature(kindToken).with(uint64(id))
		one.addTo(sums, wordWeight)
		if i+1 < len(ids) {
			one.with(uint64(ids[i+1])).addTo(sums, 1)
		}
	}
	whole.addTo(sums, 1)
	return e.vector(sums)
}

// addGrams adds the n-grams of a marked text.
func (e *Embedder) addGrams(sums []int32, runes []rune) {
	for _, n := range gramLengths {
		start := e.feature(uint64(kindGram + n))
		for i := 0; i+n <= len(runes); i++ {
			gram := start
			for _, r := range runes[i : i+n] {
				gram = gram.with(uint64(r))
			}
			gram.addTo(sums, 1)
		}
	}
}

// addWords adds the runs of letters and digits of a marked text. The end mark closes the last one.
func (e *Embedder) addWords(sums []int32, runes []rune) {
	start := e.feature(kindWord)
	word := start
	for _, r := range runes {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word = word.with(uint64(r))
		case word != start:
			word.addTo(sums, wordWeight)
			word = start
		}
	}
}

// vector scales sums to length √(1-commonShare), adds the common direction and scales the result to length 1.
//
// Sums are integers and every product below is rounded on its own (an explicit conversion forbids the compiler to
// fuse it with an addition), so that all platforms come to the same bits.
func (e *Embedder) vector(sums []int32) []float32 {
	total := int64(0)
	for _, s := range sums {
		total += int64(s) * int64(s)
	}
	factor := 0.0
	if total > 0 {
		factor = math.Sqrt((1 - commonShare) / float64(total))
	}
	x := make([]float64, len(sums))
	for i, s := range sums {
		x[i] = e.common[i] + float64(factor*float64(s))
	}
	scale(x, 1/math.Sqrt(squares(x)))
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// Normalize scales x to length 1 in place, as a model does after it cut a vector to fewer dimensions. A zero vector
// stays as it is.
func Normalize(x []float32) {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	if sum == 0 {
		return
	}
	factor := 1 / math.Sqrt(sum)
	for i, v := range x {
		x[i] = float32(float64(v) * factor)
	}
}

// A feature is the running hash (FNV-1a over 64-bit words) of what was seen.
type feature uint64

func (e *Embedder) feature(kind uint64) feature { return feature(e.seed).with(kind) }

func (f feature) with(x uint64) feature { return (f ^ feature(x)) * 0x100000001b3 }

// addTo adds ±weight to the coordinates of f.
func (f feature) addTo(sums []int32, weight int32) {
	h := uint64(f)
	for range hashesPerFeature / 4 {
		h = mix(h)
		// 16 bits a coordinate: 15 place it, one is the sign.
		for bits, i := h, 0; i < 4; bits, i = bits>>16, i+1 {
			at := (bits & 0x7fff) * uint64(len(sums)) >> 15
			if bits&0x8000 != 0 {
				sums[at] += weight
			} else {
				sums[at] -= weight
			}
		}
	}
}

// mix is the step of SplitMix64 (Steele, Lea, Flood 2014), a bijection whose output bits all depend on all of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func squares(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v * v)
	}
	return sum
}

func scale(x []float64, factor float64) {
	for i := range x {
		x[i] *= factor
	}
}
