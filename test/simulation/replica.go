package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

const (
	replicas     = 8
	swingWindows = 20
)

// pool watches replicas that share traffic whose mix swings within 20 windows.
type pool struct {
	source       *stream.Replicas
	mix          *stream.Mix
	x            []float32
	reference    *drift.Reference
	differential *drift.Differential
	parts        []drift.Replica
	vectors      int // of all replicas in a window
}

// newPool returns replicas that are all well.
func newPool(model *stream.Model, deviations *stream.Deviations, vectors int, seed uint64) *pool {
	dimension := len(model.Geometry.Spectrum)
	t := traffic{geometry: model.Geometry, swings: swingWindows}
	mix := t.mix(seed)
	o := newObserver(deviations.Source(model, mix, seed), mix, dimension, vectors)
	// Replicas are not compared by principal components, which would take most of the time.
	reference := *o.monitor.Reference()
	reference.Basis = &drift.Basis{}
	p := &pool{
		source: stream.NewReplicas(o.source, replicas, seed), mix: mix, x: o.x,
		reference: &reference, differential: drift.NewDifferential(), vectors: vectors,
	}
	for i := range replicas {
		p.parts = append(p.parts, drift.Replica{Name: fmt.Sprint(i), Window: drift.NewWindow(dimension)})
	}
	return p
}

// next watches one more window and returns which replicas are at fault, by index.
func (p *pool) next(runLength float64) []int {
	p.mix.Window()
	for _, part := range p.parts {
		part.Window.Reset()
	}
	for range p.vectors {
		replica := p.source.Next(p.x)
		squared, dot := vector.Measure(p.x, p.reference.Centroid)
		norm := math.Sqrt(squared)
		p.parts[replica].Window.Add(p.x, norm, drift.Cosine(dot, norm), p.reference)
	}
	weights := p.differential.Add(p.parts, runLength)
	var alarms []int
	for i, part := range p.parts {
		if weights[part.Name].Alarm() {
			alarms = append(alarms, i)
		}
	}
	return alarms
}

// replicaVectors are how many vectors each replica has in a window.
const replicaVectors = 50

// measureReplicaRunLengths measures run lengths of replicas that are all well.
func measureReplicaRunLengths(runLength float64, runs int) runLengths {
	const poolBytes = 4 << 20
	t := traffic{"8 replicas, mix swings within 20 windows", stream.Clustered(short, topics), swingWindows, runLength}
	model := stream.NewModel(t.geometry, 1)
	deviations := model.Deviations(poolBytes, 1)
	r := runLengths{traffic: t}
	for _, windows := range parallel(runs, func(run int) float64 {
		p := newPool(model, deviations, replicas*replicaVectors, uint64(run+2))
		for range (drift.MinNull + replicas - 1) / replicas {
			p.next(runLength)
		}
		for windows := 1.0; ; windows++ {
			if len(p.next(runLength)) > 0 {
				return windows
			}
			if windows >= maxRuns*runLength {
				return math.Inf(1)
			}
		}
	}) {
		if math.IsInf(windows, 1) {
			windows = maxRuns * runLength
			r.unended++
		}
		r.lengths = append(r.lengths, windows/runLength)
	}
	slices.Sort(r.lengths)
	return r
}

// replicaDelay is how many windows it took to find one replica at fault.
type replicaDelay struct {
	dimension, vectors int
	windows            []float64 // one for each run, in ascending order; maxDelay where it was not found
	named              int       // runs in which it alone was named
}

// measureReplicaDelay plants a wrong mean in a tenth of the vectors of one replica, after the time in which there are as many
// windows of replicas to learn from as ever will be.
func measureReplicaDelay(dimension, vectors, runs int) replicaDelay {
	const poolBytes, windowsBefore = 32 << 20, 256
	model := stream.NewModel(stream.Clustered(dimension, topics), 1)
	deviations := model.Deviations(poolBytes, 1)
	d := replicaDelay{dimension: dimension, vectors: vectors}
	type outcome struct {
		windows float64
		alarms  []int
	}
	for _, o := range parallel(runs, func(run int) outcome {
		seed := firstSeed + uint64(run)
		p := newPool(model, deviations, replicas*vectors, seed)
		for range windowsBefore {
			p.next(month)
		}
		planted := stream.NewFault(model.TurnMean(0.6, seed).Source(p.mix, seed).Next, 0.1, seed)
		planted.On = true
		faulty := run % replicas
		p.source.Faults[faulty] = planted
		for windows := 1.0; windows < maxDelay; windows++ {
			if alarms := p.next(month); len(alarms) > 0 {
				return outcome{windows, slices.DeleteFunc(alarms, func(i int) bool { return i == faulty })}
			}
		}
		return outcome{windows: maxDelay}
	}) {
		d.windows = append(d.windows, o.windows)
		if o.windows < maxDelay && len(o.alarms) == 0 {
			d.named++
		}
	}
	slices.Sort(d.windows)
	return d
}
