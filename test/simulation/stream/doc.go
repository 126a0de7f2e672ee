// Package stream generates streams of embedding vectors, healthy and faulty, on which drift detectors are simulated.
// Equal seeds give equal streams, and no vector costs an allocation.
//
// A Model stands for an embedding model together with the texts that it is asked for: where its vectors lie. A Mix is
// the traffic: how often each topic is asked for in this window of time. A Source draws vectors from both: exactly, in
// O(d log d); several times as fast as sums of Deviations that were drawn before; or, faster still, from a Pool of
// finished vectors. Faults change a share of a source's vectors. They draw on randomness of their own, so that a stream
// with a fault is, vector by vector, the stream without it wherever the fault does not strike.
//
// What can go wrong is an Effect, and the Next of another source is one:
//
//	one constant vector          Constant(x)
//	wrong mean                   model.TurnMean(0.6, seed).Source(mix, seed).Next
//	covariance, same mean        model.Rotate(seed).Source(mix, seed).Next
//	another model                NewModel(model.Geometry, otherSeed).Source(mix, seed).Next
//	another mix, other topics    model.Source(otherMix, seed).Next
//	isotropic noise              Noise(0.99, seed)
//	NaN or infinity in one place Element(value, seed)
//	all NaN, all zero            All(value)
//	wrong norm                   Scale(factor)
//	truncated, not renormalised  truncated.Denormalise, of a Truncated
//
// Replicas deals a source to several servers of which some are faulty, and Repeats has texts come back.
package stream
