package drift

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// add adds x with its norm and its cosine to the first axis.
func add(w *Window, x []float32) {
	squared, _ := vector.Measure(x, nil)
	norm := math.Sqrt(squared)
	w.Add(x, norm, Cosine(float64(x[0]), norm))
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
	})
}

func TestWindowReset(t *testing.T) {
	w := NewWindow(2)
	add(w, []float32{3, 4})
	w.Reset()
	assert.Equal(t, NewWindow(2), w)
}

func TestWindowAddDoesNotAllocate(t *testing.T) {
	w, x := NewWindow(2560), make([]float32, 2560)
	x[0] = 1
	assert.Zero(t, testing.AllocsPerRun(100, func() { w.Add(x, 1, 0.5) }))
}

func BenchmarkWindowAdd(b *testing.B) {
	w, x := NewWindow(2560), make([]float32, 2560)
	x[0] = 1
	b.SetBytes(int64(len(x)) * vector.ElementSize)
	b.ReportAllocs()
	for b.Loop() {
		w.Add(x, 1, 0.5)
	}
}
