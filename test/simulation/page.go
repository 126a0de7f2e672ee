package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/plot"
)

// page is what was measured.
type page struct {
	settings   settings
	runLengths []runLengths
	delays     []delay
}

func (p *page) markdown() []byte {
	var b bytes.Buffer
	s := p.settings
	fmt.Fprintf(&b, `# Simulation

How long it takes the drift statistics of [embedding_quality](../../processor/embeddingqualityprocessor/README.md) to raise a false
alarm, and how soon they find planted faults, over seeded streams of vectors of known geometry. Written by

    go run ./test/simulation -runs %d -run-length %g -dimension %d -vectors %d

The streams are described in [test/simulation/stream](../../test/simulation/stream/doc.go). They are models of embeddings, and
no embeddings: real ones have to be watched for what is usual of them, which is what the processor does.

## False alarms

Asked for: one false alarm in %g windows, in the mean, for the four statistics together. Windows of %d vectors of %d dimensions,
%d runs, each with a reference of %d vectors and %d windows to learn from. A run is given up after %d run lengths, which makes
means smaller. The mean of %d runs has a standard error of about a tenth.

| traffic | mean, run lengths | median | given up | alarms of |
| --- | --- | --- | --- | --- |
`, s.runs, s.runLength, s.dimension, s.vectors, s.runLength, s.vectors, s.dimension, s.runs, referenceVectors, drift.MinNull, maxRuns, s.runs)
	for _, r := range p.runLengths {
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %d | %s |\n", r.traffic, stat.Mean(r.windows, nil)/s.runLength,
			r.windows[len(r.windows)/2]/s.runLength, r.unended, tally(r.first))
	}
	fmt.Fprintf(&b, `
![Distribution of run lengths](run-lengths.png)

## Detection delay

Run length %d windows, 30 days of windows of 10 s. Power-law geometry, independent vectors, a reference of %d vectors and %d windows
to learn from. %d runs of each; a fault counts as not found after %d windows.

| fault | dimension | vectors a window | windows, median | worst | vectors, median | found by |
| --- | --- | --- | --- | --- | --- | --- |
`, month, referenceVectors, 2*drift.MinNull, delayRuns, maxDelay)
	for _, d := range p.delays {
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s |\n", d.fault.name, d.dimension, d.fault.vectors,
			windows(d.windows[len(d.windows)/2], 1), windows(d.windows[len(d.windows)-1], 1),
			windows(d.windows[len(d.windows)/2], d.fault.vectors), tally(d.found))
	}
	return b.Bytes()
}

func windows(n float64, vectors int) string {
	if n >= maxDelay {
		return "not found"
	}
	return fmt.Sprint(int(n) * vectors)
}

func tally(counts map[drift.Statistic]int) string {
	var parts []string
	for _, statistic := range drift.Statistics() {
		if n := counts[statistic]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", statistic, n))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *page) figures() error {
	panel := plot.Panel{Title: "Runs that have had a false alarm", Y: plot.Axis{Label: "share of runs"}}
	for _, r := range p.runLengths {
		lengths := slices.Clone(r.windows)
		for i := range lengths {
			lengths[i] /= p.settings.runLength
		}
		panel.Series = append(panel.Series, plot.ECDF(r.traffic, lengths))
	}
	figure := plot.Figure{
		Title:  "Windows until a false alarm",
		X:      plot.Axis{Label: "windows", Unit: "run lengths asked for"},
		Panels: []plot.Panel{panel},
		Height: 800,
	}
	f, err := os.Create(filepath.Join(p.settings.out, "run-lengths.png"))
	if err != nil {
		return err
	}
	if err := figure.WritePNG(f); err != nil {
		return fmt.Errorf("draw run lengths: %w", err)
	}
	return f.Close()
}
