package hashing

import "math"

// A Spread is how far vectors of length 1 are moved: by a vector whose length is from Lowest to Highest, anew for each
// text. Where it is at right angles to the vector, the cosine between before and after is 1/√(1+length²).
type Spread struct {
	Lowest, Highest float64
}

// length returns the length that the seed of a text chooses.
func (s Spread) length(seed uint64) float64 {
	unit := float64(mix(seed)>>11) / (1 << 53)
	return s.Lowest + float64(unit*(s.Highest-s.Lowest))
}

// Key returns a number that stands for the text: the same on every platform, and another one for another text but for
// one chance in 2^64.
func Key(text string) uint64 {
	f := feature(0).with(kindText)
	for i := range len(text) {
		f = f.with(uint64(text[i]))
	}
	return mix(uint64(f))
}

// KeyOfTokens is Key for a text given as token ids. It is unrelated to the Key of any text.
func KeyOfTokens(ids []int64) uint64 {
	f := feature(0).with(kindToken)
	for _, id := range ids {
		f = f.with(uint64(id))
	}
	return mix(uint64(f))
}

// seedOf returns the seed of what befalls the text of the key in this model for one cause.
func (e *Embedder) seedOf(cause string, key uint64) uint64 {
	f := e.feature(kindText)
	for i := range len(cause) {
		f = f.with(uint64(cause[i]))
	}
	return mix(uint64(f) ^ key)
}

// Disturb moves x, this model's vector of the text of the key, in a random direction and scales it to length 1 again.
// The same text is moved in the same way each time, another text or another cause in an unrelated one.
func (e *Embedder) Disturb(x []float32, cause string, key uint64, by Spread) {
	seed := e.seedOf(cause, key)
	noise := make([]float64, len(x))
	for i := range noise {
		noise[i] = normal(mix(seed + uint64(i) + 1))
	}
	scale(noise, by.length(seed)/math.Sqrt(squares(noise)))
	for i, v := range x {
		x[i] = float32(float64(v) + noise[i])
	}
	Normalize(x)
}

// Blend moves x, this model's vector of the text of the key, towards y and scales it to length 1 again. With the y of
// another model texts that share wording stay near each other, as Disturb would not have it.
func (e *Embedder) Blend(x, y []float32, cause string, key uint64, by Spread) {
	length := by.length(e.seedOf(cause, key))
	for i, v := range x {
		x[i] = float32(float64(v) + float64(length*float64(y[i])))
	}
	Normalize(x)
}

// normal makes a number of mean 0 out of 64 random bits. The sum of four uniform values is near enough to a normal one.
func normal(bits uint64) float64 {
	sum := int64(0)
	for range 4 {
		sum += int64(bits&0xffff)*2 - 0xffff
		bits >>= 16
	}
	return float64(sum)
}
