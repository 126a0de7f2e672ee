package main

import (
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// referenceVectors is the number of vectors that references are learned from, the processor's default.
const referenceVectors = 1000

// observer watches one stream as the processor does.
type observer struct {
	source  stream.Source
	mix     *stream.Mix
	x       []float32
	monitor *drift.Monitor
	window  *drift.Window
	vectors int
}

// newObserver learns a reference from a source whose mix goes on to the next window with every so many vectors.
func newObserver(source stream.Source, mix *stream.Mix, dimension, vectors int) *observer {
	o := &observer{source: source, mix: mix, x: make([]float32, dimension), window: drift.NewWindow(dimension), vectors: vectors}
	learner := drift.NewLearner(dimension, referenceVectors)
	for n := 1; ; n++ {
		source.Next(o.x)
		squared, _ := vector.Measure(o.x, nil)
		if reference := learner.Add(o.x, math.Sqrt(squared)); reference != nil {
			o.monitor = drift.NewMonitor(reference)
			return o
		}
		if n%vectors == 0 {
			mix.Window()
		}
	}
}

// next watches one more window.
func (o *observer) next(runLength float64) drift.Findings {
	o.mix.Window()
	o.window.Reset()
	reference := o.monitor.Reference()
	for range o.vectors {
		o.source.Next(o.x)
		squared, dot := vector.Measure(o.x, reference.Centroid)
		norm := math.Sqrt(squared)
		o.window.Add(o.x, norm, drift.Cosine(dot, norm), reference)
	}
	return o.monitor.Add(o.window, runLength)
}
