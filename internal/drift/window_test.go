package drift

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// axes returns a reference whose centroid and only principal component are the first axis.
func axes(d int) *Reference {
	first := make([]float32, d)
	first[0] = 1
	return &Reference{Centroid: first, Basis: &Basis{components: [][]float32{first}, origin: []float64{0.5}}}
}

// add adds x with its norm and its cosine to the first axis.
func add(w *Window, x []float32) {
	squared, _ := vector.Measure(x, nil)
	norm := math.Sqrt(squared)
	w.Add(x, norm, Cosine(float64(x[0]), norm), axes(len(x)))
}

func TestWindowMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 8).Draw(t, "d")
		vectors := rapid.SliceOfN(rapid.SliceOfN(rapid.Float32Range(1e-3, 1e3), d, d), 1, 60).Draw(t, "vectors")
		parts := make([]*Window, rapid.IntRange(1, 6).Draw(t, "parts"))
		for i := range parts {
			parts[i] = NewWindow(d)
		}
		want := NewWindow(d)
		for _, x := range vectors {
			add(want, x)
			add(parts[rapid.IntRange(0, len(parts)-1).Draw(t, "part")], x)
		}
		got := NewWindow(d)
		for _, i := range rapid.Permutation(indices(len(parts))).Draw(t, "order") {
			got.Merge(parts[i])
		}
		assert.Equal(t, want.N(), got.N())
		assert.Equal(t, want.Cosines, got.Cosines)
		assertMoments(t, &want.Norm, &got.Norm)
		assertMoments(t, &want.Cosine, &got.Cosine)
		for i := range want.sum {
			assert.InEpsilon(t, want.sum[i], got.sum[i], 1e-9)
		}
		assert.Equal(t, want.projections.n, got.projections.n)
		scale := 1 + want.projections.squares[0]
		assert.InDelta(t, want.projections.sum[0], got.projections.sum[0], 1e-9*scale)
		assert.InDelta(t, want.projections.squares[0], got.projections.squares[0], 1e-9*scale)
	})
}

func TestWindowReset(t *testing.T) {
	w := NewWindow(2)
	add(w, []float32{3, 4})
	w.Reset()
	add(w, []float32{4, 3})
	fresh := NewWindow(2)
	add(fresh, []float32{4, 3})
	assert.Equal(t, fresh, w)
}

func TestWindowAddDoesNotAllocate(t *testing.T) {
	w, x, r := NewWindow(2560), make([]float32, 2560), axes(2560)
	x[0] = 1
	assert.Zero(t, testing.AllocsPerRun(100, func() { w.Add(x, 1, 0.5, r) }))
}

func BenchmarkWindowAdd(b *testing.B) {
	w, x, r := NewWindow(2560), make([]float32, 2560), &Reference{Basis: &Basis{}}
	x[0] = 1
	b.SetBytes(int64(len(x)) * vector.ElementSize)
	b.ReportAllocs()
	for b.Loop() {
		w.Add(x, 1, 0.5, r)
	}
}

// TestWindowProjectsAShare: the cost of projections must not grow with the rate.
func TestWindowProjectsAShare(t *testing.T) {
	w := NewWindow(2)
	for range 3 {
		for range 100 * projected {
			add(w, []float32{3, 4})
		}
		assert.GreaterOrEqual(t, w.projections.n, uint64(projected)/2)
		assert.LessOrEqual(t, w.projections.n, uint64(8*projected))
		w.Reset()
	}
}
