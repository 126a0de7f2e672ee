package main

import (
	"math"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// repeats is what was found of texts that came again while their vectors were alike and after they were not.
type repeats struct {
	dimension           int
	healthy, falseAlarm int
	// known is how many of the faulty repeats are of texts that the store had not let go of.
	faulty, known, found int
}

const (
	usualCosine = 0.999
	wrongCosine = 0.58
)

// measureRepeats lets a fifth of the vectors be those of texts that were seen before: at a cosine of .999 to the first, and later of
// .58, as in a cache of prefixes that pooled over the new part of the text alone.
func measureRepeats(dimension, runs int) repeats {
	const share, memory, vectors = 0.2, 50, 2000
	model := stream.NewModel(stream.PowerLaw(dimension), 1)
	total := repeats{dimension: dimension}
	for _, r := range parallel(runs, func(run int) repeats {
		seed := firstSeed + uint64(run)
		source := stream.NewRepeats(model.Source(stream.NewMix(stream.Even(1)), seed), dimension, share, memory, seed)
		usual, changed := stream.Noise(dimension, usualCosine, seed), stream.Noise(dimension, wrongCosine, seed)
		effect := usual
		source.Fault = stream.NewFault(func(x []float32) { effect(x) }, 1, seed)
		source.Fault.On = true
		store, x := drift.NewConsistency(drift.ConsistencyTexts), make([]float32, dimension)
		var healthy drift.ConsistencyTally
		var r repeats
		for i := range 2 * vectors {
			if i == vectors {
				effect = changed
			}
			hits := source.Fault.Hits
			text := source.Next(x)
			squared, _ := vector.Measure(x, nil)
			repeat, known := store.Compare(uint64(text), x, math.Sqrt(squared), 0, healthy.Tolerance())
			wrong := i >= vectors && source.Fault.Hits > hits
			if wrong {
				r.faulty++
			}
			switch {
			case !known:
			case wrong:
				r.known++
				if !repeat.Agrees {
					r.found++
				}
			default:
				healthy.Add(&repeat)
				r.healthy++
				if !repeat.Agrees {
					r.falseAlarm++
				}
			}
		}
		return r
	}) {
		total.healthy, total.falseAlarm = total.healthy+r.healthy, total.falseAlarm+r.falseAlarm
		total.faulty, total.known, total.found = total.faulty+r.faulty, total.known+r.known, total.found+r.found
	}
	return total
}
