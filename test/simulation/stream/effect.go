package stream

// Effect changes a vector in place. The Next of a Source is an effect that replaces it.
type Effect func(x []float32)

// Constant replaces every vector by one.
func Constant(constant []float32) Effect {
	return func(x []float32) { copy(x, constant) }
}

// Noise adds isotropic noise such that the vector turns by the angle of exactly this cosine and keeps its length.
func Noise(dimension int, cosine float64, seed uint64) Effect {
	random, noise := newRandom(seed, forEffect), make([]float32, dimension)
	return func(x []float32) { turn(x, noise, cosine, random) }
}

// Element overwrites one element, in a place that is random each time.
func Element(value float32, seed uint64) Effect {
	random := newRandom(seed, forEffect)
	return func(x []float32) { x[random.IntN(len(x))] = value }
}

// All overwrites all elements.
func All(value float32) Effect {
	return func(x []float32) {
		for i := range x {
			x[i] = value
		}
	}
}

// Scale multiplies the norm by a factor.
func Scale(factor float32) Effect {
	return func(x []float32) {
		for i := range x {
			x[i] *= factor
		}
	}
}
