package embeddingqualityprocessor

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// renewalWindows is over how many windows the vectors of a next reference are spread: what is asked for in one window is not all
// that is asked for.
const renewalWindows = drift.MinNull

// renewal makes the next reference of a group. It learns it from some vectors of each window, then compares all vectors with it,
// beside the one that is in use, until it is known what is usual for it. The two are held at once in that time, and nothing is
// learned from windows that make suspicious.
type renewal struct {
	budget atomic.Int64                    // how many vectors are still to be learned from in the window
	trial  atomic.Pointer[drift.Reference] // the next reference

	// The group's mutex guards what follows.
	learner *drift.Learner
	monitor *drift.Monitor
	pending *drift.Window
}

// trialWindow is the window of a replica as the next reference sees it.
type trialWindow struct {
	reference *drift.Reference
	window    *drift.Window
}

// add takes over a valid vector, if there is a renewal.
func (r *renewal) add(g *group, t *trialWindow, x []float32, norm float64) {
	if reference := r.trial.Load(); reference != nil {
		if t.reference != reference {
			*t = trialWindow{reference, drift.NewWindow(len(x))}
		}
		_, dot := vector.Measure(x, reference.Centroid)
		t.window.Add(x, norm, drift.Cosine(dot, norm), reference)
		return
	}
	if r.budget.Load() > 0 && r.budget.Add(-1) >= 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.learner == nil {
			return
		}
		if reference := r.learner.Add(x, norm); reference != nil {
			r.learner, r.monitor, r.pending = nil, drift.NewMonitor(reference), drift.NewWindow(len(x))
			r.budget.Store(0)
			r.trial.Store(reference)
		}
	}
}

// stop gives up what was begun.
func (r *renewal) stop() {
	r.budget.Store(0)
	r.trial.Store(nil)
	r.learner, r.monitor, r.pending = nil, nil, nil
}

// renew takes in the windows that have just ended, and replaces the reference when it is due and the next one is ready.
func (g *group) renew(entries []entry, now time.Time, cfg *Config) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := &g.renewal
	if g.monitor == nil {
		return
	}
	if g.since.IsZero() {
		g.since = now
	}
	switch {
	case g.pinned || cfg.Reference.RenewInterval == 0 || now.Sub(g.since) < cfg.Reference.RenewInterval:
	case g.doubted || g.findings.Suspicious() || g.findings.Windows < drift.MinNull:
		r.stop()
	case r.monitor != nil:
		r.judge(entries, cfg)
		if r.monitor.Windows() >= drift.MinNull {
			g.monitor.Renew(r.monitor)
			g.use(r.monitor)
			r.stop()
			g.since = now
			g.logger.Info("Renewed the reference")
		}
	default:
		if r.learner == nil {
			r.learner = drift.NewLearner(len(g.reference.Load().Mean), cfg.Reference.Vectors)
		}
		r.budget.Store(int64(math.Ceil(float64(cfg.Reference.Vectors) / renewalWindows)))
	}
}

// judge lets the next monitor learn from the windows.
func (r *renewal) judge(entries []entry, cfg *Config) {
	for _, e := range entries {
		if e.trial.reference == r.monitor.Reference() {
			r.pending.Merge(e.trial.window)
		}
	}
	if r.pending.N() >= uint64(cfg.MinVectors) {
		r.monitor.Add(r.pending, cfg.runLength())
		r.pending.Reset()
	}
}
