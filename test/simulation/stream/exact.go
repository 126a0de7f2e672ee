package stream

import (
	"math"
	"math/rand/v2"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// exact draws every vector afresh.
type exact struct {
	model           *Model
	mix             *Mix
	topics, normals *rand.Rand
	axes            []float32 // coordinates of the vector along the principal axes
}

// Source returns a source of vectors of norm 1, as float32 can hold it, whose topics are drawn from the mix. They are
// independent where the mix is constant, and given the mix otherwise.
func (m *Model) Source(mix *Mix, seed uint64) Source {
	return &exact{
		model:   m,
		mix:     mix,
		topics:  newRandom(seed, forTopics),
		normals: newRandom(seed, forVectors),
		axes:    make([]float32, len(m.mean)),
	}
}

func (e *exact) Next(x []float32) {
	topic := e.mix.topic(e.topics)
	centre, stddev := e.model.axisMeans[topic][:len(e.axes)], e.model.stddev[:len(e.axes)]
	for i := range e.axes {
		e.axes[i] = centre[i] + stddev[i]*float32(e.normals.NormFloat64())
	}
	// A rotation does not change the norm, so it can be known, and set, before.
	squared, _ := vector.Measure(e.axes, nil)
	e.model.rotation.apply(x, e.axes, float32(1/math.Sqrt(squared)))
}
