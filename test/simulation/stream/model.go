package stream

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Model is where the vectors of one embedding model lie. It does not change, so sources in several goroutines may
// share it.
type Model struct {
	Geometry Geometry

	mean     []float32   // of all vectors under an even mix
	offsets  [][]float32 // from it to the mean of each topic
	rotation *rotation   // from the principal axes
	stddev   []float32   // along the principal axes

	means     [][]float32 // of the topics
	axisMeans [][]float32 // the same in coordinates along the principal axes
}

// NewModel draws a model of the geometry: its mean, its topics and its principal axes have random directions. The
// topics share their principal axes.
func NewModel(g Geometry, seed uint64) *Model {
	d := len(g.Spectrum)
	total := 0.0
	for _, v := range g.Spectrum {
		total += v
	}
	random := newRandom(seed, forModel)
	m := &Model{
		Geometry: g,
		mean:     direction(d, math.Sqrt(g.Mean), random),
		offsets:  newOffsets(g, random),
		rotation: newRotation(d, newRandom(seed, forRotation)),
		stddev:   make([]float32, d),
	}
	for i, v := range g.Spectrum {
		m.stddev[i] = float32(math.Sqrt((1 - g.Mean - g.Between) * v / total))
	}
	m.place()
	return m
}

// Rotate returns a model of the same spectrum about the same means, with principal axes of other directions.
func (m *Model) Rotate(seed uint64) *Model {
	r := *m
	r.rotation = newRotation(len(m.mean), newRandom(seed, forRotation))
	r.place()
	return &r
}

// TurnMean returns a model whose mean has the given cosine to that of m and is as long. Everything else is the same.
func (m *Model) TurnMean(cosine float64, seed uint64) *Model {
	r := *m
	r.mean = slices.Clone(m.mean)
	turn(r.mean, make([]float32, len(m.mean)), cosine, newRandom(seed, forTurn))
	r.place()
	return &r
}

// place puts the topics where mean, offsets and rotation say.
func (m *Model) place() {
	m.means, m.axisMeans = make([][]float32, len(m.offsets)), make([][]float32, len(m.offsets))
	for t, offset := range m.offsets {
		m.means[t] = make([]float32, len(offset))
		for i, v := range offset {
			m.means[t][i] = m.mean[i] + v
		}
		m.axisMeans[t] = slices.Clone(m.means[t])
		m.rotation.undo(m.axisMeans[t])
	}
}

// newOffsets draws the offsets of the topics' means. They add up to zero, so that an even mix has the common mean.
func newOffsets(g Geometry, random *rand.Rand) [][]float32 {
	d, n := len(g.Spectrum), float64(g.Topics)
	offsets, sum := make([][]float32, g.Topics), make([]float32, d)
	if g.Topics == 1 {
		offsets[0] = sum
		return offsets
	}
	for t := range offsets {
		// Taking the average off leaves 1−1/n of the squared length.
		offsets[t] = direction(d, math.Sqrt(g.Between/(1-1/n)), random)
		for i, v := range offsets[t] {
			sum[i] += v
		}
	}
	for _, offset := range offsets {
		for i := range offset {
			offset[i] -= sum[i] / float32(n)
		}
	}
	return offsets
}
