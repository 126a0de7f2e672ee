package stream

import (
	"fmt"
	"testing"
)

// The rate that is reported is what a simulation can draw on one core. Pools are larger than the caches.
func BenchmarkNext(b *testing.B) {
	for _, d := range []int{128, 2560} {
		for _, tt := range geometries(d) {
			m := NewModel(tt.geometry, 1)
			benchmarkSource(b, fmt.Sprintf("%s/d=%d", tt.name, d), m.Source(NewMix(Even(tt.geometry.Topics)), 1), d)
		}
		m := NewModel(Clustered(d, 20), 1)
		deviations := m.Deviations(128<<20, 1)
		source := deviations.Source(m, NewMix(Even(20)), 1)
		benchmarkSource(b, fmt.Sprintf("deviations/d=%d", d), source, d)
		benchmarkSource(b, fmt.Sprintf("pool/d=%d", d), NewPool(source, d, 128<<20).Source(1), d)
	}
}

func BenchmarkNoise(b *testing.B) {
	const d = 2560
	m := NewModel(PowerLaw(d), 1)
	f := NewFault(Noise(d, 0.99, 1), 1, 1)
	f.On = true
	benchmarkSource(b, "d=2560", Inject(m.Deviations(32<<20, 1).Source(m, NewMix(Even(1)), 1), f), d)
}

func benchmarkSource(b *testing.B, name string, source Source, d int) {
	b.Run(name, func(b *testing.B) {
		x := make([]float32, d)
		b.ReportAllocs()
		for b.Loop() {
			source.Next(x)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
	})
}
