package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/otelcol-embedding/otelcol-embedding/internal/commandline"
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
)

const compareHelp = `embeddingquality compare A B prints how the second reference differs from the first, and how to read it.

  embeddingquality compare qwen3-october.reference qwen3-november.reference
`

func compare(c *commandline.Invocation) error {
	paths, err := c.Parse(2, 2, "two reference files")
	if err != nil {
		return err
	}
	a, errA := reference.Open(paths[0])
	b, errB := reference.Open(paths[1])
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	da, db := describe(a), describe(b)
	if da.Dimension != db.Dimension {
		return fmt.Errorf("%s: found %d dimensions, want %d as %s has", paths[1], db.Dimension, da.Dimension, paths[0])
	}
	d := newDifference(a.Monitor.Reference(), b.Monitor.Reference())
	two := func(name, x, y string) { fmt.Fprintf(c.Stdout, "%-20s %-24s %s\n", name, x, y) }
	two("", paths[0], paths[1])
	two("model", da.Model, db.Model)
	two("task type", cmp.Or(da.TaskType, "every task"), cmp.Or(db.TaskType, "every task"))
	two("vectors", fmt.Sprint(da.Vectors), fmt.Sprint(db.Vectors))
	two("norm", number(da.Norm.Mean), number(db.Norm.Mean))
	two("cosine to centroid", da.Cosine.spread(), db.Cosine.spread())
	two("tr Σ", number(da.CovarianceTrace), number(db.CovarianceTrace))
	two("effective rank", fmt.Sprintf("%.1f", da.EffectiveRank), fmt.Sprintf("%.1f", db.EffectiveRank))
	fmt.Fprintln(c.Stdout)
	one := func(name, value, meaning string) { fmt.Fprintf(c.Stdout, "%-20s %-10s %s\n", name, value, meaning) }
	one("centroid distance", fmt.Sprintf("%.5f", d.Shift.CentroidDistance), "1 − cosine of the two means, 0 to 2")
	z := "-"
	if d.Shift.HasZ {
		z = fmt.Sprintf("%.1f", d.Shift.Z)
	}
	one("mean-shift z", z, "standard deviations from where sampling alone would leave the mean")
	one("KS", fmt.Sprintf("%.3f", d.KolmogorovSmirnov),
		fmt.Sprintf("of cosines, each to the own centroid; sampling alone stays below %.3f", d.samplingKS))
	one("divergence", fmt.Sprintf("%.3f", d.Divergence), "of the same cosines, in nats")
	if d.HasVariances {
		one("variance shift", fmt.Sprintf("%.3f", d.VarianceShift), "mean squared log ratio of variances along the first one's components")
		one("captured variance", fmt.Sprintf("%.3f", d.Captured),
			fmt.Sprintf("share of the second one's variance in the first one's components, over its own; %.3f by chance", d.chance))
	}
	_, err = fmt.Fprintf(c.Stdout, "\n%s\n", d.reading())
	return err
}

// difference is how a reference differs from another one.
type difference struct {
	drift.Comparison
	// samplingKS is what the Kolmogorov–Smirnov statistic of independent samples of this size stays below 99 times of 100.
	samplingKS float64
	// chance is what directions that have nothing to do with each other would make of Captured.
	chance float64
}

func newDifference(a, b *drift.Reference) difference {
	d := difference{Comparison: a.CompareReference(b)}
	d.samplingKS = 1.63 * math.Sqrt(1/float64(a.Cosines.N())+1/float64(b.Cosines.N()))
	if captured := floats.Sum(a.Variances) / a.CovarianceTrace; d.HasVariances && captured > 0 {
		d.chance = float64(a.Basis.Len()) / float64(len(a.Mean)) / captured
	}
	return d
}

// reading says in a sentence what the figures say together.
func (d *difference) reading() string {
	// Where there are hardly more dimensions than components, any direction is one that was there before.
	const telling = 0.9
	tells := d.HasVariances && d.chance < telling
	// Components are learned from a few dozen vectors, so that a second reference of the same model has not all of its variance
	// in them. Halfway between chance and all of it, on a logarithmic scale, is where the one is told from the other.
	foreign := tells && d.Captured < math.Sqrt(d.chance)
	const turned = 0.5 // the centroid distance from which the collector takes a model for another one
	const unlikely = 4
	switch {
	case foreign && d.Shift.CentroidDistance > turned:
		return "These are references of different models: the mean points elsewhere, and what varies are other directions."
	case foreign:
		return "These are hardly references of the same model: the means are near each other, but what varies are other directions."
	case !d.Shift.HasZ || !d.HasVariances:
		return "The vectors of one of them do not vary, so that nothing can be said of how unusual the difference is."
	case d.Shift.Z >= unlikely && !tells:
		return "The mean has moved by more than sampling leaves. In so few dimensions, directions do not tell one model from another."
	case d.Shift.Z >= unlikely:
		return "The same directions vary, but the mean has moved by more than sampling leaves. Other texts do that; with the\n" +
			"same texts, it is the service: another prefix, another pooling, or another version of the model."
	case d.KolmogorovSmirnov > d.samplingKS:
		return "The means are as close as sampling leaves them, but the cosines are spread otherwise: other texts, or noise."
	}
	return "The references are alike: they differ by no more than samples of the same model and texts do."
}
