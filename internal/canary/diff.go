package canary

import (
	"cmp"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Difference is how two sets of pins differ.
type Difference struct {
	// Dimensions are those of the two. Vectors of different dimensions are not compared.
	Dimensions [2]int
	// Compared is the number of texts that both have, and OnlyA and OnlyB are the ids of the others.
	Compared     int
	OnlyA, OnlyB []string
	// CosineMin, CosineMedian and CosineMean are of the texts that both have.
	CosineMin, CosineMedian, CosineMean float64
	// Texts are those that both have, the furthest from each other first.
	Texts []TextCosine
	// Verdict is what the median says, as of a round; empty where nothing was compared.
	Verdict embedding.CanaryVerdict
}

// Diff compares pins.
func Diff(a, b *Pins) Difference {
	d := Difference{Dimensions: [2]int{a.Dimension, b.Dimension}}
	var cosines []float64
	for i := range a.Texts {
		t := &a.Texts[i]
		k, ok := b.byKey[t.Key]
		if !ok {
			d.OnlyA = append(d.OnlyA, t.ID)
			continue
		}
		d.Compared++
		if a.Dimension == b.Dimension {
			cosine := 1 - distance(t.point(), b.Texts[k].point())
			cosines = append(cosines, cosine)
			d.Texts = append(d.Texts, TextCosine{t.ID, cosine})
		}
	}
	for i := range b.Texts {
		if _, ok := a.byKey[b.Texts[i].Key]; !ok {
			d.OnlyB = append(d.OnlyB, b.Texts[i].ID)
		}
	}
	slices.SortStableFunc(d.Texts, func(x, y TextCosine) int { return cmp.Compare(x.Cosine, y.Cosine) })
	if len(cosines) > 0 {
		allowance := min(max(sameDistance, 3*a.MedianSpread, 3*b.MedianSpread), maxSameDistance)
		d.Verdict = band(1-median(cosines), allowance)
		d.CosineMin, d.CosineMedian, d.CosineMean = slices.Min(cosines), median(cosines), stat.Mean(cosines, nil)
	}
	return d
}
