package drift

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// ConsistencyTexts is the usual capacity of a Consistency: 78 KB, whatever the dimension.
const ConsistencyTexts = 256

const (
	// settleAfter is the number of agreements in a row after which a text's changes are forgotten. A model that is
	// changed now and then gives each text the time for that. An output that is wrong now and then does too, but only
	// once it went back from wrong to right, which is a change soon after a change.
	settleAfter = 4
	// maxShift limits the share of texts that are taken in to no less than one in 1024, where ConsistencyTexts reach back
	// over a quarter of a million texts.
	maxShift = 10
)

// The two segments of a Consistency; the entry of that index heads the segment's list.
const (
	probation = iota // texts that were seen once, or are the least recently used of the others
	protected        // texts that came back
	segments
)

// Consistency remembers the latest vector of some texts, to compare it with the one that the same text has next. It
// serves vectors of one model and one dimension. Its size is bounded; Compare does not allocate, and costs next to
// nothing for a text that the store does not follow.
//
// Most texts that are embedded for a search index never come back, while queries and probes do, so that plain
// recency would let every bulk load wash out what is worth keeping. Two things prevent it:
//
// Eviction is by segmented least recent use (Karedla, Love and Wherry 1994, "Caching strategies to improve disk system
// performance"). New texts enter a probation segment, and move to the protected one, four fifths of the capacity, when
// they come back. However many texts come once, they only displace each other.
//
// Where hardly any of the texts come back, they may do so at distances that are beyond the store's reach, as when an
// index is rebuilt every night. So the share of texts that may enter is halved whenever the store took in four times
// its capacity and found fewer than one repeat for 64 of these, which doubles its reach, and is doubled whenever it
// found more than one for 16. Between, it takes in as many texts as the repeats that it finds are worth. A fixed hash
// of the text decides which may enter, so that all processes follow the same ones and a text followed at a small
// share is followed at every larger one. What is in the store already stays until it is evicted.
type Consistency struct {
	projection projection
	entries    []entry // after the heads of the segments
	index      []int32 // by low bits of the text, the first entry of a chain; 0 ends it
	sizes      [segments]int
	capacity   int

	shift uint8 // texts enter up to a threshold of 2^(64−shift)−1
	// taken and found count new texts and repeats since the share was last reviewed.
	taken, found int
}

// entry is what is kept of a text. It is small enough that a sketch makes up most of it.
type entry struct {
	sketch       sketch
	text         uint64 // mixed
	source       uint32
	newer, older int32 // a ring through the head of the segment: the head's older is the most recent entry
	chain        int32
	agreed       uint8 // agreements in a row, up to settleAfter
	changes      uint8
	segment      uint8
}

// NewConsistency returns an empty store for up to capacity texts, at least one.
func NewConsistency(capacity int) *Consistency {
	capacity = max(capacity, 1)
	c := &Consistency{
		entries:  make([]entry, segments, segments+capacity),
		index:    make([]int32, 1<<bits.Len(uint(capacity-1))),
		capacity: capacity,
	}
	for head := range int32(segments) {
		c.entries[head].newer, c.entries[head].older = head, head
	}
	return c
}

// Repeat compares the vector of a text with the one that the same text had before.
type Repeat struct {
	// Distance is an estimate of 1−cosine between the two, in [0, 2]. Its relative standard deviation is 9 %; up to 256
	// dimensions, a few per cent where it is 0.001, and less where it is larger.
	Distance float64
	// Agrees tells that Distance is within the tolerance.
	Agrees bool
	// Source made the earlier vector, and SameSource tells that it made this one too.
	Source     uint32
	SameSource bool
	// Changes counts how often the text's vector had changed before, up to 255. It starts again from 0 when four
	// vectors in a row agreed with the one before.
	Changes uint8
	// Settled tells that the earlier vector was a sure one: it agreed with the one before it, and Changes is 0.
	Settled bool
}

