package stream

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rotation is an orthogonal matrix of dimension d that is applied in O(d log d) and kept in O(d).
//
// It is a product of rounds. A round permutes the elements at random, flips each sign with probability ½, and transforms
// blocks whose lengths are the powers of two that add up to d (2560 = 2048 + 512) by Walsh–Hadamard matrices scaled
// to be orthogonal. All three are orthogonal, so the product is, for every d and without padding. (Its determinant may
// be −1. A reflection turns a covariance as well as a rotation does.)
//
// One round would make every image of an axis flat: all elements ±1/√b. Two rounds add such flat images up with
// random signs, after which elements look normal but pairs of axes still show the structure; after three rounds no
// difference from a uniformly random rotation shows in practice (Andoni et al. 2015, "Practical and optimal LSH for
// angular distance"; Yu et al. 2016, "Orthogonal random features"). The permutation carries what is in the small
// block into the large one. Products of few Householder reflections are as cheap and not random enough: k of them
// leave a subspace of dimension d−k as it is.
type rotation [3]round

type round struct {
	from   []uint16  // where each element comes from
	factor []float32 // ±1/√b, for an element in a block of length b
}

func newRotation(d int, random *rand.Rand) *rotation {
	r := &rotation{}
	for i := range r {
		r[i] = round{from: make([]uint16, d), factor: make([]float32, d)}
		for j, from := range random.Perm(d) {
			r[i].from[j] = uint16(from)
		}
		rest := r[i].factor
		for len(rest) > 0 {
			b := block(len(rest))
			for j := range b {
				rest[j] = sign(random.Uint64()) / float32(math.Sqrt(float64(b)))
			}
			rest = rest[b:]
		}
	}
	return r
}

// block is the length of the first of the blocks that n elements are divided into: the largest power of two in n.
func block(n int) int {
	return 1 << (bits.Len(uint(n)) - 1)
}

// apply sets x to the rotated v times a scale. It overwrites v.
func (r *rotation) apply(x, v []float32, scale float32) {
	from, to := v, x
	for i := range r {
		from = from[:len(to)]
		factor := r[i].factor[:len(to)]
		for j, k := range r[i].from[:len(to)] {
			to[j] = from[k] * (factor[j] * scale)
		}
		transform(to)
		scale = 1
		from, to = to, from
	}
}

// undo replaces x by what is rotated to x. The matrices of the blocks are their own inverses.
func (r *rotation) undo(x []float32) {
	v := make([]float32, len(x))
	for i := len(r) - 1; i >= 0; i-- {
		transform(x)
		for j, k := range r[i].from {
			v[k] = x[j] * r[i].factor[j]
		}
		copy(x, v)
	}
}

func transform(x []float32) {
	for len(x) > 0 {
		b := block(len(x))
		hadamard(x[:b])
		x = x[b:]
	}
}
