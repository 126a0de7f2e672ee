package stream

import (
	"math"
	"math/rand/v2"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

func fillNormal(x []float32, random *rand.Rand) {
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
}

// direction draws a vector of the given length in a direction that is uniform on the sphere.
func direction(d int, length float64, random *rand.Rand) []float32 {
	v := make([]float32, d)
	fillNormal(v, random)
	scaleTo(v, length)
	return v
}

// scaleTo scales v, which is not zero, to the given length, and returns the length that it had.
func scaleTo(v []float32, length float64) float64 {
	squared, _ := vector.Measure(v, nil)
	norm := math.Sqrt(squared)
	factor := float32(length / norm)
	for i := range v {
		v[i] *= factor
	}
	return norm
}

// turn turns x by the angle of the given cosine, in a direction that is uniform on the sphere, and keeps its length.
// noise is room of the length of x. A zero vector stays as it is.
func turn(x, noise []float32, cosine float64, random *rand.Rand) {
	squared, _ := vector.Measure(x, nil)
	if squared == 0 {
		return
	}
	fillNormal(noise, random)
	noiseSquared, dot := vector.Measure(noise, x)
	along := dot / squared // part of the noise that does not turn
	across := math.Sqrt((1 - cosine*cosine) * squared / (noiseSquared - along*dot))
	a, b := float32(cosine-across*along), float32(across)
	noise = noise[:len(x)]
	for i := range x {
		x[i] = a*x[i] + b*noise[i]
	}
}
