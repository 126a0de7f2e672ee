package validity

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

// TestMeasure plants one fault at a random place of a random vector of norm 2.
func TestMeasure(t *testing.T) {
	const norm = 2
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.SliceOfN(rapid.Float32Range(-1, 1), 2, 300).Filter(func(x []float32) bool { return length(x) > 1e-3 }).Draw(rt, "x")
		scale(x, norm/length(x))
		centroid := make([]float32, len(x))
		at := rapid.IntRange(0, len(x)-1).Draw(rt, "at")
		centroid[at] = 1
		want := Expected{Dimension: len(x), Norm: norm, Tolerance: 0.01}

		v := Measure(x, want, centroid)
		require.Equal(rt, None, v.Fault)
		require.InDelta(rt, norm, v.Norm, 1e-5)
		require.InDelta(rt, float64(x[at])/norm, v.Cosine, 1e-5)
		require.Zero(rt, Measure(x, want, nil).Cosine)

		fault := func(change func(x []float32)) Fault {
			y := slices.Clone(x)
			change(y)
			return Measure(y, want, centroid).Fault
		}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			require.Equal(rt, NonFinite, fault(func(x []float32) { x[at] = float32(bad) }))
		}
		require.Equal(rt, Zero, fault(func(x []float32) { clear(x) }))
		require.Equal(rt, Norm, fault(func(x []float32) { scale(x, 1.02) }))
		require.Equal(rt, Norm, fault(func(x []float32) { scale(x, 0.98) }))
		require.Equal(rt, None, fault(func(x []float32) { scale(x, 1.009) }))
		require.Equal(rt, Dimension, Measure(append(slices.Clone(x), 0), want, centroid).Fault)
		want.Norm = 0
		require.Equal(rt, None, fault(func(x []float32) { scale(x, 7) }), "any norm will do")
	})
}

func length(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func scale(x []float32, by float64) {
	for i := range x {
		x[i] = float32(float64(x[i]) * by)
	}
}

func TestFaults(t *testing.T) {
	var names []string
	for i := range Faults {
		names = append(names, Fault(i).String())
	}
	assert.Equal(t, []string{"", "non_finite", "zero", "dimension", "norm", "duplicate", "outlier"}, names)
	assert.False(t, None.Invalid())
	assert.True(t, Duplicate.Invalid())
	assert.False(t, Outlier.Invalid(), "it is unusual")
}

func TestNorms(t *testing.T) {
	var n Norms
	for range 31 {
		require.False(t, n.Observe(1, 0.01))
	}
	assert.True(t, n.Observe(1.009, 0.01), "after 32")

	n = Norms{}
	for range 5000 {
		require.False(t, n.Observe(3, 0.01))
	}
	seen := 1
	for ; !n.Observe(1, 0.01); seen++ {
		require.Less(t, seen, 5000, "outgrown")
	}
	assert.Greater(t, seen, 500)
}

// TestDuplicates plants repeats among the last 500 vectors: those of another text are found, those of the same are none.
func TestDuplicates(t *testing.T) {
	var d Duplicates
	random := rand.New(rand.NewPCG(1, 2))
	text := func(i uint64) Text { return Text(binary.BigEndian.AppendUint64(nil, i)) }
	for i := range uint64(20_000) {
		require.False(t, d.Add(i, text(i)))
		earlier := i - min(i, random.Uint64N(500))
		require.True(t, d.Add(earlier, text(i+1)), "%d after %d", earlier, i)
		require.False(t, d.Add(earlier, text(earlier)))
		require.LessOrEqual(t, d.Len(), 2*1024)
	}
	d.Reset()
	require.Zero(t, d.Len())
	require.False(t, d.Add(19_999, text(0)))
}

func TestHasher(t *testing.T) {
	seed := maphash.MakeSeed()
	a, b := NewHasher(seed), NewHasher(seed)
	x := []float32{1, 2, 3}
	assert.Equal(t, a.Hash(x), b.Hash(slices.Clone(x)))
	assert.NotEqual(t, a.Hash(x), a.Hash([]float32{1, 2, math.Nextafter32(3, 4)}))
	assert.Zero(t, testing.AllocsPerRun(100, func() { a.Hash(x) }))
}

func TestIsOutlier(t *testing.T) {
	var m drift.Moments
	for _, cosine := range []float64{0.4, 0.6} {
		m.Add(cosine)
	}
	assert.False(t, IsOutlier(0.5+7.9*m.StdDev(), &m, 8))
	assert.True(t, IsOutlier(0.5-8.1*m.StdDev(), &m, 8))

	m = drift.Moments{}
	m.Add(0.5)
	assert.False(t, IsOutlier(0.5+1e-6, &m, 8), "rounding is no spread")
}
