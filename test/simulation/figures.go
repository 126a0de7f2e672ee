package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/plot"
)

func (p *page) figures() error {
	if err := p.write("run-lengths.png", p.runLengthFigure()); err != nil {
		return err
	}
	return p.write("delays.png", p.delayFigure())
}

func (p *page) write(name string, figure plot.Figure) error {
	f, err := os.Create(filepath.Join(p.settings.out, name))
	if err != nil {
		return err
	}
	if err := figure.WritePNG(f); err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	return f.Close()
}

// runLengthFigure has a panel for traffic whose windows are independent, and one for traffic that swings.
func (p *page) runLengthFigure() plot.Figure {
	const drawn = 6
	panels := []plot.Panel{
		{Title: "Independent windows", Y: plot.Axis{Label: "share of runs with an alarm", To: 1}},
		{Title: "Mix that swings", Y: plot.Axis{Label: "share of runs with an alarm", To: 1}},
	}
	for _, r := range append(append([]runLengths{}, p.runLengths...), p.replicaRunLengths) {
		panel := &panels[0]
		if r.traffic.swings > 0 {
			panel = &panels[1]
		}
		lengths := slices.Clone(r.lengths)
		for i, length := range lengths {
			if length > drawn {
				lengths[i] = math.Inf(1)
			}
		}
		name := fmt.Sprintf("%s, d = %d", r.traffic.name, r.traffic.dimension())
		panel.Series = append(panel.Series, plot.ECDF(name, lengths))
	}
	for i := range panels {
		for _, mean := range []float64{1, 2} {
			panels[i].Series = append(panels[i].Series, exponential(mean, drawn))
		}
	}
	return plot.Figure{
		Title:  "How long it takes until a false alarm",
		X:      plot.Axis{Label: "windows", Unit: "run lengths asked for", To: drawn},
		Panels: panels,
		Height: 1300,
	}
}

// exponential is the distribution of waiting times with the given mean for what comes at random.
func exponential(mean, most float64) plot.Series {
	const points = 200
	s := plot.Series{Name: fmt.Sprintf("exponential, mean %g", mean)}
	for i := range points + 1 {
		x := most * float64(i) / points
		s.X, s.Y = append(s.X, x), append(s.Y, -math.Expm1(-x/mean))
	}
	return s
}

// delayFigure shows the evidence around the beginning of a fault, where it is hardest to see: in the most dimensions.
func (p *page) delayFigure() plot.Figure {
	return plot.Figure{
		Title: fmt.Sprintf("Evidence after a fault, median of runs, d = %d", long),
		X:     plot.Axis{Label: "windows since the fault began"},
		Panels: []plot.Panel{
			evidencePanel("Some vectors are wrong", p.few),
			evidencePanel("All vectors are wrong", p.all),
		},
		Events: []plot.Event{{X: 0, Name: "the fault begins"}},
		Height: 1100,
	}
}

func evidencePanel(title string, delays []delay) plot.Panel {
	panel := plot.Panel{
		Title:      title,
		Y:          plot.Axis{Label: "log evidence / log threshold", To: 1.2},
		Thresholds: []plot.Threshold{{Value: 1, Name: "alarm"}},
	}
	for _, d := range delays {
		if d.dimension != long {
			continue
		}
		s := plot.Series{Name: fmt.Sprintf("%s, %d vectors a window", d.fault.name, d.fault.vectors)}
		for i, evidence := range d.evidence {
			s.X, s.Y = append(s.X, float64(i-before+1)), append(s.Y, evidence)
		}
		panel.Series = append(panel.Series, s)
	}
	return panel
}
