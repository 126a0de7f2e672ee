package main

import (
	"fmt"
	"hash/maphash"
	"math"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// reason is why a vector was flagged, in the processor's words and order.
type reason int

const (
	nonFinite reason = iota
	zero
	wrongDimension
	wrongNorm
	duplicate
	outlier // unusual, not invalid
	reasonCount
	valid reason = -1
)

func (r reason) String() string {
	return [...]string{"non_finite", "zero", "dimension", "norm", "duplicate", "outlier"}[r]
}

// reasons counts flagged vectors.
type reasons [reasonCount]tally

func (r *reasons) add(of reason, at func() place) {
	if of != valid {
		r[of].add(func() string { return at().String() })
	}
}

func (r *reasons) merge(o *reasons) {
	for i := range r {
		if r[i].n == 0 {
			r[i].first = o[i].first
		}
		r[i].n += o[i].n
	}
}

func (r *reasons) invalid() (n int64) {
	for i := range outlier {
		n += r[i].n
	}
	return n
}

// String lists what there is, as "2 non_finite, 1 outlier".
func (r *reasons) String() string {
	var parts []string
	for i := range r {
		if r[i].n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", r[i].n, reason(i)))
		}
	}
	return strings.Join(parts, ", ")
}

const (
	// The processor's defaults of norm_tolerance and outlier_sigmas.
	normTolerance = 0.01
	outlierSigmas = 8
	// minStdDev is the smallest spread of cosines that outliers are measured by: what rounding float32 elements makes.
	minStdDev = 1e-6
)

// judge judges vectors one by one, as the processor does.
type judge struct {
	dimension int
	norms     norms
	texts     duplicates
}

// measured is a vector that was judged.
type measured struct {
	norm, cosine float64
	reason       reason
}

// measure judges a vector, and learns from it which norm is usual.
func (j *judge) measure(x []float32, text string, reference *drift.Reference) measured {
	var centroid []float32
	fits := len(x) == j.dimension
	if fits && reference != nil {
		centroid = reference.Centroid
	}
	squared, dot := vector.Measure(x, centroid)
	m := measured{norm: math.Sqrt(squared), reason: valid}
	switch {
	case math.IsNaN(squared) || math.IsInf(squared, 0):
		m.reason = nonFinite
		return m
	case squared == 0:
		m.reason = zero
		return m
	case !fits:
		m.reason = wrongDimension
		return m
	}
	expected := j.norms.expected
	j.norms.observe(m.norm)
	switch {
	case expected && !isUnit(m.norm):
		m.reason = wrongNorm
		return m
	case text != "" && j.texts.add(x, text):
		m.reason = duplicate
		return m
	}
	if reference != nil {
		m.cosine = drift.Cosine(dot, m.norm)
	}
	return m
}

// isOutlier is whether a cosine is far from what the reference saw.
func isOutlier(cosine float64, r *drift.Reference) bool {
	return math.Abs(cosine-r.Cosine.Mean) > outlierSigmas*max(r.Cosine.StdDev(), minStdDev)
}

// norms learns whether norms are to be 1. Any other norm is never expected.
type norms struct {
	expected       bool
	observed, unit int
}

func isUnit(norm float64) bool { return math.Abs(norm-1) <= normTolerance }

func (n *norms) observe(norm float64) {
	const (
		least = 32   // norms from which something is expected
		most  = 1024 // norms from which older ones lose weight
		share = 0.95 // of norms near 1 that says that the server normalises
	)
	if n.expected {
		return
	}
	n.observed++
	if isUnit(norm) {
		n.unit++
	}
	n.expected = n.observed >= least && float64(n.unit) >= share*float64(n.observed)
	if n.observed >= most {
		n.observed /= 2
		n.unit /= 2
	}
}

// expectOf takes over what a reference says of norms.
func (n *norms) expectOf(r *drift.Reference) {
	n.expected = isUnit(r.Norm.Mean) && r.Norm.StdDev() < normTolerance/2
}

// duplicates finds different texts that got the same vector, among the first vectors of a window.
type duplicates struct {
	seed  maphash.Seed
	bytes []byte
	texts map[uint64]uint64 // by hash of the vector
}

func newDuplicates() duplicates {
	return duplicates{seed: maphash.MakeSeed(), texts: make(map[uint64]uint64)}
}

// add takes over a vector with its text, and reports whether a different text had it before.
func (d *duplicates) add(x []float32, text string) bool {
	const most = 2048 // vectors of a window that are remembered
	d.bytes = vector.AppendFloat32s(d.bytes[:0], x)
	at, hash := maphash.Bytes(d.seed, d.bytes), maphash.String(d.seed, text)
	first, ok := d.texts[at]
	if !ok && len(d.texts) < most {
		d.texts[at] = hash
	}
	return ok && first != hash
}
