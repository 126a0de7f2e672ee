package drift

import (
	"encoding"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

var (
	_ encoding.BinaryAppender    = (*Consistency)(nil)
	_ encoding.BinaryUnmarshaler = (*Consistency)(nil)
	_ encoding.BinaryAppender    = (*ConsistencyTally)(nil)
	_ encoding.BinaryUnmarshaler = (*ConsistencyTally)(nil)
)

// server makes the vectors of texts: unlike ones for unlike texts, and for the same text the same up to noise.
type server struct {
	d      int
	noise  float64 // 1−cosine between two answers
	random *rand.Rand
}

func newServer(d int, seed uint64) *server {
	return &server{d: d, noise: 1e-4, random: rand.New(rand.NewPCG(seed, 30))}
}

// answer returns the vector of a text by one of the server's models.
func (s *server) answer(text uint64, model uint64) []float32 {
	x := unitFloats(s.d, rand.New(rand.NewPCG(text, model)))
	return similar(x, 1-s.noise/2, s.random)
}

// wrong returns a vector at cosine .58 to the text's.
func (s *server) wrong(text uint64) []float32 {
	x := unitFloats(s.d, rand.New(rand.NewPCG(text, 0)))
	return similar(x, 0.58, rand.New(rand.NewPCG(text, 1)))
}

// checkStore tests what always holds.
func checkStore(t require.TestingT, c *Consistency) {
	require.LessOrEqual(t, c.Len(), c.capacity)
	require.LessOrEqual(t, c.sizes[protected], c.maxProtected())
	require.LessOrEqual(t, c.shift, uint8(maxShift))
	require.LessOrEqual(t, len(c.entries), c.capacity+segments)
	seen := make(map[uint64]bool)
	for head := range int32(segments) {
		n := 0
		for at := c.entries[head].older; at != head; at = c.entries[at].older {
			e := &c.entries[at]
			require.False(t, seen[e.text])
			seen[e.text] = true
			require.Equal(t, at, c.find(e.text))
			require.Equal(t, uint8(head), e.segment)
			require.Equal(t, at, c.entries[e.older].newer)
			n++
		}
		require.Equal(t, c.sizes[head], n)
	}
	chained := 0
	for _, at := range c.index {
		for ; at != 0; at = c.entries[at].chain {
			chained++
		}
	}
	require.Equal(t, c.Len(), chained)
}

// TestConsistencyKeepsLatest runs against a model without bounds. While the store is larger than the number of texts
// it must know each of them, and compare with the latest vector.
func TestConsistencyKeepsLatest(t *testing.T) {
	type latest struct {
		vector  []float32
		source  uint32
		agreed  int
		changes uint8
	}
	rapid.Check(t, func(t *rapid.T) {
		const tolerance = 0.02
		s := newServer(64, rapid.Uint64().Draw(t, "seed"))
		c := NewConsistency(64)
		known := make(map[uint64]latest)
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			text := rapid.Uint64Range(0, 20).Draw(t, "text")
			source := rapid.Uint32Range(0, 2).Draw(t, "source")
			x := s.answer(text, rapid.SampledFrom([]uint64{0, 0, 0, 1}).Draw(t, "model"))
			r, ok := c.Compare(text, x, norm(x), source, tolerance)
			before, want := known[text]
			require.Equal(t, want, ok)
			after := latest{vector: x, source: source}
			if ok {
				_, dot := vector.Measure(x, before.vector)
				cosine := dot / (norm(x) * norm(before.vector))
				assert.InDelta(t, cosine, 1-r.Distance, 0.01)
				agrees := 1-cosine < tolerance
				assert.Equal(t, Repeat{
					Distance: r.Distance, Agrees: agrees, Source: before.source, SameSource: source == before.source,
					Changes: before.changes, Settled: before.agreed > 0 && before.changes == 0,
				}, r)
				after.changes = before.changes
				if agrees {
					after.agreed = before.agreed + 1
					if after.agreed >= settleAfter {
						after.changes = 0
					}
				} else {
					after.changes++
				}
			}
			known[text] = after
			checkStore(t, c)
		}
		assert.Equal(t, len(known), c.Len())
	})
}

func TestConsistencyIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewConsistency(rapid.IntRange(-1, 40).Draw(t, "capacity"))
		texts := rapid.Uint64Range(1, 300).Draw(t, "texts")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 31))
		x := []float32{1}
		for range 2000 {
			c.Compare(random.Uint64N(texts), x, 1, 0, 0)
		}
		checkStore(t, c)
	})
}

// fill brings a store to its full load of texts, all of which came once but for some that came twice.
func fill(c *Consistency) {
	x := []float32{1}
	for text := range uint64(3 * ConsistencyTexts) {
		c.Compare(1e6+text, x, 1, 0, 0)
		if text%3 == 0 {
			c.Compare(1e6+text, x, 1, 0, 0)
		}
	}
}

// TestConsistencyFindsFaultOnSecondOccurrence plants the failure of a cache that pools partial state: the first
// vector of a text is right, and every later one is at cosine .58 to it.
func TestConsistencyFindsFaultOnSecondOccurrence(t *testing.T) {
	for _, d := range []int{256, 1024, 2560} {
		t.Run(fmt.Sprintf("d=%d", d), func(t *testing.T) {
			s, c := newServer(d, 1), NewConsistency(ConsistencyTexts)
			fill(c)
			var healthy, faulty ConsistencyTally
			for text := range uint64(300) {
				x := s.answer(text, 0)
				_, ok := c.Compare(text, x, norm(x), 0, maxTolerance)
				require.False(t, ok)
				for again := range 3 {
					tally := &healthy
					if x = s.answer(text, 0); text%2 == 1 {
						tally, x = &faulty, s.wrong(text)
					}
					r, ok := c.Compare(text, x, norm(x), 0, maxTolerance)
					require.True(t, ok)
					require.Equal(t, text%2 == 0 || again > 0, r.Agrees)
					tally.Add(&r)
				}
			}
			assert.Zero(t, healthy.SameSource.Total().Mismatches)
			assert.Equal(t, SourceRepeats{
				Second:  RepeatCounts{Repeats: 150, Mismatches: 150},
				Changed: RepeatCounts{Repeats: 300},
			}, faulty.SameSource)
			assert.InDelta(t, 0.42, faulty.Farthest, 0.2)
		})
	}
}

// tallies compares n vectors of random ones of 60 texts, from sources by turns at random, and returns the tally of
// all repeats and one of each source.
func tallies(c *Consistency, n, sources int, s *server, answer func(text uint64, source int) []float32) (
	all ConsistencyTally, each []ConsistencyTally,
) {
	each = make([]ConsistencyTally, sources)
	for range n {
		text, source := s.random.Uint64N(60), s.random.IntN(sources)
		x := answer(text, source)
		r, ok := c.Compare(text, x, norm(x), uint32(source), maxTolerance)
		if !ok {
			continue
		}
		all.Add(&r)
		each[source].Add(&r)
		if !r.SameSource {
			each[r.Source].Add(&r)
		}
	}
	return all, each
}

func share(c RepeatCounts) float64 { return float64(c.Mismatches) / float64(c.Repeats) }

