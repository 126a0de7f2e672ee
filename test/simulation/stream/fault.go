package stream

import "math/rand/v2"

// Fault has an effect on a random share of the vectors while it is on. It starts off.
type Fault struct {
	On    bool
	Share float64
	// Hits is the number of vectors that it had its effect on.
	Hits int

	effect Effect
	random *rand.Rand
}

// NewFault returns a fault that strikes each vector with the probability share.
func NewFault(effect Effect, share float64, seed uint64) *Fault {
	return &Fault{Share: share, effect: effect, random: newRandom(seed, forFault)}
}

// Strike has the effect on x if it is on and x is one of the vectors that it strikes.
func (f *Fault) Strike(x []float32) {
	if f.On && f.random.Float64() < f.Share {
		f.effect(x)
		f.Hits++
	}
}

// Inject returns a source of the vectors of another source, struck by each fault in turn.
func Inject(source Source, faults ...*Fault) Source {
	return &injected{source: source, faults: faults}
}

type injected struct {
	source Source
	faults []*Fault
}

func (i *injected) Next(x []float32) {
	i.source.Next(x)
	for _, f := range i.faults {
		f.Strike(x)
	}
}
