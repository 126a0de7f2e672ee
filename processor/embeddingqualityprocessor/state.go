package embeddingqualityprocessor

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// minStdDev is the smallest spread of cosines that outliers are measured by: what rounding float32 elements makes.
// It matters where a reference was learned from one text alone.
const minStdDev = 1e-6

// state is what is kept of one key. Its size does not depend on the number of vectors: about 0.8 MiB while a
// reference is learned and 0.2 MiB afterwards, at 2560 dimensions.
type state struct {
	reference atomic.Pointer[drift.Reference] // nil until learned

	mu      sync.Mutex
	learner *drift.Learner
	texts   duplicates
	// window is made for the first valid vector, because only then the dimension is more than a client's claim.
	window  *drift.Window
	vectors int64
	counts  embedding.ReasonCounts
}

// judge completes the judgement of an event's rows, which were measured with the given reference, adds them and the
// ragged vectors to the window, and adds up the judgement in q.
func (s *state) judge(ev *embedding.Event, rows []row, reference *drift.Reference, cfg *Config, q *embedding.Quality) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		if r.reason == "" && r.hasText && s.texts.add(r.hash, r.text) {
			r.reason = embedding.ReasonDuplicate
		}
		if r.reason == "" {
			s.add(ev.Vectors[i*ev.OutputDimension:(i+1)*ev.OutputDimension], r, reference, cfg.Reference.Vectors)
			if reference != nil && isOutlier(r.cosine, &reference.Cosine, cfg.OutlierSigmas) {
				r.reason = embedding.ReasonOutlier
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
	if reference != nil {
		s.window.Add(x, r.norm, r.cosine)
		return
	}
	s.window.Norm.Add(r.norm)
	if s.reference.Load() != nil {
		return // learned since the row was measured: neither part of the reference nor comparable with it
	}
	if s.learner == nil {
		// A fixed seed: the same vectors in the same order make the same reference.
		s.learner = drift.NewLearner(len(x), learn, rand.New(rand.NewPCG(1, 1)))
	}
	if reference := s.learner.Add(x, r.norm); reference != nil {
		s.reference.Store(reference)
		s.learner = nil
	}
}

func isOutlier(cosine float64, of *drift.Moments, sigmas float64) bool {
	return math.Abs(cosine-of.Mean) > sigmas*max(of.StdDev(), minStdDev)
}

// report ends the window and returns what was found in it, or false if it held no vector. Key and times are left to
// the caller.
func (s *state) report() (embedding.WindowReport, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vectors == 0 {
		return embedding.WindowReport{}, false
	}
	reference := s.reference.Load()
	report := embedding.WindowReport{
		Verdict: verdict(&s.counts, reference),
		Vectors: s.vectors,
		Counts:  s.counts,
	}
	if s.window != nil && s.window.Norm.N > 0 {
		report.Norm, report.HasNorm = moments(&s.window.Norm), true
	}
	if s.window != nil && s.window.N() > 0 {
		report.Drift = compare(reference, s.window)
	}
	s.vectors, s.counts = 0, embedding.ReasonCounts{}
	s.texts.reset()
	if s.window != nil {
		s.window.Reset()
	}
	return report, true
}

// verdict rests on vectors that can not be right whatever the text was. Drift is reported beside it: traffic that
// changes moves it as well as a fault does.
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
	shift := reference.Shift(w)
	return &embedding.Drift{
		ReferenceVectors: int64(reference.N),
		CentroidDistance: shift.CentroidDistance,
		Cosine:           moments(&w.Cosine),
		CosineQuantiles: embedding.Quantiles{
			P05: w.Cosines.Quantile(0.05),
			P50: w.Cosines.Quantile(0.50),
			P95: w.Cosines.Quantile(0.95),
		},
		MeanShiftZ:    shift.Z,
		HasMeanShiftZ: shift.HasZ,
	}
}

func moments(m *drift.Moments) embedding.Moments {
	return embedding.Moments{Mean: m.Mean, StdDev: m.StdDev(), Min: m.Min, Max: m.Max}
}
