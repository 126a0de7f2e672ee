package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// settings are the sizes of the streams.
type settings struct {
	dimension, reference, window int
	// learn is how many windows Monitor learns from, judged how many follow in streams without a fault; in streams with one, lead
	// is how many follow before it, and faulty how many behind.
	learn, judged, lead, faulty int
	seeds                       int
}

var defaults = settings{
	dimension: 256, reference: 1000, window: 100,
	learn: drift.MinNull, judged: 200, lead: 50, faulty: 100,
	seeds: 10,
}

// write writes a stream of each scenario for each seed, and the manifest.
func write(folder string, s settings) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	m := &manifest{Dimension: s.dimension, Reference: s.reference, Window: s.window, Learn: s.learn}
	for seed := range uint64(s.seeds) {
		for _, sc := range scenarios() {
			f := streamFile{
				File:     fmt.Sprintf("%s-%d.npy", strings.NewReplacer(", ", "-", " ", "-").Replace(sc.name), seed),
				Scenario: sc.name, Traffic: sc.traffic.name, Seed: seed,
				Windows: s.learn + s.judged, Healthy: s.learn + s.judged,
			}
			if sc.effect != nil {
				f.Healthy = s.learn + s.lead
				f.Windows = f.Healthy + s.faulty
			}
			if err := writeStream(filepath.Join(folder, f.File), sc, f, s); err != nil {
				return err
			}
			m.Streams = append(m.Streams, f)
		}
	}
	return m.write(folder)
}

func writeStream(path string, sc scenario, f streamFile, s settings) error {
	// What is wrong must not repeat the random numbers of what is right.
	other := f.Seed + 1000
	model, mix := stream.NewModel(sc.geometry(s.dimension), f.Seed), sc.mix(f.Seed)
	source, fault := model.Source(mix, f.Seed), &stream.Fault{}
	if sc.effect != nil {
		fault = stream.NewFault(sc.effect(model, mix, other), sc.share, other)
		source = stream.Inject(source, fault)
	}
	rows := s.reference + f.Windows*s.window
	out, err := createNPY(path, rows, s.dimension)
	if err != nil {
		return err
	}
	x := make([]float32, s.dimension)
	for row := range rows {
		if row > 0 && row%s.window == 0 {
			mix.Window()
		}
		fault.On = row >= s.reference+f.Healthy*s.window
		source.Next(x)
		out.add(x)
	}
	return out.close()
}
