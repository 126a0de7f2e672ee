package stream

import "math/rand/v2"

// Replicas deals the vectors of one source to the replicas of a model, as a balancer does that picks one at random:
// they share the traffic, whatever its mix, and differ by their faults.
type Replicas struct {
	// Faults has a fault for each replica, nil for a healthy one.
	Faults []*Fault

	source Source
	random *rand.Rand
}

// NewReplicas returns healthy replicas.
func NewReplicas(source Source, replicas int, seed uint64) *Replicas {
	return &Replicas{Faults: make([]*Fault, replicas), source: source, random: newRandom(seed, forReplicas)}
}

// Next fills x with the next vector and returns the replica that it comes from.
func (r *Replicas) Next(x []float32) (replica int) {
	r.source.Next(x)
	replica = r.random.IntN(len(r.Faults))
	if f := r.Faults[replica]; f != nil {
		f.Strike(x)
	}
	return replica
}
