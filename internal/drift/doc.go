// Package drift compares the embedding vectors of a window of time with a reference learned earlier. It is pure
// mathematics: no clock, no I/O, and randomness only from the source it is given.
//
// Everything that is kept while vectors pass is a sum or a histogram, so states of disjoint sets of vectors merge
// into the state of their union, in any order. Its size does not depend on the number of vectors.
package drift