// Compare takes over the vector of a text, of finite elements and a norm that is not 0, from a source: a number that
// the caller gives each replica. It returns how the vector compares to the one that the text had before, and false
// where none is known. Vectors agree where 1−cosine is at most tolerance; see ConsistencyTally.Tolerance.
func (c *Consistency) Compare(text uint64, x []float32, norm float64, source uint32, tolerance float64) (Repeat, bool) {
	// Mixed, because the caller may have chosen which texts come here by bits of their fingerprints.
	text = mix(text)
	at := c.find(text)
	known := at != 0
	if !known {
		if text > math.MaxUint64>>c.shift {
			return Repeat{}, false
		}
		c.review(1, 0)
		at = c.insert(text)
	}
	c.projection.project(x, norm)
	e := &c.entries[at]
	var r Repeat
	if known {
		r = e.compare(&c.projection, source, tolerance)
		c.review(0, 1)
		c.protect(at)
	}
	e.sketch.set(&c.projection)
	e.source = source
	return r, known
}

// compare returns the repeat and takes its outcome into the history of e.
func (e *entry) compare(p *projection, source uint32, tolerance float64) Repeat {
	distance := e.sketch.distance(p)
	r := Repeat{
		Distance:   distance,
		Agrees:     distance <= tolerance,
		Source:     e.source,
		SameSource: e.source == source,
		Changes:    e.changes,
		Settled:    e.changes == 0 && e.agreed > 0,
	}
	if !r.Agrees {
		e.agreed = 0
		e.changes = min(e.changes, math.MaxUint8-1) + 1
		return r
	}
	e.agreed = min(e.agreed+1, settleAfter)
	if e.agreed == settleAfter {
		e.changes = 0
	}
	return r
}

// review counts and adapts the share of texts that may enter.
func (c *Consistency) review(taken, found int) {
	c.taken += taken
	c.found += found
	switch {
	case 4*c.found > c.capacity: // in at most 4·capacity texts: more than one for 16
		c.shift = max(c.shift, 1) - 1
	case c.taken < 4*c.capacity:
		return
	case 16*c.found < c.capacity:
		c.shift = min(c.shift+1, maxShift)
	}
	c.taken, c.found = 0, 0
}

// find returns the entry of a text, 0 if there is none.
func (c *Consistency) find(text uint64) int32 {
	at := c.index[c.bucket(text)]
	for at != 0 && c.entries[at].text != text {
		at = c.entries[at].chain
	}
	return at
}

func (c *Consistency) bucket(text uint64) uint64 {
	return text & uint64(len(c.index)-1)
}

// insert makes an entry for a text that has none.
func (c *Consistency) insert(text uint64) int32 {
	at := int32(len(c.entries))
	if c.Len() < c.capacity {
		c.entries = c.entries[:at+1]
	} else {
		// The protected segment does not take the whole capacity, so there is one on probation.
		at = c.entries[probation].newer
		c.remove(at)
	}
	first := &c.index[c.bucket(text)]
	c.entries[at] = entry{text: text, chain: *first}
	*first = at
	c.link(at, probation)
	return at
}

// remove takes an entry out of its segment and out of the index.
func (c *Consistency) remove(at int32) {
	c.unlink(at)
	ref := &c.index[c.bucket(c.entries[at].text)]
	for *ref != at {
		ref = &c.entries[*ref].chain
	}
	*ref = c.entries[at].chain
}

// protect moves an entry to the recent end of the protected segment, which may move another one out.
func (c *Consistency) protect(at int32) {
	c.unlink(at)
	c.link(at, protected)
	if c.sizes[protected] > c.maxProtected() {
		oldest := c.entries[protected].newer
		c.unlink(oldest)
		c.link(oldest, probation)
	}
}

func (c *Consistency) maxProtected() int { return c.capacity * 4 / 5 }

func (c *Consistency) unlink(at int32) {
	e := &c.entries[at]
	c.entries[e.newer].older = e.older
	c.entries[e.older].newer = e.newer
	c.sizes[e.segment]--
}

// link puts an entry at the recent end of a segment.
func (c *Consistency) link(at int32, segment uint8) {
	e, head := &c.entries[at], int32(segment)
	e.segment, e.newer, e.older = segment, head, c.entries[head].older
	c.entries[e.older].newer = at
	c.entries[head].older = at
	c.sizes[segment]++
}

// Len returns the number of texts in the store.
func (c *Consistency) Len() int { return c.sizes[probation] + c.sizes[protected] }

const (
	consistencyVersion = 1
	// consistencyHeader is version, shift, taken, found, and the sizes of the segments.
	consistencyHeader = 1 + 1 + 4*4
	// consistencyEntry is text, source, agreed, changes, scale, residual, buckets.
	consistencyEntry = 8 + 4 + 1 + 1 + 4 + 4 + sketchSize
)

