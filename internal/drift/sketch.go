package drift

import "math"

// sketchSize is the number of buckets of a sketch.
const sketchSize = 256

// projection is a vector reduced to sketchSize numbers by a count sketch (Charikar, Chen and Farach-Colton 2002,
// "Finding frequent items in data streams"; as a projection of vectors, Weinberger et al. 2009, "Feature hashing for
// large scale multitask learning"): each coordinate is added, with a pseudo-random sign, to one pseudo-random bucket.
// It is linear, and over all hashes ‖Sx−Sy‖² estimates ‖x−y‖² without bias, with a relative standard deviation of at
// most √(2/sketchSize), 9 %, whatever the dimension. The one hash in use does the same over dense vectors; where
// vectors differ in a few dozen coordinates only, it can reach twice that. Up to sketchSize dimensions no two
// coordinates share a bucket, and the distance is exact.
type projection [sketchSize]float64

// project sets p to the projection of x/norm. The vector is scaled to length 1, and not its projection: that would
// add the error of the projection's length to the error of distances.
//
// Nothing but the index of a coordinate decides where it goes, so every process and every restart agrees. Coordinates
// are taken in blocks of sketchSize, each of which is rotated by mix(^block) and laid over the one before. Two
// coordinates of one block thus never meet, and two of different blocks meet with probability 1/sketchSize, which is
// all that the bound on the variance asks of the buckets. Without the rotation, models that give attention heads or
// outliers a period of a power of two would have them meet in the same bucket. The sign of coordinate i is bit i%64
// of mix(i/64).
func (p *projection) project(x []float32, norm float64) {
	*p = projection{}
	for start := 0; start < len(x); start += 64 {
		signs := mix(uint64(start / 64))
		at := uint8(start) + uint8(mix(^uint64(start/sketchSize))) // wraps around at sketchSize
		for _, v := range x[start:min(start+64, len(x))] {
			p[at] += float64(math.Float32frombits(math.Float32bits(v) ^ uint32(signs)<<31))
			signs >>= 1
			at++
		}
	}
	scale := 1 / norm
	for i := range p {
		p[i] *= scale
	}
}

// sketch is a projection at one byte a bucket.
type sketch struct {
	// scale is the width of a step of the buckets.
	scale float32
	// residual is the squared distance between the projection and what buckets say.
	residual float32
	buckets  [sketchSize]int8
}

// set makes s the sketch of p.
func (s *sketch) set(p *projection) {
	largest := 0.0
	for _, v := range p {
		largest = max(largest, math.Abs(v))
	}
	s.scale = float32(largest / math.MaxInt8)
	step, residual := float64(s.scale), 0.0
	steps := 0.0 // per unit; stays 0 for a projection whose buckets all cancelled out
	if step > 0 {
		steps = 1 / step
	}
	for i, v := range p {
		q := math.RoundToEven(v * steps)
		s.buckets[i] = int8(q)
		move := v - step*q
		residual += move * move
	}
	s.residual = float32(residual)
}

// distance estimates 1−cosine, in [0, 2], between the vector of p and the vector of s: half of their squared
// distance, as both have length 1.
//
// Quantisation moves s by up to half a step in each bucket. That alone would be a floor of 2e-5 under all distances,
// but only one side of the comparison is quantised and the exact size of the move is known, so it can be taken off
// again: equal vectors have a distance of 0, up to rounding at 1e-11. What remains is the product of the move and the
// difference of the vectors, of mean 0 and standard deviation scale·√(distance/6): 6e-6 where the distance is 1e-4
// and the vector dense, which is less than the error of the projection down to a distance of 4e-5. A vector that is
// all in one coordinate has the largest step, 1/127, and 1e-4 where the distance is 1e-3.
func (s *sketch) distance(p *projection) float64 {
	step, squared := float64(s.scale), 0.0
	for i, v := range p {
		d := v - step*float64(s.buckets[i])
		squared += d * d
	}
	return min(max(0, (squared-float64(s.residual))/2), 2)
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators")
// after one step of its counter: a bijection whose results look random for inputs as regular as 0, 1, 2.
func mix(v uint64) uint64 {
	v = (v + 1) * 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
