package drift

import "slices"

// This file says, for each state, which fields make it up. Whatever follows from others is computed again when it is read.

func (m *Moments) fields(f fields) {
	f.count("n", &m.N)
	f.number("mean", &m.Mean)
	f.number("squared_deviations", &m.SquaredDeviations)
	f.number("min", &m.Min)
	f.number("max", &m.Max)
	f.want(func() bool { return m.SquaredDeviations >= 0 && m.Min <= m.Max },
		"want squared deviations of at least 0 and min ≤ max")
}

func (h *Histogram) fields(f fields) {
	f.counts("counts", h.counts[:])
	f.number("min", &h.min)
	f.number("max", &h.max)
	f.want(func() bool {
		h.n = 0
		for _, c := range h.counts {
			if h.n+c < h.n {
				return false
			}
			h.n += c
		}
		return h.min <= h.max
	}, "want counts with a sum of up to 64 bits and min ≤ max")
}

func (b *Basis) fields(f fields) {
	f.list("components", len(b.components), func(n int) { b.components = make([][]float32, n) }, func(i int, item fields) {
		item.singles("direction", &b.components[i])
	})
	f.numbers("origin", &b.origin)
	f.want(func() bool { return len(b.origin) == len(b.components) && len(b.components) <= maxComponents },
		"want up to %d components, and an origin for each", maxComponents)
}

func (p *Projections) fields(f fields) {
	f.count("n", &p.n)
	f.numbers("sum", &p.sum)
	f.numbers("squares", &p.squares)
	f.want(func() bool {
		k := len(p.sum)
		p.z = make([]float64, k)
		return k <= maxComponents && len(p.squares) == k*(k+1)/2
	}, "want sums of up to %d components, and of the squares of all pairs of them", maxComponents)
}

func (w *Window) fields(f fields) {
	f.object("norm", w.Norm.fields)
	f.object("cosine", w.Cosine.fields)
	f.object("cosines", w.Cosines.fields)
	f.count("n", &w.n)
	f.numbers("sum", &w.sum)
	optional(f, "projections", &w.projections)
	f.count("stride", &w.stride)
	f.count("expected", &w.expected)
	f.want(func() bool {
		return len(w.sum) > 0 && w.stride > 0 && w.Cosines.n == w.n && w.Cosine.N == w.n && w.Norm.N >= w.n
	}, "want a sum, and as many cosines as vectors")
}

// state is what has fields.
type state[T any] interface {
	*T
	fields(fields)
}

// optional passes on a state that there may not be.
func optional[T any, S state[T]](f fields, name string, v *S) {
	n := 0
	if *v != nil {
		n = 1
	}
	f.list(name, n, func(found int) {
		n = found
		if n > 0 {
			*v = new(T)
		}
	}, func(i int, item fields) {
		if i == 0 {
			(*v).fields(item)
		}
	})
	f.want(func() bool { return n <= 1 }, "want up to one %s", name)
}

// whole passes on a number that is not negative.
func whole(f fields, name string, v *int) {
	n := uint64(*v)
	f.count(name, &n)
	*v = int(n)
	f.want(func() bool { return *v >= 0 }, "%s: too large", name)
}

func (r *Reference) fields(f fields) {
	whole(f, "n", &r.N)
	f.numbers("mean", &r.Mean)
	f.number("covariance_trace", &r.CovarianceTrace)
	f.object("norm", r.Norm.fields)
	f.object("cosine", r.Cosine.fields)
	f.object("cosines", r.Cosines.fields)
	f.numbers("variances", &r.Variances)
	r.directions(f)
	d := len(r.Mean)
	f.want(func() bool {
		return d > 0 && r.N > 0 && len(r.Centroid) == d && r.Cosines.n > 0 && len(r.Variances) <= r.Basis.Len()
	}, "want a mean, a centroid of as many dimensions (%d), cosines, and a variance for each component", d)
	f.want(func() bool {
		r.Cells = NewCells(&r.Cosines)
		return true
	}, "")
}

// directions are the fields that are known from half of the vectors.
func (r *Reference) directions(f fields) {
	f.number("squared_covariance_trace", &r.SquaredCovarianceTrace)
	f.singles("centroid", &r.Centroid)
	if r.Basis == nil {
		r.Basis = &Basis{}
	}
	f.object("basis", r.Basis.fields)
	f.want(func() bool {
		for _, component := range r.Basis.components {
			if len(component) != len(r.Centroid) {
				return false
			}
		}
		return true
	}, "want components of %d dimensions, as the centroid", len(r.Centroid))
}