// TestConsistencyTellsFaultsApart plants the cases that the documentation of ConsistencyTally describes.
func TestConsistencyTellsFaultsApart(t *testing.T) {
	const sources, n = 4, 3000
	warm := func(seed uint64) (*server, *Consistency) {
		s, c := newServer(384, seed), NewConsistency(ConsistencyTexts)
		all, _ := tallies(c, 1000, sources, s, func(text uint64, _ int) []float32 { return s.answer(text, 0) })
		require.Zero(t, all.SameSource.Total().Mismatches+all.OtherSource.Total().Mismatches)
		return s, c
	}
	t.Run("changed", func(t *testing.T) {
		s, c := warm(2)
		all, _ := tallies(c, n, sources, s, func(text uint64, _ int) []float32 { return s.answer(text, 7) })
		assert.EqualValues(t, 60, all.SameSource.Settled.Mismatches+all.OtherSource.Settled.Mismatches, "each text once")
		assert.Zero(t, all.SameSource.Changed.Mismatches+all.OtherSource.Changed.Mismatches)
		assert.NotZero(t, all.SameSource.Changed.Repeats)
	})
	t.Run("unstable", func(t *testing.T) {
		s, c := warm(3)
		all, each := tallies(c, n, sources, s, func(text uint64, _ int) []float32 {
			return s.answer(text, s.random.Uint64N(2))
		})
		assert.InDelta(t, 0.5, share(all.SameSource.Changed), 0.1)
		for _, one := range each {
			assert.InDelta(t, 0.5, share(one.SameSource.Changed), 0.15)
			assert.InDelta(t, 0.5, share(one.OtherSource.Total()), 0.1)
		}
	})
	t.Run("seldom unstable", func(t *testing.T) {
		s, c := warm(4)
		all, _ := tallies(c, n, sources, s, func(text uint64, _ int) []float32 {
			model := uint64(0)
			if s.random.IntN(20) == 0 {
				model = 1
			}
			return s.answer(text, model)
		})
		assert.Greater(t, share(all.SameSource.Changed), 0.2)
	})
	t.Run("one source", func(t *testing.T) {
		s, c := warm(5)
		tallies(c, 60*sources*4, sources, s, func(text uint64, source int) []float32 { // until each text was seen
			return s.answer(text, uint64(source/(sources-1)))
		})
		all, each := tallies(c, n, sources, s, func(text uint64, source int) []float32 {
			return s.answer(text, uint64(source/(sources-1)))
		})
		assert.Zero(t, all.SameSource.Total().Mismatches)
		for _, one := range each[:sources-1] {
			assert.InDelta(t, 1.0/(sources-1), share(one.OtherSource.Total()), 0.08)
		}
		assert.EqualValues(t, 1, share(each[sources-1].OtherSource.Total()))
	})
}

// TestConsistencySurvivesFlood: texts that came back stay through a bulk load of texts that never do.
func TestConsistencySurvivesFlood(t *testing.T) {
	s, c := newServer(64, 6), NewConsistency(ConsistencyTexts)
	const probes = 100
	probe := func(want bool) {
		for text := range uint64(probes) {
			x := s.answer(text, 0)
			r, ok := c.Compare(text, x, norm(x), 0, maxTolerance)
			require.Equal(t, want, ok)
			require.Equal(t, want, r.Agrees)
		}
	}
	probe(false)
	probe(true)
	x := []float32{1}
	for text := range uint64(100_000) {
		_, ok := c.Compare(1e6+text, x, 1, 0, 0)
		require.False(t, ok)
	}
	checkStore(t, c)
	assert.NotZero(t, c.shift)
	probe(true)

	t.Log("after the load, repeats open the store again")
	for text := range uint64(20_000) {
		for range 3 {
			c.Compare(1e9+text, x, 1, 0, 0)
		}
	}
	assert.Zero(t, c.shift)
	checkStore(t, c)
}

// TestConsistencyReach: texts that come back at distances beyond the store's capacity are found once a smaller share
// of them is followed.
func TestConsistencyReach(t *testing.T) {
	const texts = 50_000
	c, x := NewConsistency(ConsistencyTexts), []float32{1}
	found := 0
	for range 12 {
		found = 0
		for text := range uint64(texts) {
			if _, ok := c.Compare(text, x, 1, 0, 0); ok {
				found++
			}
		}
	}
	assert.Greater(t, found, ConsistencyTexts/4, "in the last round")
	checkStore(t, c)
}

// TestConsistencyFollowsTheSameTexts: two stores at their smallest share take in the same texts.
func TestConsistencyFollowsTheSameTexts(t *testing.T) {
	a, b, x := NewConsistency(ConsistencyTexts), NewConsistency(ConsistencyTexts), []float32{1}
	a.shift, b.shift = maxShift, maxShift
	const texts = 200_000
	for text := range uint64(texts) {
		a.Compare(text, x, 1, 0, 0)
		b.Compare(texts-1-text, x, 1, 0, 0)
	}
	assert.InDelta(t, texts/1024, a.Len(), 5*math.Sqrt(texts/1024))
	require.Equal(t, a.Len(), b.Len())
	for _, e := range a.entries[segments:] {
		assert.NotZero(t, b.find(e.text))
	}
}