// AppendBinary implements encoding.BinaryAppender.
func (c *Consistency) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, consistencyVersion, c.shift)
	for _, n := range []int{c.taken, c.found, c.sizes[probation], c.sizes[protected]} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for head := range int32(segments) {
		// Each from its oldest entry, as they are linked when read.
		for at := c.entries[head].newer; at != head; at = c.entries[at].newer {
			e := &c.entries[at]
			b = binary.LittleEndian.AppendUint64(b, e.text)
			b = binary.LittleEndian.AppendUint32(b, e.source)
			b = append(b, e.agreed, e.changes)
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.sketch.scale))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.sketch.residual))
			for _, q := range e.sketch.buckets {
				b = append(b, byte(q))
			}
		}
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler for a store that NewConsistency returned, with room for as
// many texts as there are in data. It replaces what c holds, and leaves c as it is where it returns an error.
func (c *Consistency) UnmarshalBinary(data []byte) error {
	if len(data) < consistencyHeader {
		return fmt.Errorf("consistency: want at least %d bytes, found %d", consistencyHeader, len(data))
	}
	if data[0] != consistencyVersion {
		return fmt.Errorf("consistency: want version %d, found %d", consistencyVersion, data[0])
	}
	var header [4]int64
	for i := range header {
		header[i] = int64(binary.LittleEndian.Uint32(data[2+4*i:]))
	}
	capacity, limit := int64(c.capacity), int64(c.maxProtected())
	onProbation, underProtection := header[2], header[3]
	texts := onProbation + underProtection
	switch {
	case data[1] > maxShift:
		return fmt.Errorf("consistency: want a share of texts of 2^-0 to 2^-%d, found 2^-%d", maxShift, data[1])
	case header[0] >= 4*capacity || 4*header[1] > capacity:
		return fmt.Errorf("consistency: want fewer than %d new texts and at most %d repeats, found %d and %d",
			4*capacity, capacity/4, header[0], header[1])
	case texts > capacity || underProtection > limit:
		return fmt.Errorf("consistency: want at most %d texts, of which %d protected, found %d and %d",
			capacity, limit, texts, underProtection)
	case int64(len(data)) != consistencyHeader+texts*consistencyEntry:
		return fmt.Errorf("consistency: want %d bytes for %d texts, found %d",
			consistencyHeader+texts*consistencyEntry, texts, len(data))
	}
	read := NewConsistency(c.capacity)
	read.shift, read.taken, read.found = data[1], int(header[0]), int(header[1])
	for i, rest := int64(0), data[consistencyHeader:]; len(rest) > 0; i, rest = i+1, rest[consistencyEntry:] {
		text := binary.LittleEndian.Uint64(rest)
		if read.find(text) != 0 {
			return fmt.Errorf("consistency: want each text once, found %#x again at %d", text, i)
		}
		at := read.insert(text)
		if err := read.entries[at].unmarshal(rest[8:consistencyEntry]); err != nil {
			return fmt.Errorf("consistency: text %d: %w", i, err)
		}
		if i >= onProbation {
			read.protect(at)
		}
	}
	*c = *read
	return nil
}

// unmarshal reads what follows the text.
func (e *entry) unmarshal(data []byte) error {
	e.source = binary.LittleEndian.Uint32(data)
	e.agreed, e.changes = data[4], data[5]
	e.sketch.scale = math.Float32frombits(binary.LittleEndian.Uint32(data[6:]))
	e.sketch.residual = math.Float32frombits(binary.LittleEndian.Uint32(data[10:]))
	for i, q := range data[14:] {
		e.sketch.buckets[i] = int8(q)
	}
	switch scale, residual := e.sketch.scale, e.sketch.residual; {
	case e.agreed > settleAfter || e.agreed == settleAfter && e.changes > 0:
		return fmt.Errorf("want up to %d agreements, and no changes after %d, found %d and %d",
			settleAfter, settleAfter, e.agreed, e.changes)
	case !(scale >= 0 && scale <= math.MaxFloat32 && residual >= 0 && residual <= math.MaxFloat32):
		return fmt.Errorf("want finite numbers of at least 0 for the scale and the residual, found %g and %g", scale, residual)
	}
	return nil
}
