package drift

import (
	"encoding/binary"
	"fmt"
	"math"
)

// RepeatCounts counts repeats, and those among them whose vector did not agree with the one before.
type RepeatCounts struct{ Repeats, Mismatches uint64 }

// SourceRepeats counts repeats by what was known of the earlier vector: each is counted once.
type SourceRepeats struct {
	// Second counts texts that came for the second time.
	Second RepeatCounts
	// Settled counts texts whose earlier vector had agreed with the one before it.
	Settled RepeatCounts
	// Changed counts texts whose vector had changed lately; see Repeat.Changes.
	Changed RepeatCounts
}

// Total returns the sum over all texts.
func (s *SourceRepeats) Total() RepeatCounts {
	return RepeatCounts{
		Repeats:    s.Second.Repeats + s.Settled.Repeats + s.Changed.Repeats,
		Mismatches: s.Second.Mismatches + s.Settled.Mismatches + s.Changed.Mismatches,
	}
}

// Halve makes each number half of what it is, where every repeat was counted twice.
func (s *SourceRepeats) Halve() {
	for _, c := range []*RepeatCounts{&s.Second, &s.Settled, &s.Changed} {
		c.Repeats, c.Mismatches = c.Repeats/2, c.Mismatches/2
	}
}

// ConsistencyTally sums up repeats. Its zero value is empty. Tallies merge exactly.
//
// It tells apart what can be wrong, by where the mismatches are:
//
//   - A model was changed: in Settled and Second, in all repeats of texts that were last seen before the change, so that
//     the share falls as texts are seen again. Next to none in Changed: each text agrees with its new vector.
//   - An output is unstable: in Changed too, in about the share of Second and Settled, with vectors of one and the same
//     source.
//   - A fault shows on repeats only, such as that of a cache: in Second, for as long as there are new texts, and hardly
//     in Settled and Changed.
//   - One source differs from the others: in OtherSource alone. To see which one, keep a tally for each source, and add
//     each repeat to the tallies of both sources that took part: in the tally of the one that differs, all repeats of
//     OtherSource mismatch, and in those of the other n−1, one in n−1. Two sources alone only show that they differ.
type ConsistencyTally struct {
	// SameSource counts repeats where one source made both vectors, OtherSource those where two did.
	SameSource, OtherSource SourceRepeats
	// Farthest is the largest distance, 1−cosine, of a repeat.
	Farthest float64

	distances [distanceBins]uint64
}

// Distances are counted in two bins an octave, below 2^distanceExponent in the first.
const (
	distanceBins     = 50
	distanceExponent = -24
	// binBits is how many low bits of a float64 do not matter for its bin: all but exponent and first bit of mantissa.
	binBits  = 51
	firstBin = (1023 + distanceExponent) << 1
)

// Add takes over a repeat.
func (t *ConsistencyTally) Add(r *Repeat) {
	source := &t.OtherSource
	if r.SameSource {
		source = &t.SameSource
	}
	counts := &source.Second
	switch {
	case r.Changes > 0:
		counts = &source.Changed
	case r.Settled:
		counts = &source.Settled
	}
	counts.Repeats++
	if !r.Agrees {
		counts.Mismatches++
	}
	t.Farthest = max(t.Farthest, r.Distance)
	t.distances[min(max(int(math.Float64bits(r.Distance)>>binBits)-firstBin, 0), distanceBins-1)]++
}

// repeatClasses is the number of counts in a ConsistencyTally.
const repeatClasses = 6

// classes returns all counts of repeats.
func (t *ConsistencyTally) classes() [repeatClasses]*RepeatCounts {
	same, other := &t.SameSource, &t.OtherSource
	return [repeatClasses]*RepeatCounts{
		&same.Second, &same.Settled, &same.Changed,
		&other.Second, &other.Settled, &other.Changed,
	}
}

// Merge takes over the repeats of o.
func (t *ConsistencyTally) Merge(o *ConsistencyTally) {
	from := o.classes()
	for i, c := range t.classes() {
		c.Repeats += from[i].Repeats
		c.Mismatches += from[i].Mismatches
	}
	for i, n := range o.distances {
		t.distances[i] += n
	}
	t.Farthest = max(t.Farthest, o.Farthest)
}