func TestConsistencyMemory(t *testing.T) {
	assert.Equal(t, uintptr(296), unsafe.Sizeof(entry{}))
}

func TestConsistencyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 40).Draw(t, "capacity")
		s := newServer(16, rapid.Uint64().Draw(t, "seed"))
		texts := rapid.Uint64Range(1, 100).Draw(t, "texts")
		call := func(stores ...*Consistency) {
			text, source := s.random.Uint64N(texts), s.random.Uint32N(3)
			x := s.answer(text, s.random.Uint64N(2))
			want, known := stores[0].Compare(text, x, norm(x), source, 0.01)
			for _, c := range stores[1:] {
				r, ok := c.Compare(text, x, norm(x), source, 0.01)
				require.Equal(t, known, ok)
				require.Equal(t, want, r)
			}
		}
		c := NewConsistency(capacity)
		for range rapid.IntRange(0, 500).Draw(t, "calls") {
			call(c)
		}
		data, err := c.AppendBinary([]byte("before"))
		require.NoError(t, err)
		data = data[len("before"):]
		read := NewConsistency(capacity)
		call(read) // what was there is replaced
		require.NoError(t, read.UnmarshalBinary(data))
		checkStore(t, read)
		again, err := read.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, data, again)
		for range 100 {
			call(c, read)
		}
	})
}

func TestConsistencyRefusesCorruptState(t *testing.T) {
	c := NewConsistency(10)
	for text := range uint64(10) {
		c.Compare(text, []float32{1}, 1, 0, 0)
		c.Compare(text%5, []float32{1}, 1, 0, 0)
	}
	good, err := c.AppendBinary(nil)
	require.NoError(t, err)
	const first, second = consistencyHeader, consistencyHeader + consistencyEntry
	for want, corrupt := range map[string]func(b []byte) []byte{
		"want at least 18 bytes, found 0":                     func([]byte) []byte { return nil },
		"want version 1, found 2":                             func(b []byte) []byte { b[0] = 2; return b },
		"want a share of texts of 2^-0 to 2^-10, found 2^-11": func(b []byte) []byte { b[1] = 11; return b },
		"want fewer than 40 new texts":                        func(b []byte) []byte { b[2] = 40; return b },
		"want at most 10 texts, of which 8 protected, found 4278190090 and 5": func(b []byte) []byte {
			b[13] = 0xff
			return b
		},
		"want 2798 bytes for 10 texts, found 2799": func(b []byte) []byte { return append(b, 0) },
		"want each text once":                      func(b []byte) []byte { copy(b[second:], b[first:first+8]); return b },
		"text 0: want up to 4 agreements, and no changes after 4, found 5": func(b []byte) []byte {
			b[first+12] = 5
			return b
		},
		"text 0: want finite numbers of at least 0 for the scale": func(b []byte) []byte { b[first+17] = 0xff; return b },
	} {
		err := c.UnmarshalBinary(corrupt(append([]byte(nil), good...)))
		assert.ErrorContains(t, err, want)
	}
	same, err := c.AppendBinary(nil)
	require.NoError(t, err)
	assert.Equal(t, good, same, "unharmed by what was refused")
	assert.Error(t, NewConsistency(9).UnmarshalBinary(good), "no room")
}

// FuzzConsistencyUnmarshal: whatever is read is refused, or is a store that works.
func FuzzConsistencyUnmarshal(f *testing.F) {
	c := NewConsistency(8)
	for text := range uint64(30) {
		if text%10 == 0 {
			data, _ := c.AppendBinary(nil)
			f.Add(data)
			f.Add(data[:len(data)-1])
		}
		c.Compare(text%9, []float32{1, float32(text)}, math.Hypot(1, float64(text)), uint32(text), 0.01)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := NewConsistency(8)
		if c.UnmarshalBinary(data) != nil {
			require.Zero(t, c.Len())
			return
		}
		checkStore(t, c)
		again, err := c.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, data, again)
		for text := range uint64(20) {
			if r, ok := c.Compare(text, []float32{1}, 1, 0, 0.01); ok {
				require.True(t, r.Distance >= 0 && r.Distance <= 2)
			}
		}
		checkStore(t, c)
	})
}

