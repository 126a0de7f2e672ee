package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/plot"
)

// picture gathers what is drawn of windows.
type picture struct {
	numbers, times []float64 // of all windows
	invalid        []float64 // share of a window's vectors
	judged         []int     // indexes of those that were compared
	evidence       [4][]float64
	most           float64 // evidence
	cosines        [3][]float64
	timeless       bool // whether a row has no time
	anyInvalid     bool
}

func (p *picture) add(r *report) {
	p.numbers = append(p.numbers, float64(r.number))
	p.times = append(p.times, float64(r.time.Unix()))
	p.timeless = p.timeless || r.time.IsZero()
	invalid := r.flagged.invalid()
	p.invalid = append(p.invalid, 100*float64(invalid)/float64(r.vectors))
	p.anyInvalid = p.anyInvalid || invalid > 0
	if !r.compared {
		return
	}
	p.judged = append(p.judged, len(p.numbers)-1)
	for i := range p.cosines {
		p.cosines[i] = append(p.cosines[i], r.cosines[i])
	}
	for i := range p.evidence {
		evidence := math.NaN() // a gap, where it was not known yet what is usual
		if r.findings.Windows >= drift.MinNull {
			evidence = r.findings.Weights[i].Evidence
			p.most = max(p.most, evidence)
		}
		p.evidence[i] = append(p.evidence[i], evidence)
	}
}

// write draws the picture to a file.
func (p *picture) write(path string, files []string, o *observer, s *summary) error {
	f := p.figure(files, o, s)
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(f.WritePNG(file), file.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (p *picture) figure(files []string, o *observer, s *summary) *plot.Figure {
	all := p.times
	f := &plot.Figure{Title: source(files), X: plot.Axis{Label: "time", Unit: "UTC", Scale: plot.Time}}
	if p.timeless {
		all = p.numbers
		f.X = plot.Axis{Label: "window", Unit: strings.TrimPrefix(o.settings.window.windows(), "of ")}
	}
	if len(all) > 1 {
		f.X.From, f.X.To = all[0], all[len(all)-1] // the same for a file with and without a comparison
	}
	x := make([]float64, len(p.judged))
	for i, at := range p.judged {
		x[i] = all[at]
	}
	evidence := plot.Panel{
		Title:      "Evidence that something changed",
		Y:          plot.Axis{Label: "evidence", From: 0, To: max(1.2, p.most+0.05)},
		Thresholds: []plot.Threshold{{Name: "alarm", Value: 1}},
	}
	for i, statistic := range statistics() {
		evidence.Series = append(evidence.Series, plot.Series{Name: string(statistic), X: x, Y: p.evidence[i], Kind: plot.Steps})
	}
	cosines := plot.Panel{Title: "Cosines to the reference's centroid", Y: plot.Axis{Label: "cosine"}}
	for i, name := range []string{"5 % quantile", "median", "95 % quantile"} {
		cosines.Series = append(cosines.Series, plot.Series{Name: name, X: x, Y: p.cosines[i]})
	}
	if o.monitor != nil {
		for i, q := range quantiles() {
			t := plot.Threshold{Value: o.monitor.Reference().Cosines.Quantile(q)}
			if i == 0 {
				t.Name = "the same of the reference"
			}
			cosines.Thresholds = append(cosines.Thresholds, t)
		}
	}
	f.Panels = []plot.Panel{evidence, cosines}
	if p.anyInvalid {
		f.Panels = append(f.Panels, plot.Panel{
			Title:  "Invalid vectors",
			Y:      plot.Axis{Label: "share of vectors", Unit: "%"},
			Series: []plot.Series{{X: all, Y: p.invalid, Kind: plot.Area}},
		})
	}
	if s.alarm != nil {
		f.Events = []plot.Event{{Name: "first alarm: " + strings.Join(s.alarm.alarms(), ", "), X: all[s.alarm.number-1]}}
	}
	return f
}
