package main

import (
	"slices"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

// verdict is the judgement of a window in one word, which is the processor's.
type verdict string

const (
	learning      verdict = "learning"
	healthy       verdict = "healthy"
	trafficShift  verdict = "traffic_shift"
	modelChanged  verdict = "model_changed"
	invalidOutput verdict = "invalid_output"
)

func verdicts() []verdict {
	return []verdict{learning, healthy, trafficShift, modelChanged, invalidOutput}
}

// alarming is whether something is wrong, or may be.
func (v verdict) alarming() bool { return v != learning && v != healthy }

// report is what was found in a window.
type report struct {
	number  int
	place   place     // of its first row
	time    time.Time // of its first row, zero where rows have none
	vectors int64
	flagged reasons
	norm    drift.Moments
	verdict verdict

	// compared is whether the window was compared with the reference. Together with what was put off from the windows before it, it
	// had enough vectors. The rest is zero where not.
	compared bool
	findings drift.Findings
	cosine   drift.Moments
	cosines  [3]float64
}

// quantiles are those that the cosines of a window are described by.
func quantiles() [3]float64 { return [...]float64{0.05, 0.5, 0.95} }

// alarms returns the statistics whose evidence is enough in this window.
func (r *report) alarms() []string {
	var names []string
	for _, s := range r.findings.Alarms() {
		names = append(names, string(s))
	}
	return names
}

// value is a value with its name: that of the processor's attribute without its prefix, where it has one.
type value struct {
	name  string
	value any // nil where there is none
}

// values returns everything in a report, always with the same names in the same order.
func (r *report) values() []value {
	values := []value{{"window", r.number}, {"file", r.place.file}, {"from", r.from()}, {"time", nil}, {"verdict", string(r.verdict)},
		{"vectors", r.vectors}}
	if !r.time.IsZero() {
		values[3].value = r.time.UTC().Format(time.RFC3339Nano)
	}
	for fault, tally := range r.flagged.all() {
		values = append(values, value{"flagged." + fault.String(), tally.n})
	}
	add := func(known bool, name string, v float64) {
		if known {
			values = append(values, value{name, v})
		} else {
			values = append(values, value{name, nil})
		}
	}
	moments := func(name string, m *drift.Moments) {
		add(m.N > 0, name+".mean", m.Mean)
		add(m.N > 0, name+".stddev", m.StdDev())
		add(m.N > 0, name+".min", m.Min)
		add(m.N > 0, name+".max", m.Max)
	}
	moments("norm", &r.norm)
	moments("cosine", &r.cosine)
	add(r.compared, "cosine.p05", r.cosines[0])
	add(r.compared, "cosine.p50", r.cosines[1])
	add(r.compared, "cosine.p95", r.cosines[2])
	f := &r.findings
	add(r.compared, "cosine.ks", f.KolmogorovSmirnov)
	add(r.compared, "cosine.divergence", f.Divergence)
	add(r.compared, "centroid.distance", f.Shift.CentroidDistance)
	add(f.Shift.HasZ, "mean_shift.z", f.Shift.Z)
	add(f.HasVariances, "variance_shift", f.VarianceShift)
	add(f.HasVariances, "effective_rank", f.EffectiveRank)
	weighed := r.compared && f.Windows >= drift.MinNull
	for i, s := range statistics() {
		add(weighed, "evidence."+string(s), f.Weights[i].Evidence)
	}
	for i, s := range statistics() {
		add(weighed, "p_value."+string(s), f.Weights[i].P)
	}
	return values
}

// statistics are those of drift.Statistics that a reference has which was never renewed.
func statistics() []drift.Statistic {
	all := drift.Statistics()
	return all[:slices.Index(all, drift.StatisticAnchor)]
}

// summary is what was found in all windows.
type summary struct {
	windows  int64
	vectors  int64
	flagged  reasons
	verdicts map[verdict]int64
	// alarm is the first window with an alarm of drift, nil if there is none.
	alarm *report
}

func newSummary() *summary { return &summary{verdicts: make(map[verdict]int64)} }

func (s *summary) add(r *report) {
	s.windows++
	s.vectors += r.vectors
	s.flagged.merge(&r.flagged)
	s.verdicts[r.verdict]++
	if s.alarm == nil && r.compared && len(r.findings.Alarms()) > 0 {
		first := *r
		s.alarm = &first
	}
}

func (s *summary) alarming() bool {
	for v := range s.verdicts {
		if v.alarming() {
			return true
		}
	}
	return s.alarm != nil
}
