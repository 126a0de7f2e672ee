package main

import (
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

const (
	// month is the run length of the processor's defaults: 30 days of windows of 10 seconds.
	month = 30 * 24 * 360
	// delayRuns is how many times each fault is planted.
	delayRuns = 20
	// maxDelay is after how many windows a fault counts as not found.
	maxDelay = 200
)

// fault is a fault with the size of the windows that it is looked for in.
type fault struct {
	name    string
	vectors int
	effect  func(m *stream.Model, mix *stream.Mix, dimension int, seed uint64) stream.Effect
	share   float64
}

func faults() []fault {
	wrongMean := func(m *stream.Model, mix *stream.Mix, _ int, seed uint64) stream.Effect {
		return m.TurnMean(0.6, seed).Source(mix, seed).Next
	}
	noise := func(cosine float64) func(*stream.Model, *stream.Mix, int, uint64) stream.Effect {
		return func(_ *stream.Model, _ *stream.Mix, dimension int, seed uint64) stream.Effect {
			return stream.Noise(dimension, cosine, seed)
		}
	}
	return []fault{
		{"wrong mean (cosine .6), 30 %", 100, wrongMean, 0.3},
		{"wrong mean (cosine .6), 10 %", 100, wrongMean, 0.1},
		{"wrong mean (cosine .6), 1 %", 1000, wrongMean, 0.01},
		{"one constant vector, 3 %", 1000, func(m *stream.Model, mix *stream.Mix, dimension int, seed uint64) stream.Effect {
			constant := make([]float32, dimension)
			m.Source(mix, seed).Next(constant)
			return stream.Constant(constant)
		}, 0.03},
		{"other covariance, same mean", 1000, func(m *stream.Model, mix *stream.Mix, _ int, seed uint64) stream.Effect {
			return m.Rotate(seed).Source(mix, seed).Next
		}, 1},
		{"noise, cosine .99", 1000, noise(0.99), 1},
		{"noise, cosine .999", 1000, noise(0.999), 1},
		{"another model", 100, func(m *stream.Model, mix *stream.Mix, _ int, seed uint64) stream.Effect {
			return stream.NewModel(m.Geometry, seed).Source(mix, seed).Next
		}, 1},
	}
}

// delay is how many windows it took to find a fault, one for each run, in ascending order; maxDelay where it was not found.
type delay struct {
	fault     fault
	dimension int
	windows   []float64
	found     map[drift.Statistic]int // which statistics found it
}

func measureDelay(f fault, dimension int) delay {
	const poolBytes = 32 << 20
	geometry := stream.PowerLaw(dimension)
	model := stream.NewModel(geometry, 1)
	pool := model.Deviations(poolBytes, 1)
	d := delay{fault: f, dimension: dimension, found: make(map[drift.Statistic]int)}
	type outcome struct {
		windows float64
		alarms  []drift.Statistic
	}
	for _, o := range parallel(delayRuns, func(run int) outcome {
		seed := uint64(run + 2)
		mix := stream.NewMix(stream.Even(1))
		planted := stream.NewFault(f.effect(model, mix, dimension, seed), f.share, seed)
		o := newObserver(stream.Inject(pool.Source(model, mix, seed), planted), mix, dimension, f.vectors)
		for range 2 * drift.MinNull {
			o.next(month)
		}
		planted.On = true
		for windows := 1; ; windows++ {
			found := o.next(month)
			if alarms := found.Alarms(); len(alarms) > 0 || windows == maxDelay {
				return outcome{float64(windows), alarms}
			}
		}
	}) {
		d.windows = append(d.windows, o.windows)
		for _, statistic := range o.alarms {
			d.found[statistic]++
		}
	}
	slices.Sort(d.windows)
	return d
}
