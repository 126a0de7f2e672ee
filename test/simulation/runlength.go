package main

import (
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// traffic is what a service embeds while nothing is wrong.
type traffic struct {
	name      string
	geometry  stream.Geometry
	swings    float64 // within how many windows the mix of topics does; 0 is a steady mix
	runLength float64
}

const topics = 20

func (t *traffic) dimension() int { return len(t.geometry.Spectrum) }

func (t *traffic) mix(seed uint64) *stream.Mix {
	even := stream.Even(t.geometry.Topics)
	if t.swings == 0 {
		return stream.NewMix(even)
	}
	return stream.NewSwing(even, 1, t.swings, seed)
}

// traffics returns all traffics in vectors that are cheap, and some in long ones, for a run length that makes up for them.
func traffics(runLength float64) []traffic {
	const (
		longer, longerRunLength   = 1024, 0.5
		longest, longestRunLength = 4096, 0.2
	)
	clustered := stream.Clustered(short, topics)
	return []traffic{
		{"power law, independent", stream.PowerLaw(short), 0, runLength},
		{"low rank, independent", stream.LowRank(short, 16), 0, runLength},
		{"anisotropic, independent", stream.Anisotropic(short), 0, runLength},
		{"20 topics, steady mix", clustered, 0, runLength},
		{"20 topics, mix swings within 5 windows", clustered, 5, runLength},
		{"20 topics, mix swings within 20 windows", clustered, 20, runLength},
		{"20 topics, mix swings within 50 windows", clustered, 50, runLength},
		{"power law, independent", stream.PowerLaw(longer), 0, longerRunLength * runLength},
		{"20 topics, mix swings within 20 windows", stream.Clustered(longer, topics), 20, longerRunLength * runLength},
		{"power law, independent", stream.PowerLaw(longest), 0, longestRunLength * runLength},
	}
}

// runLengths are how many run lengths it took until there was a false alarm, one for each run, in ascending order.
type runLengths struct {
	traffic traffic
	lengths []float64
	// unended is how many runs were given up after maxRuns run lengths.
	unended int
	first   map[drift.Statistic]int // which statistics the alarms were of
}

// maxRuns is after how many run lengths a run is given up. Where run lengths have an exponential distribution of the mean 2, the
// largest that is wanted, that makes their mean smaller by a hundredth.
const maxRuns = 10

// windowVectors is the number of vectors of a window where run lengths are measured, the processor's default of those that are
// judged.
const windowVectors = 100

func measureRunLengths(t traffic, runs int) runLengths {
	type outcome struct {
		windows int
		alarms  []drift.Statistic
	}
	poolBytes := max(4<<20, 4<<10*t.dimension())
	model := stream.NewModel(t.geometry, 1)
	pool := model.Deviations(poolBytes, 1)
	r := runLengths{traffic: t, first: make(map[drift.Statistic]int)}
	for _, o := range parallel(runs, func(run int) outcome {
		seed := firstSeed + uint64(run)
		mix := t.mix(seed)
		o := newObserver(pool.Source(model, mix, seed), mix, t.dimension(), windowVectors)
		for range drift.MinNull {
			o.next(t.runLength)
		}
		for windows := 1; ; windows++ {
			f := o.next(t.runLength)
			if alarms := f.Alarms(); len(alarms) > 0 || float64(windows) >= maxRuns*t.runLength {
				return outcome{windows, alarms}
			}
		}
	}) {
		r.lengths = append(r.lengths, float64(o.windows)/t.runLength)
		if len(o.alarms) == 0 {
			r.unended++
		}
		for _, statistic := range o.alarms {
			r.first[statistic]++
		}
	}
	slices.Sort(r.lengths)
	return r
}
