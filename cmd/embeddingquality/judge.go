package main

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
)

// reasons counts flagged vectors by what is wrong with them.
type reasons [validity.Faults]tally

func (r *reasons) add(of validity.Fault, at func() place) {
	if of != validity.None {
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
	for fault, tally := range r.all() {
		if fault.Invalid() {
			n += tally.n
		}
	}
	return n
}

// all returns the faults in reporting order, with how many vectors had them.
func (r *reasons) all() iter.Seq2[validity.Fault, *tally] {
	return func(yield func(validity.Fault, *tally) bool) {
		for i := range r {
			if fault := validity.Fault(i); fault != validity.None && !yield(fault, &r[i]) {
				return
			}
		}
	}
}

// String lists what there is, as "2 non_finite, 1 outlier".
func (r *reasons) String() string {
	var parts []string
	for fault, tally := range r.all() {
		if tally.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", tally.n, fault))
		}
	}
	return strings.Join(parts, ", ")
}

// The processor's defaults of norm_tolerance and outlier_sigmas.
const (
	normTolerance = 0.01
	outlierSigmas = 8
)

// judge judges vectors one by one, as the processor does.
type judge struct {
	want   validity.Expected
	norms  validity.Norms
	hasher *validity.Hasher
	seed   maphash.Seed
	texts  validity.Duplicates
}

func newJudge(dimension int) judge {
	seed := maphash.MakeSeed()
	return judge{
		want: validity.Expected{Dimension: dimension, Tolerance: normTolerance}, hasher: validity.NewHasher(seed), seed: seed,
	}
}

// measure judges a vector, and learns from it which norm is usual.
func (j *judge) measure(x []float32, text string, reference *drift.Reference) validity.Vector {
	var centroid []float32
	if reference != nil {
		centroid = reference.Centroid
	}
	v := validity.Measure(x, j.want, centroid)
	switch v.Fault {
	case validity.NonFinite, validity.Zero, validity.Dimension:
		return v
	}
	if j.want.Norm == 0 && j.norms.Observe(v.Norm, normTolerance) {
		j.want.Norm = 1
	}
	if v.Fault == validity.None && text != "" && j.texts.Add(j.hasher.Hash(x), j.text(text)) {
		v.Fault = validity.Duplicate
	}
	return v
}

func (j *judge) text(text string) (id validity.Text) {
	binary.LittleEndian.PutUint64(id[:], maphash.String(j.seed, text))
	return id
}

// expectOf takes over what a reference says of norms.
func (j *judge) expectOf(r *drift.Reference) {
	if math.Abs(r.Norm.Mean-1) <= normTolerance && r.Norm.StdDev() < normTolerance/2 {
		j.want.Norm = 1
	}
}
