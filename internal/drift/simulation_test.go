package drift

import (
	"math"
	"math/rand/v2"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// population draws vectors μ + Σ^½·g with standard normal g and a diagonal Σ, whose tr Σ and tr Σ² are known.
// Nothing in this package depends on the basis, so a diagonal Σ stands for any with the same eigenvalues.
type population struct {
	mean   []float64
	stddev []float64
	random *rand.Rand
}

// newPopulation makes tr Σ = 0.69 with eigenvalues that fall as j^−decay, and ‖μ‖² = 0.31: about what normalised
// text embeddings show.
func newPopulation(d int, decay float64, random *rand.Rand) *population {
	p := &population{mean: direction(d, random), stddev: make([]float64, d), random: random}
	trace := 0.0
	for j := range d {
		trace += math.Pow(float64(j+1), -decay)
	}
	for j := range d {
		p.mean[j] *= math.Sqrt(0.31)
		p.stddev[j] = math.Sqrt(0.69 * math.Pow(float64(j+1), -decay) / trace)
	}
	return p
}

func direction(d int, random *rand.Rand) []float64 {
	v, squared := make([]float64, d), 0.0
	for i := range v {
		v[i] = random.NormFloat64()
		squared += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(squared)
	}
	return v
}

func (p *population) traces() (trace, squaredTrace float64) {
	for _, s := range p.stddev {
		trace += s * s
		squaredTrace += s * s * s * s
	}
	return trace, squaredTrace
}

// draw fills x with a vector around the given mean.
func (p *population) draw(x []float32, mean []float64) {
	for i := range x {
		x[i] = float32(mean[i] + p.stddev[i]*p.random.NormFloat64())
	}
}

func (p *population) learn(m int) *Reference {
	l, x := NewLearner(len(p.mean), m), make([]float32, len(p.mean))
	for {
		p.draw(x, p.mean)
		if r := l.Add(x, norm(x)); r != nil {
			return r
		}
	}
}

// window draws n vectors, of which a share lies around another mean.
func (p *population) window(r *Reference, n int, other []float64, share float64) *Window {
	w, x := NewWindow(len(p.mean)), make([]float32, len(p.mean))
	for i := range n {
		mean := p.mean
		if float64(i) < share*float64(n) {
			mean = other
		}
		p.draw(x, mean)
		squared, dot := vector.Measure(x, r.Centroid)
		w.Add(x, math.Sqrt(squared), Cosine(dot, math.Sqrt(squared)), r)
	}
	return w
}

// turned returns a vector of the length of v at the given cosine to it.
func turned(v []float64, cosine float64, random *rand.Rand) []float64 {
	other := direction(len(v), random)
	dot, squared := 0.0, 0.0
	for i := range v {
		dot += v[i] * other[i]
		squared += v[i] * v[i]
	}
	rest := 0.0
	for i := range v {
		other[i] -= v[i] * dot / squared
		rest += other[i] * other[i]
	}
	for i := range v {
		other[i] = cosine*v[i] + math.Sqrt((1-cosine*cosine)*squared/rest)*other[i]
	}
	return other
}

func norm(x []float32) float64 {
	squared, _ := vector.Measure(x, nil)
	return math.Sqrt(squared)
}