// The tolerance for 1−cosine of repeats.
const (
	// minTolerance lies above what builds of one model on like hardware show, .9995, by more than five standard
	// deviations of a Distance.
	minTolerance = 1e-3
	// maxTolerance lies as far below what another model, pooling or template shows, .95 and less. It is in the middle
	// of what quantisation costs, .99 to .97.
	maxTolerance = 0.02
	// toleranceFactor is how far above nearly all of the repeats of a healthy phase the tolerance lies.
	toleranceFactor = 4
	// calibrationRepeats is how many repeats a calibration takes. Their 0.99-quantile is the largest of them.
	calibrationRepeats = 32
)

// Tolerance returns the 1−cosine up to which vectors of one text agree, from the repeats of a healthy phase: four
// times their 0.99-quantile, because batch shape, kernels and replicas move vectors by amounts that differ between
// servers, from 1e-7 to 1e-3, and are similar within one. It is at least 0.001, so that no noise of one build is
// reported, and at most 0.02, so that a phase that was not healthy does not hide a wrong vector later. With fewer than
// 32 repeats it is the latter: until something is known, only what is wrong beyond doubt counts.
func (t *ConsistencyTally) Tolerance() float64 {
	same, other := t.SameSource.Total(), t.OtherSource.Total()
	n := same.Repeats + other.Repeats
	if n < calibrationRepeats {
		return maxTolerance
	}
	return min(max(minTolerance, toleranceFactor*t.quantile(n, 0.99)), maxTolerance)
}

// quantile returns the q-quantile of n distances, rounded up by less than half: to the end of its bin, or Farthest.
func (t *ConsistencyTally) quantile(n uint64, q float64) float64 {
	below := uint64(0)
	for i, count := range t.distances {
		below += count
		if float64(below) >= q*float64(n) {
			return min(math.Float64frombits(uint64(firstBin+i+1)<<binBits), t.Farthest)
		}
	}
	return t.Farthest
}

const (
	tallyVersion = 1
	// tallyHeader is version and Farthest.
	tallyHeader = 1 + 8
)

// AppendBinary implements encoding.BinaryAppender.
func (t *ConsistencyTally) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, tallyVersion)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(t.Farthest))
	for _, c := range t.classes() {
		b = binary.AppendUvarint(b, c.Repeats)
		b = binary.AppendUvarint(b, c.Mismatches)
	}
	for _, n := range t.distances {
		b = binary.AppendUvarint(b, n)
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It leaves t as it is where it returns an error.
func (t *ConsistencyTally) UnmarshalBinary(data []byte) error {
	if len(data) < tallyHeader {
		return fmt.Errorf("consistency tally: want at least %d bytes, found %d", tallyHeader, len(data))
	}
	if data[0] != tallyVersion {
		return fmt.Errorf("consistency tally: want version %d, found %d", tallyVersion, data[0])
	}
	read := ConsistencyTally{Farthest: math.Float64frombits(binary.LittleEndian.Uint64(data[1:]))}
	if !(read.Farthest >= 0 && read.Farthest <= 2) {
		return fmt.Errorf("consistency tally: want a distance in [0, 2], found %g", read.Farthest)
	}
	var numbers [2*repeatClasses + distanceBins]uint64
	rest := data[tallyHeader:]
	for i := range numbers {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return fmt.Errorf("consistency tally: want %d numbers of up to 64 bits, found %d", len(numbers), i)
		}
		numbers[i], rest = v, rest[n:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("consistency tally: want nothing after the last number, found %d bytes", len(rest))
	}
	repeats, distances := uint64(0), uint64(0)
	for i, c := range read.classes() {
		c.Repeats, c.Mismatches = numbers[2*i], numbers[2*i+1]
		if c.Mismatches > c.Repeats {
			return fmt.Errorf("consistency tally: want no more mismatches than the %d repeats, found %d", c.Repeats, c.Mismatches)
		}
		repeats += c.Repeats
	}
	for i := range read.distances {
		read.distances[i] = numbers[len(numbers)-distanceBins+i]
		distances += read.distances[i]
	}
	if distances != repeats {
		return fmt.Errorf("consistency tally: want a distance for each of %d repeats, found %d", repeats, distances)
	}
	*t = read
	return nil
}
