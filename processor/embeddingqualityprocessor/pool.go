package embeddingqualityprocessor

import (
	"fmt"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// pool is what is known of a group from reporters whose references are not its own.
type pool struct {
	drift.Pool
	weights    [len(drift.Opinion{}.P)]drift.Weight // of the last window that there were opinions on
	windows    int                                  // from how many it is known what is usual
	otherModel bool
}

// opinion is what one reporter says of a window.
type opinion struct {
	drift.Opinion
	fresh      bool
	windows    int
	otherModel bool
}

// add takes over a report, of one of the replicas that the reporter judges together.
func (o *opinion) add(r *embedding.WindowReport) {
	o.Vectors += float64(r.Vectors)
	o.otherModel = o.otherModel || r.Verdict == embedding.VerdictModelChanged
	if r.Drift != nil {
		o.windows = int(r.Drift.ReferenceWindows)
	}
	if o.fresh = r.State.Fresh; !o.fresh {
		return
	}
	for _, e := range r.Evidence {
		if i := slices.Index(drift.Statistics(), drift.Statistic(e.Statistic)); i >= 0 {
			o.P[i] = e.P
		}
	}
}

// judgePool takes in the opinions on a window, those of them that know what is usual.
func (g *group) judgePool(opinions []opinion, cfg *Config) {
	if len(opinions) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var fresh []drift.Opinion
	windows, otherModel := 0, false
	for _, o := range opinions {
		windows = max(windows, o.windows)
		if o.fresh && o.windows >= drift.MinNull {
			fresh = append(fresh, o.Opinion)
			otherModel = otherModel || o.otherModel
		}
	}
	g.pool.windows = windows
	if len(fresh) > 0 {
		g.pool.weights, g.pool.otherModel = g.pool.Add(fresh, cfg.runLength()), otherModel
	}
	g.saved.state = false
}

// referenceDigest identifies the group's reference.
func (g *group) referenceDigest() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.digest
}

// isFresh is whether the findings are of the window that has just ended.
func (g *group) isFresh() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fresh
}

func errDimension(want, found int) error {
	return fmt.Errorf("want a window of %d dimensions, as the report says, found %d", want, found)
}
