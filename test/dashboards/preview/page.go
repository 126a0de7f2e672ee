package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/dashboards"
)

// Sizes in pixels: of the page, and as in Grafana of the rows of its grid, of what lies between panels and of their titles.
const (
	width  = 1600
	row    = 30
	gap    = 8
	header = 32
	top    = 92 // of the page, above the grid
)

//go:embed page.html
var layout string

var pageTemplate = template.Must(template.New("page").Parse(layout))

// page is a dashboard with its data.
type page struct {
	*dashboards.Board
	panels   []filled
	from, to time.Time
}

// box is a panel where it lies on the page.
type box struct {
	Row, Empty               bool
	Left, Top, Width, Height int
	Title, About             string
	Body                     template.HTML
}

func (p page) html() ([]byte, error) {
	var boxes []box
	for _, panel := range p.panels {
		b, err := panel.box()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.UID, err)
		}
		boxes = append(boxes, b)
	}
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, map[string]any{
		"Title": p.Title, "About": p.Description, "Boxes": boxes, "Width": width, "Height": p.height(),
		"From": p.from.Format(time.DateTime), "To": p.to.Format(time.DateTime),
	})
	return out.Bytes(), err
}

func (p page) height() int {
	lowest := 0
	for _, panel := range p.panels {
		lowest = max(lowest, panel.GridPos.Y+panel.GridPos.H)
	}
	return top + lowest*(row+gap) + gap
}

func (p filled) box() (box, error) {
	column := float64(width-gap) / 24
	b := box{
		Row: p.Type == "row", Title: p.Title, About: p.Description,
		Left: gap + int(float64(p.GridPos.X)*column), Top: top + p.GridPos.Y*(row+gap),
		Width: int(float64(p.GridPos.W)*column) - gap, Height: p.GridPos.H*(row+gap) - gap,
	}
	if b.Row {
		return b, nil
	}
	if !slices.ContainsFunc(p.lines, line.has) {
		b.Empty = true
		b.Body = template.HTML(template.HTMLEscapeString(p.FieldConfig.Defaults.NoValue))
		return b, nil
	}
	body, err := p.draw(b.Width-2*gap, b.Height-header-gap)
	b.Body = template.HTML(body) // what comes from queries and dashboards was escaped where it was put in
	return b, err
}

// has says whether a series has something to show.
func (l line) has() bool {
	return len(l.Lines) > 0 || slices.ContainsFunc(l.Samples, func(s dashboards.Sample) bool { return !math.IsNaN(s.Value) })
}

func (p filled) draw(w, h int) (string, error) {
	switch p.Type {
	case "timeseries":
		return p.graph(w, h)
	case "stat":
		return p.stat(w, h)
	case "state-timeline":
		return p.timeline(w, h)
	case "heatmap":
		return p.heat(w, h)
	case "table":
		return p.table(h), nil
	case "logs":
		return p.logs(h), nil
	}
	return "", fmt.Errorf("%s: cannot draw a panel of the type %s", p.Title, p.Type)
}
