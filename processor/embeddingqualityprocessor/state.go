package embeddingqualityprocessor

import (
	"sync"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
)

// state is what is kept of one key. Its size does not depend on the number of vectors: 0.1 to 0.2 MiB at 2560 dimensions.
type state struct {
	group  *group
	source uint32 // the replica's number among those of the group

	mu    sync.Mutex
	texts validity.Duplicates
	// window is made for the first valid vector, because only then the dimension is more than a client's claim.
	window   *drift.Window
	compared *drift.Reference // what the vectors of the window were compared with
	trial    trialWindow
	vectors  int64
	counts   embedding.ReasonCounts
}

// judge completes the judgement of an event's rows, which were measured with the given reference, adds them and the
// ragged vectors to the window, and adds up the judgement in q.
func (s *state) judge(ev *embedding.Event, rows []row, reference *drift.Reference, cfg *Config, q *embedding.Quality) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		if r.Fault == validity.None && r.hasText && s.texts.Add(r.hash, validity.Text(r.text)) {
			r.Fault = validity.Duplicate
		}
		if r.Fault == validity.None {
			x := ev.Vectors[i*ev.OutputDimension : (i+1)*ev.OutputDimension]
			if r.hasText {
				s.group.repeats.add(r.text, x, r.Norm, s.source)
			}
			s.add(x, r, reference, cfg.Reference.Vectors)
			if reference != nil && validity.IsOutlier(r.Cosine, &reference.Cosine, cfg.OutlierSigmas) {
				r.Fault = validity.Outlier
			}
		}
		r.addTo(q, reference != nil)
	}
	s.vectors += q.Vectors
	s.counts.Add(&q.Counts)
}

// add takes over a valid vector: into the window, and into the reference while that is learned.
func (s *state) add(x []float32, r *row, reference *drift.Reference, learn int) {
	if s.window == nil {
		s.window = drift.NewWindow(len(x))
	}
	switch {
	case reference == nil:
		s.window.Norm.Add(r.Norm)
		s.group.learn(x, r.Norm, learn)
		return
	case reference == s.compared:
	case reference != s.group.reference.Load():
		s.window.Norm.Add(r.Norm) // measured before there was another
		return
	default:
		if s.window.N() > 0 {
			s.window = drift.NewWindow(len(x))
		}
		s.compared = reference
	}
	s.window.Add(x, r.Norm, r.Cosine, reference)
	s.group.renewal.add(s.group, &s.trial, x, r.Norm)
}

// end ends the window. It returns false if it held no vector, and else, in e, what was found in it; e's window is nil if it held no
// valid one. The key, times, verdict and evidence are left to the caller.
func (s *state) end(e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vectors == 0 {
		return false
	}
	report := &e.report
	report.Vectors, report.Counts = s.vectors, s.counts
	s.vectors, s.counts = 0, embedding.ReasonCounts{}
	s.texts.Reset()
	if e.window = s.window; e.window != nil {
		s.window = e.window.Next()
	}
	e.trial, s.trial = s.trial, trialWindow{}
	e.compared = s.compared != nil && s.compared == s.group.reference.Load()
	if e.window != nil && e.window.Norm.N > 0 {
		report.Norm, report.HasNorm = moments(&e.window.Norm), true
	}
	return true
}

// verdict of a call rests on vectors that can not be right whatever the text was: one call is too little for anything else.
func verdict(counts *embedding.ReasonCounts, reference *drift.Reference) embedding.Verdict {
	switch {
	case counts.Invalid() > 0:
		return embedding.VerdictInvalidOutput
	case reference == nil:
		return embedding.VerdictLearning
	}
	return embedding.VerdictHealthy
}

func compare(reference *drift.Reference, w *drift.Window) *embedding.Drift {
	c := reference.Compare(w)
	return &embedding.Drift{
		ReferenceVectors: int64(reference.N),
		CentroidDistance: c.Shift.CentroidDistance,
		Cosine:           moments(&w.Cosine),
		CosineQuantiles: embedding.Quantiles{
			P05: w.Cosines.Quantile(0.05),
			P50: w.Cosines.Quantile(0.50),
			P95: w.Cosines.Quantile(0.95),
		},
		MeanShiftZ:       c.Shift.Z,
		HasMeanShiftZ:    c.Shift.HasZ,
		CosineKS:         c.KolmogorovSmirnov,
		CosineDivergence: c.Divergence,
		VarianceShift:    c.VarianceShift,
		EffectiveRank:    c.EffectiveRank,
		HasVariances:     c.HasVariances,
	}
}

func moments(m *drift.Moments) embedding.Moments {
	return embedding.Moments{Mean: m.Mean, StdDev: m.StdDev(), Min: m.Min, Max: m.Max}
}