func drawRepeat() *rapid.Generator[Repeat] {
	return rapid.Custom(func(t *rapid.T) Repeat {
		return Repeat{
			Distance:   math.Exp2(-rapid.Float64Range(-1, 40).Draw(t, "octaves")),
			Agrees:     rapid.Bool().Draw(t, "agrees"),
			SameSource: rapid.Bool().Draw(t, "same source"),
			Changes:    rapid.Uint8Range(0, 2).Draw(t, "changes"),
			Settled:    rapid.Bool().Draw(t, "settled"),
		}
	})
}

// TestConsistencyTallyMerge: parts of the repeats, stored and read, merge in any order into the tally of all.
func TestConsistencyTallyMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := make([]ConsistencyTally, rapid.IntRange(1, 6).Draw(t, "parts"))
		var want, got ConsistencyTally
		for _, r := range rapid.SliceOfN(drawRepeat(), 0, 100).Draw(t, "repeats") {
			want.Add(&r)
			parts[rapid.IntRange(0, len(parts)-1).Draw(t, "part")].Add(&r)
		}
		for _, i := range rapid.Permutation(indices(len(parts))).Draw(t, "order") {
			data, err := parts[i].AppendBinary([]byte("before"))
			require.NoError(t, err)
			read := ConsistencyTally{Farthest: 1}
			require.NoError(t, read.UnmarshalBinary(data[len("before"):]))
			require.Equal(t, parts[i], read)
			got.Merge(&read)
		}
		assert.Equal(t, want, got)
		assert.Equal(t, want.Tolerance(), got.Tolerance())
	})
}

func TestConsistencyTallyRefusesCorruptState(t *testing.T) {
	var tally ConsistencyTally
	good, err := tally.AppendBinary(nil)
	require.NoError(t, err)
	assert.Len(t, good, 71)
	for want, corrupt := range map[string]func(b []byte) []byte{
		"want at least 9 bytes, found 0":                    func([]byte) []byte { return nil },
		"want version 1, found 9":                           func(b []byte) []byte { b[0] = 9; return b },
		"want a distance in [0, 2], found NaN":              func(b []byte) []byte { copy(b[7:], "\xff\x7f"); return b },
		"want 62 numbers of up to 64 bits, found 11":        func(b []byte) []byte { return b[:20] },
		"want no more mismatches than the 0 repeats":        func(b []byte) []byte { b[10] = 1; return b },
		"want a distance for each of 0 repeats, found 2":    func(b []byte) []byte { b[70] = 2; return b },
		"want nothing after the last number, found 1 bytes": func(b []byte) []byte { return append(b, 0) },
	} {
		assert.ErrorContains(t, tally.UnmarshalBinary(corrupt(append([]byte(nil), good...))), want)
	}
	same, err := tally.AppendBinary(nil)
	require.NoError(t, err)
	assert.Equal(t, good, same, "unharmed by what was refused")
}

func FuzzConsistencyTallyUnmarshal(f *testing.F) {
	var tally ConsistencyTally
	for i := range 40 {
		tally.Add(&Repeat{Distance: math.Exp2(float64(-i)), Agrees: i%2 == 0, SameSource: i%3 == 0, Settled: i%5 == 0})
	}
	data, _ := tally.AppendBinary(nil)
	f.Add(data)
	f.Add(data[:30])
	f.Fuzz(func(t *testing.T, data []byte) {
		var read ConsistencyTally
		if read.UnmarshalBinary(data) != nil {
			require.Zero(t, read)
			return
		}
		tolerance := read.Tolerance()
		require.True(t, tolerance >= minTolerance && tolerance <= maxTolerance)
	})
}

