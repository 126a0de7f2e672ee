package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// heat draws how many values are in each bucket of a histogram.
func (p filled) heat(w, h int) (string, error) {
	type bucket struct {
		line
		le float64
	}
	var buckets []bucket
	for _, l := range p.lines {
		le, err := strconv.ParseFloat(l.Labels["le"], 64)
		if err != nil {
			return "", fmt.Errorf("%s: %q is no bound of a bucket", p.Title, l.Labels["le"])
		}
		buckets = append(buckets, bucket{l, le})
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return cmp.Compare(a.le, b.le) })
	g := newPlot(p, w, h, right)
	g.times()
	row, cell := float64(g.h)/float64(len(buckets)), float64(g.w)/points
	below, most := map[time.Time]float64{}, 0.0
	counts := make([]map[time.Time]float64, len(buckets))
	for i, b := range buckets {
		counts[i] = map[time.Time]float64{}
		for _, s := range b.Samples {
			counts[i][s.Time] = s.Value - below[s.Time]
			below[s.Time] = s.Value
			if !math.IsNaN(counts[i][s.Time]) {
				most = max(most, counts[i][s.Time])
			}
		}
	}
	for i, b := range buckets {
		y := float64(above) + float64(g.h) - row*float64(i+1)
		for _, s := range b.Samples {
			if c := counts[i][s.Time]; c > 1e-9 {
				fmt.Fprintf(&g.svg, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#5794f2" fill-opacity="%.2f"/>`,
					g.x(s.Time), y, max(cell-1, 1), max(row-1, 1), 0.15+0.85*c/most)
			}
		}
		if every := int(math.Ceil(14 / row)); (i+1)%every == 0 {
			text := "+Inf"
			if !math.IsInf(b.le, 1) {
				text = format(b.le, p.Options.YAxis.Unit, -1)
			}
			g.text(left-6, y+4, "end", text)
		}
	}
	return g.done(), nil
}
