package main

import (
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

const (
	// month is the run length of the processor's defaults: 30 days of windows of 10 seconds.
	month = 30 * 24 * 360
	// learned is the number of windows before a fault.
	learned = 2 * drift.MinNull
	// maxDelay is after how many windows a fault counts as not found.
	maxDelay = 100
	// before and after are how many windows around the beginning of a fault are drawn.
	before, after = 5, 20
)

// fault is a fault with the size of the windows that it is looked for in.
type fault struct {
	name    string
	vectors int
	effect  func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect
	share   float64
	wanted  int // within how many vectors it is to be found; 0 where nothing is asked for
}

// faults returns those that few vectors have, and those that all have.
func faults() (few, all []fault) {
	wrongMean := func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
		return m.TurnMean(0.6, seed).Source(mix, seed).Next
	}
	constant := func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
		x := make([]float32, len(m.Geometry.Spectrum))
		m.Source(mix, seed).Next(x)
		return stream.Constant(x)
	}
	noise := func(cosine float64) func(*stream.Model, *stream.Mix, uint64) stream.Effect {
		return func(m *stream.Model, _ *stream.Mix, seed uint64) stream.Effect {
			return stream.Noise(len(m.Geometry.Spectrum), cosine, seed)
		}
	}
	return []fault{
			{"wrong mean (cosine .6), 30 %", 100, wrongMean, 0.3, 0},
			{"wrong mean (cosine .6), 10 %", 100, wrongMean, 0.1, 1000},
			{"wrong mean (cosine .6), 10 %", 1000, wrongMean, 0.1, 1000},
			{"wrong mean (cosine .6), 1 %", 1000, wrongMean, 0.01, 10000},
			{"one constant vector, 10 %", 100, constant, 0.1, 0},
			{"one constant vector, 3 %", 1000, constant, 0.03, 0},
		}, []fault{
			{"another model", 100, func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
				return stream.NewModel(m.Geometry, seed).Source(mix, seed).Next
			}, 1, 0},
			{"other covariance, same mean", 1000, func(m *stream.Model, mix *stream.Mix, seed uint64) stream.Effect {
				return m.Rotate(seed).Source(mix, seed).Next
			}, 1, 1000},
			{"noise, cosine .99", 1000, noise(0.99), 1, 0},
			{"noise, cosine .999", 1000, noise(0.999), 1, 0},
		}
}

// delay is how many windows it took to find a fault, one for each run, in ascending order; maxDelay where it was not found.
type delay struct {
	fault     fault
	dimension int
	windows   []float64
	found     map[drift.Statistic]int // which statistics found it
	evidence  []float64               // the median over runs of the largest, in the windows around the fault's beginning
}

func measureDelay(f fault, dimension, runs int) delay {
	const poolBytes = 32 << 20
	model := stream.NewModel(stream.PowerLaw(dimension), 1)
	pool := model.Deviations(poolBytes, 1)
	d := delay{fault: f, dimension: dimension, found: make(map[drift.Statistic]int)}
	type outcome struct {
		windows  float64
		alarms   []drift.Statistic
		evidence [before + after]float64
	}
	outcomes := parallel(runs, func(run int) outcome {
		seed := firstSeed + uint64(run)
		mix := stream.NewMix(stream.Even(1))
		planted := stream.NewFault(f.effect(model, mix, seed), f.share, seed)
		o := newObserver(stream.Inject(pool.Source(model, mix, seed), planted), mix, dimension, f.vectors)
		out := outcome{windows: maxDelay}
		for at := -learned; at < maxDelay; at++ {
			planted.On = at >= 0
			found := o.next(month)
			if i := at + before; i >= 0 && i < len(out.evidence) {
				for _, w := range found.Weights {
					out.evidence[i] = max(out.evidence[i], w.Evidence)
				}
			}
			if at >= 0 && len(out.alarms) == 0 {
				if out.alarms = found.Alarms(); len(out.alarms) > 0 {
					out.windows = float64(at + 1)
				}
			}
			if at >= after && len(out.alarms) > 0 {
				break
			}
		}
		return out
	})
	for _, o := range outcomes {
		d.windows = append(d.windows, o.windows)
		for _, statistic := range o.alarms {
			d.found[statistic]++
		}
	}
	slices.Sort(d.windows)
	for i := range before + after {
		var all []float64
		for _, o := range outcomes {
			all = append(all, o.evidence[i])
		}
		d.evidence = append(d.evidence, median(all))
	}
	return d
}

// median returns the larger of the middle two where there are two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
