package main

import (
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// traffic is what a service embeds while nothing is wrong.
type traffic struct {
	name     string
	geometry stream.Geometry
	mix      func(seed uint64) *stream.Mix
}

const topics = 20

func traffics(dimension int) []traffic {
	steady := func(topics int) func(uint64) *stream.Mix {
		return func(uint64) *stream.Mix { return stream.NewMix(stream.Even(topics)) }
	}
	swings := func(windows float64) func(uint64) *stream.Mix {
		return func(seed uint64) *stream.Mix { return stream.NewSwing(stream.Even(topics), 1, windows, seed) }
	}
	clustered := stream.Clustered(dimension, topics)
	return []traffic{
		{"power law, independent", stream.PowerLaw(dimension), steady(1)},
		{"low rank, independent", stream.LowRank(dimension, 16), steady(1)},
		{"anisotropic, independent", stream.Anisotropic(dimension), steady(1)},
		{"20 topics, steady mix", clustered, steady(topics)},
		{"20 topics, mix swings within 5 windows", clustered, swings(5)},
		{"20 topics, mix swings within 20 windows", clustered, swings(20)},
		{"20 topics, mix swings within 50 windows", clustered, swings(50)},
	}
}

// runLengths are how many windows it took until there was a false alarm, one for each run, in ascending order.
type runLengths struct {
	traffic string
	windows []float64
	// unended is how many runs were given up after maxRuns run lengths.
	unended int
	first   map[drift.Statistic]int // which statistics the alarms were of
}

// maxRuns is after how many run lengths a run is given up, which makes the mean smaller by less than a tenth.
const maxRuns = 10

func measureRunLengths(t traffic, s settings) runLengths {
	type outcome struct {
		windows float64
		alarms  []drift.Statistic
	}
	const poolBytes = 16 << 20
	model := stream.NewModel(t.geometry, 1)
	pool := model.Deviations(poolBytes, 1)
	outcomes := parallel(s.runs, func(run int) outcome {
		seed := uint64(run + 2)
		mix := t.mix(seed)
		o := newObserver(pool.Source(model, mix, seed), mix, s.dimension, s.vectors)
		for range drift.MinNull {
			o.next(s.runLength)
		}
		for windows := 1; ; windows++ {
			f := o.next(s.runLength)
			if alarms := f.Alarms(); len(alarms) > 0 || float64(windows) >= maxRuns*s.runLength {
				return outcome{float64(windows), alarms}
			}
		}
	})
	r := runLengths{traffic: t.name, first: make(map[drift.Statistic]int)}
	for _, o := range outcomes {
		r.windows = append(r.windows, o.windows)
		if len(o.alarms) == 0 {
			r.unended++
		}
		for _, statistic := range o.alarms {
			r.first[statistic]++
		}
	}
	slices.Sort(r.windows)
	return r
}
