package main

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vectorfile"
)

// report is what a detector made of the streams. compare.py reads it, and writes the same of the peers.
type report struct {
	// IdleKiB is the resident memory before the first stream, PeakKiB the most that there was.
	IdleKiB int `json:"idle_kib"`
	PeakKiB int `json:"peak_kib"`
	// Setup is the time in seconds that each reference took.
	Setup   []float64  `json:"setup"`
	Streams []judgment `json:"streams"`
}

type judgment struct {
	File string `json:"file"`
	// Healthy says of each judged window before the fault whether there was an alarm, Faulty of those behind up to the first alarm.
	Healthy []bool `json:"healthy"`
	Faulty  []bool `json:"faulty"`
	// Seconds is the time that each window took, those included that are only learned from.
	Seconds []float64 `json:"seconds"`
}

// judge has a Monitor for each stream judge it.
func judge(folder string, runLength float64) (*report, error) {
	m, err := readManifest(folder)
	if err != nil {
		return nil, err
	}
	r := &report{}
	if r.IdleKiB, err = memory("VmRSS"); err != nil {
		return nil, err
	}
	for _, f := range m.Streams {
		if err := r.judge(m, f, folder, runLength); err != nil {
			return nil, fmt.Errorf("%s: %w", f.File, err)
		}
	}
	r.PeakKiB, err = memory("VmHWM")
	return r, err
}

func (r *report) judge(m *manifest, f streamFile, folder string, runLength float64) error {
	file, err := vectorfile.Open(filepath.Join(folder, f.File), vectorfile.Options{})
	if err != nil {
		return err
	}
	defer file.Close()
	o := &observer{learner: drift.NewLearner(m.Dimension, m.Reference)}
	rows, err := read(file, nil, m.Reference)
	if err != nil {
		return err
	}
	start := time.Now()
	o.learn(rows)
	r.Setup = append(r.Setup, time.Since(start).Seconds())

	j := judgment{File: f.File, Healthy: []bool{}, Faulty: []bool{}}
	for n := range f.Windows {
		if rows, err = read(file, rows, m.Window); err != nil {
			return err
		}
		start := time.Now()
		alarm := o.window(rows, runLength)
		j.Seconds = append(j.Seconds, time.Since(start).Seconds())
		switch {
		case n >= f.Healthy:
			j.Faulty = append(j.Faulty, alarm)
		case n >= m.Learn:
			j.Healthy = append(j.Healthy, alarm)
		}
		if n >= f.Healthy && alarm {
			break
		}
	}
	r.Streams = append(r.Streams, j)
	return nil
}

// read reads the next n rows over those of the slice given.
func read(file *vectorfile.Reader, rows [][]float32, n int) ([][]float32, error) {
	for len(rows) < n {
		rows = append(rows, nil)
	}
	for i := range n {
		row, err := file.Next()
		if err != nil {
			return nil, err
		}
		rows[i] = append(rows[i][:0], row.Vector...)
	}
	return rows[:n], nil
}

// observer watches one stream as the processor does.
type observer struct {
	learner *drift.Learner
	monitor *drift.Monitor
	current *drift.Window
}

// learn learns the reference from as many rows as the learner wants.
func (o *observer) learn(rows [][]float32) {
	o.current = drift.NewWindow(len(rows[0]))
	for _, x := range rows {
		squared, _ := vector.Measure(x, nil)
		if reference := o.learner.Add(x, math.Sqrt(squared)); reference != nil {
			o.monitor = drift.NewMonitor(reference)
		}
	}
}

// window returns whether there is an alarm with the next window.
func (o *observer) window(rows [][]float32, runLength float64) bool {
	o.current.Reset()
	reference := o.monitor.Reference()
	for _, x := range rows {
		squared, dot := vector.Measure(x, reference.Centroid)
		norm := math.Sqrt(squared)
		o.current.Add(x, norm, drift.Cosine(dot, norm), reference)
	}
	found := o.monitor.Add(o.current, runLength)
	return len(found.Alarms()) > 0
}
