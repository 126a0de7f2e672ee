package drift

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// squares draws weighted sums of squares, as squared distances of means are: eigenvalues fall as 1/j, and the first of them
// hold a topic mix besides that stays for about correlation windows, 0 for none.
type squares struct {
	random      *rand.Rand
	persistence float64
	amplitude   float64
	topics      [8]float64
	sampling    float64
}

const eigenvalues = 40

func newSquares(correlation float64, seed uint64) *squares {
	s := &squares{random: rand.New(rand.NewPCG(seed, 7))}
	if correlation > 0 {
		s.persistence, s.amplitude = math.Exp(-1/correlation), 1.5
	}
	for i := range s.topics {
		s.topics[i] = s.random.NormFloat64()
	}
	for j := range eigenvalues {
		s.sampling += 1 / float64(j+1)
	}
	return s
}

func (s *squares) next() Sample {
	sum := 0.0
	for j := range eigenvalues {
		x := s.random.NormFloat64() / math.Sqrt(float64(j+1))
		if j < len(s.topics) {
			s.topics[j] = s.persistence*s.topics[j] + math.Sqrt(1-s.persistence*s.persistence)*s.random.NormFloat64()
			x += s.amplitude * s.topics[j]
		}
		sum += x * x
	}
	return Sample{Value: sum, Sampling: s.sampling}
}

// TestDetectorRunLength measures how many windows pass until a false alarm. With 100 runs the mean is known to a tenth.
func TestDetectorRunLength(t *testing.T) {
	const runs, runLength = 100, 2000
	for name, correlation := range map[string]float64{"independent": 0, "mix of 20 windows": 20, "mix of 100 windows": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			threshold, total := NewThreshold(runLength, 1), 0.0
			for run := range runs {
				d, s := &Detector{null: &Null{}}, newSquares(correlation, uint64(run))
				for windows := -MinNull; ; windows++ {
					if d.add(s.next(), threshold).Alarm() || windows > 20*runLength {
						total += float64(windows)
						break
					}
				}
			}
			ratio := total / runs / runLength
			t.Logf("%.2f run lengths", ratio)
			assert.Greater(t, ratio, 1.0)
			assert.Less(t, ratio, 2.2) // the standard error is a tenth
		})
	}
}

// TestDetectorFindsWhatStays is for a fault that lasts: a forecast must not explain it away by itself.
func TestDetectorFindsWhatStays(t *testing.T) {
	for _, correlation := range []float64{0, 20} {
		d, s := &Detector{null: &Null{}}, newSquares(correlation, 3)
		threshold := NewThreshold(260_000, statistics)
		for range 1000 {
			require.False(t, d.add(s.next(), threshold).Alarm())
		}
		alarms := 0
		for range 30 {
			sample := s.next()
			sample.Value *= 6
			if d.add(sample, threshold).Alarm() {
				alarms++
			}
		}
		assert.GreaterOrEqual(t, alarms, 15, "correlation %v", correlation)
		windows := 0
		for ; d.add(s.next(), threshold).Alarm(); windows++ {
			require.Less(t, windows, 60, "the alarm does not end")
		}
	}
}

func TestDetectorOfOneValue(t *testing.T) {
	threshold := NewThreshold(1000, 1)
	for _, s := range []Sample{{}, {Value: 1, Sampling: 1}} {
		d := &Detector{null: &Null{}}
		for range 2 * MinNull {
			w := d.add(s, threshold)
			require.False(t, math.IsNaN(w.P) || math.IsNaN(w.Evidence))
			require.False(t, w.Alarm())
		}
	}
}

func TestNullStopsLearning(t *testing.T) {
	n := &Null{}
	for range maxNull + 10 {
		n.Add(Sample{Value: 1, Sampling: 1})
	}
	assert.Equal(t, maxNull, n.N())
}

func BenchmarkDetectorAdd(b *testing.B) {
	d, s := &Detector{null: &Null{}}, newSquares(20, 1)
	threshold := NewThreshold(260_000, statistics)
	for range maxNull {
		d.add(s.next(), threshold)
	}
	sample := s.next()
	b.ReportAllocs()
	for b.Loop() {
		d.add(sample, threshold)
	}
}