// TestTolerance: the bands in which repeats of servers lie lead to tolerances that separate them.
func TestTolerance(t *testing.T) {
	calibrate := func(n int, distance float64, outliers int) float64 {
		var tally ConsistencyTally
		for i := range n {
			r := Repeat{Distance: distance * float64(i+1) / float64(n), SameSource: i%2 == 0}
			if i < outliers {
				r.Distance = 0.42
			}
			tally.Add(&r)
		}
		return tally.Tolerance()
	}
	assert.Equal(t, maxTolerance, calibrate(0, 0, 0))
	assert.Equal(t, maxTolerance, calibrate(calibrationRepeats-1, 0, 0), "too few")
	assert.Equal(t, minTolerance, calibrate(calibrationRepeats, 0, 0), "bit for bit the same")
	assert.Equal(t, minTolerance, calibrate(1000, 1e-4, 0))
	assert.Equal(t, minTolerance, calibrate(1000, 1e-4, 9), "below one in a hundred")
	assert.InEpsilon(t, 4*9e-4, calibrate(1000, 9e-4, 0), 0.05, "batch shape drift")
	assert.Equal(t, maxTolerance, calibrate(1000, 1e-4, 100), "not a healthy phase")
}

// TestToleranceIsCalibrated: after calibration, a server's own noise does not count and a tenfold one does.
func TestToleranceIsCalibrated(t *testing.T) {
	for _, noise := range []float64{1e-6, 1e-4, 1e-3} {
		s, c := newServer(1024, 7), NewConsistency(ConsistencyTexts)
		s.noise = noise
		answer := func(text uint64, _ int) []float32 { return s.answer(text, 0) }
		healthy, _ := tallies(c, 1000, 1, s, answer)
		tolerance := healthy.Tolerance()
		assert.Less(t, healthy.Farthest, tolerance)
		assert.Less(t, tolerance, max(10*noise, 1.1e-3))
	}
}

func TestQuantileRoundsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		distance := drawRepeat().Draw(t, "repeat").Distance
		var tally ConsistencyTally
		tally.Add(&Repeat{Distance: distance})
		tally.Add(&Repeat{Distance: 2})
		got := tally.quantile(2, 0.5)
		assert.GreaterOrEqual(t, got, distance)
		assert.LessOrEqual(t, got, max(1.5*distance, math.Exp2(distanceExponent)*1.5))
	})
}

// TestConsistencyDoesNotAllocate: not for new texts, repeats, mismatches, or evictions.
func TestConsistencyDoesNotAllocate(t *testing.T) {
	s, c := newServer(2560, 8), NewConsistency(ConsistencyTexts)
	fill(c)
	x, y := s.answer(0, 0), s.answer(0, 1)
	var tally ConsistencyTally
	text := uint64(0)
	assert.Zero(t, testing.AllocsPerRun(2000, func() {
		text++
		for _, v := range [][]float32{x, x, y} {
			if r, ok := c.Compare(text, v, 1, 0, 0.01); ok {
				tally.Add(&r)
			}
		}
	}))
	assert.NotZero(t, tally.SameSource.Total().Mismatches)
}

func BenchmarkConsistencyCompare(b *testing.B) {
	x := unitFloats(2560, rand.New(rand.NewPCG(32, 32)))
	for name, texts := range map[string]uint64{"repeats": 256, "new texts": math.MaxUint64} {
		b.Run(name, func(b *testing.B) {
			c := NewConsistency(ConsistencyTexts)
			fill(c)
			b.ReportAllocs()
			for text := uint64(0); b.Loop(); text++ {
				c.shift = 0 // the cost of a text that is followed
				c.Compare(text%texts, x, 1, 0, 0.01)
			}
		})
	}
	b.Run("texts not followed", func(b *testing.B) {
		c := NewConsistency(ConsistencyTexts)
		c.shift = maxShift
		b.ReportAllocs()
		for text := uint64(0); b.Loop(); text++ {
			c.Compare(text, x, 1, 0, 0.01)
		}
	})
}