func (l *Learner) fields(f fields) {
	whole(f, "target", &l.target)
	whole(f, "n", &l.n)
	f.numbers("sum", &l.sum)
	f.number("sum_squares", &l.sumSquares)
	f.list("reservoir", len(l.reservoir), func(n int) { l.reservoir = make([][]float32, n) }, func(i int, item fields) {
		item.singles("vector", &l.reservoir[i])
	})
	optional(f, "second", &l.second)
	if l.reference == nil {
		l.reference = &Reference{}
	}
	f.object("norm", l.reference.Norm.fields)
	f.object("directions", l.reference.directions)
	f.want(func() bool {
		d, half := len(l.sum), l.second != nil
		if half && (len(l.second.sum) != d || len(l.reference.Centroid) != d) {
			return false
		}
		for _, x := range l.reservoir {
			if len(x) != d {
				return false
			}
		}
		if !half {
			l.reference.Centroid = nil // which tells the halves apart
		}
		return d > 0 && l.target >= MinLearn && l.n < l.target && half == (l.n >= l.target/2) &&
			(half || len(l.reservoir) == min(l.n, reservoirSize))
	}, "want the state of fewer vectors than the target, of equal dimension")
}

func (n *Null) fields(f fields) {
	independent := uint64(0)
	if n.Independent {
		independent = 1
	}
	f.count("independent", &independent)
	n.Independent = independent != 0
	whole(f, "n", &n.n)
	samples := make([]float32, 0, 2*len(n.samples))
	for _, s := range n.samples {
		samples = append(samples, s[0], s[1])
	}
	f.singles("samples", &samples)
	fit := &n.fit
	whole(f, "fitted", &fit.n)
	f.number("excess", &fit.excess)
	f.number("mean", &fit.mean)
	f.object("levels", fit.levels.fields)
	f.number("persistence", &fit.persistence)
	f.number("gain", &fit.gain)
	f.singles("surprises", &fit.surprises)
	f.object("tail", fit.tail.fields)
	f.want(func() bool {
		n.samples = nil
		for i := 0; i+1 < len(samples); i += 2 {
			n.samples = append(n.samples, [2]float32{samples[i], samples[i+1]})
		}
		if n.n < maxNull && len(n.samples) != n.n || n.n > maxNull {
			return false
		}
		return n.n < MinNull || fit.n > 0 && fit.n == len(fit.surprises) &&
			fit.levels.scale > 0 && fit.levels.shape != 0 && fit.tail.scale > 0 && fit.tail.shape != 0
	}, "want a value and its sampling for each of up to %d windows, and the surprises of those that were fitted", maxNull)
}

func (t *tail) fields(f fields) {
	f.number("share", &t.share)
	f.number("from", &t.from)
	f.number("scale", &t.scale)
	f.number("shape", &t.shape)
}

// fields leaves out the null, which detectors share.
func (d *Detector) fields(f fields) {
	f.number("evidence", &d.evidence[0])
	f.number("slow_evidence", &d.evidence[1])
	f.number("deviation", &d.deviation)
}

func (m *Monitor) fields(f fields) {
	if m.reference == nil {
		*m = *NewMonitor(&Reference{})
	}
	f.object("reference", m.reference.fields)
	(*detectors)(m).fields(f)
	f.want(func() bool { return m.anchor == nil || len(m.anchor.mean) == len(m.reference.Mean) },
		"want an anchor of %d dimensions, as the reference", len(m.reference.Mean))
}

// detectors is a Monitor without its reference.
type detectors Monitor

func (m *detectors) fields(f fields) {
	if m.detectors[0].null == nil {
		*m = detectors(*NewMonitor(nil))
	}
	optional(f, "anchor", &m.anchor)
	for i, statistic := range Statistics() {
		f.object(string(statistic), func(f fields) {
			f.object("null", m.detectors[i].null.fields)
			m.detectors[i].fields(f)
		})
	}
}

func (a *anchor) fields(f fields) {
	f.numbers("mean", &a.mean)
	f.number("covariance_trace", &a.covarianceTrace)
}

func (d *Differential) fields(f fields) {
	if d.replicas == nil {
		*d = *NewDifferential()
	}
	f.object("means", d.means.fields)
	f.object("cosines", d.cosines.fields)
	names := make([]string, 0, len(d.replicas))
	for name := range d.replicas {
		names = append(names, name)
	}
	slices.Sort(names)
	f.list("replicas", len(names), func(n int) { names = make([]string, n) }, func(i int, item fields) {
		item.text("name", &names[i])
		detectors := d.detectors(names[i])
		item.object("mean", detectors[0].fields)
		item.object("cosines", detectors[1].fields)
	})
}
