package embeddingqualityprocessor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// merger adds the reports of several processors up, key by key and window by window, until a window is closed.
type merger struct {
	judge *judge
	wait  time.Duration

	mu    sync.Mutex
	open  map[time.Time]map[groupKey]*mergedGroup // by the start of the window
	first time.Time                               // windows that began before it are closed
}

// mergedGroup is what was reported on a group in one window.
type mergedGroup struct {
	group *group
	start time.Time
	keys  map[embedding.Key]*mergedKey
	// apart are the opinions of those reporters whose references are not the group's.
	apart map[string]opinion
}

// mergedKey is what was reported on a key in one window.
type mergedKey struct {
	entry
	seen  map[seenReport]bool
	tally drift.ConsistencyTally
}

// seenReport identifies one report on a key. A window may take in several of a reporter that has shorter ones.
type seenReport struct {
	reporter string
	start    time.Time
}

func newMerger(j *judge, cfg MergeConfig) *merger {
	return &merger{judge: j, wait: cfg.Wait, open: make(map[time.Time]map[groupKey]*mergedGroup)}
}

// Reasons for which a report is dropped.
const (
	dropLate      = "late"      // its window is closed
	dropEarly     = "early"     // its window begins in the future
	dropDuplicate = "duplicate" // it was merged already
	dropUnread    = "unreadable"
	dropFull      = "full" // there are too many keys
)

// add merges a report that carries its state.
func (m *merger) add(ctx context.Context, r *embedding.WindowReport, now time.Time) {
	reason := m.merge(r, now)
	t := m.judge.telemetry
	if reason == "" {
		t.ProcessorEmbeddingQualityReportsMerged.Add(ctx, 1)
		return
	}
	t.ProcessorEmbeddingQualityReportsDropped.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// merge returns why the report was dropped, or nothing.
func (m *merger) merge(r *embedding.WindowReport, now time.Time) string {
	var window *drift.Window
	var tally drift.ConsistencyTally
	if err := readState(r, &window, &tally); err != nil {
		m.judge.logger.Warn("Cannot read the state of a report", zap.String("reporter", r.State.Reporter), zap.Error(err))
		return dropUnread
	}
	at := r.Start.Round(time.Millisecond) // it is written as a duration before the end
	slot := at.Truncate(m.judge.cfg.Window)
	key := groupKey{bounded(r.Key.Model), bounded(r.Key.TaskType), r.Key.Dimension}
	group := m.judge.group(key)

	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case slot.Before(m.first):
		return dropLate
	case slot.After(now.Add(m.wait)):
		return dropEarly
	}
	merged := m.slot(slot, key, group)
	k, ok := merged.keys[r.Key]
	if !ok {
		if len(merged.keys) >= m.judge.cfg.MaxKeys {
			return dropFull
		}
		k = merged.key(r.Key, m.judge.cfg.Window)
	}
	seen := seenReport{r.State.Reporter, at}
	if k.seen[seen] {
		return dropDuplicate
	}
	k.seen[seen] = true
	k.tally.Merge(&tally)
	k.report.Vectors += r.Vectors
	k.report.Counts.Add(&r.Counts)
	if window == nil {
		return ""
	}
	reference := group.reference.Load()
	compared := window.N() > 0 && reference != nil && r.State.ReferenceDigest == group.referenceDigest() && window.Fits(reference) == nil
	if !compared && window.N() > 0 {
		merged.hear(r)
	}
	k.addWindow(window, compared)
	return ""
}

// slot returns what is known of a group in the window that begins at start.
func (m *merger) slot(start time.Time, key groupKey, g *group) *mergedGroup {
	groups, ok := m.open[start]
	if !ok {
		groups = make(map[groupKey]*mergedGroup)
		m.open[start] = groups
	}
	merged, ok := groups[key]
	if !ok {
		merged = &mergedGroup{group: g, start: start, keys: make(map[embedding.Key]*mergedKey), apart: make(map[string]opinion)}
		groups[key] = merged
	}
	return merged
}

// key returns a new key of the group.
func (g *mergedGroup) key(key embedding.Key, length time.Duration) *mergedKey {
	k := &mergedKey{seen: make(map[seenReport]bool), entry: entry{key: key, source: g.group.source(key.Replica), compared: true}}
	k.report.Key, k.report.Start, k.report.End = key, g.start, g.start.Add(length)
	g.keys[key] = k
	return k
}

// addWindow takes over a window. Once one was not compared with the group's reference, all that is left are sums.
func (k *mergedKey) addWindow(w *drift.Window, compared bool) {
	if k.window == nil {
		k.window = drift.NewWindow(w.Dimension())
	}
	k.compared = k.compared && (compared || w.N() == 0)
	if k.compared {
		k.window.Merge(w)
	} else {
		k.window.MergeSums(w)
	}
	if k.window.Norm.N > 0 {
		k.report.Norm, k.report.HasNorm = moments(&k.window.Norm), true
	}
}

// hear takes over the opinion of a reporter with a reference of its own. It is the same in its reports on all replicas, so that it
// counts for the vectors of all of them.
func (g *mergedGroup) hear(r *embedding.WindowReport) {
	o := g.apart[r.State.Reporter]
	o.add(r)
	g.apart[r.State.Reporter] = o
}

// addOwn takes over what the processor saw itself, as the report of one more.
func (m *merger) addOwn(g *group, entries []entry) {
	repeats := g.repeats.end()
	for i := range entries {
		e := &entries[i]
		f := repeats[e.source]
		e.report.State = m.judge.windowState(g, e, &f)
		m.add(context.Background(), &e.report, e.report.End)
	}
}

// close closes the windows that ended so long ago that no report is waited for any more, the last time all of them, and returns what
// was reported on them, in the order of time.
func (m *merger) close(now time.Time, last bool) []*mergedGroup {
	m.mu.Lock()
	defer m.mu.Unlock()
	var closed []*mergedGroup
	first := now.Add(-m.wait).Truncate(m.judge.cfg.Window)
	if last {
		first = now.Add(m.wait).Truncate(m.judge.cfg.Window).Add(m.judge.cfg.Window) // there are none that begin later
	}
	if first.After(m.first) {
		m.first = first
	}
	for _, start := range slices.SortedFunc(maps.Keys(m.open), time.Time.Compare) {
		if start.Before(m.first) {
			closed = slices.AppendSeq(closed, maps.Values(m.open[start]))
			delete(m.open, start)
		}
	}
	return closed
}

// closed returns when the first window began that is not closed.
func (m *merger) closed() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first
}

// restore closes the windows before first, which were closed before a restart: their reports must not count again.
func (m *merger) restore(first time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first = first
}

func (g *mergedGroup) entries() []entry {
	entries := make([]entry, 0, len(g.keys))
	for _, k := range g.keys {
		entries = append(entries, k.entry)
	}
	sortEntries(entries)
	return entries
}

// repeats judges the repeats of all replicas together. Each one between two replicas is in the tallies of both.
func (g *mergedGroup) repeats() map[uint32]repeatsFinding {
	var all drift.ConsistencyTally
	sources := make(map[uint32]*drift.ConsistencyTally, len(g.keys))
	for _, k := range g.keys {
		if same, other := k.tally.SameSource.Total(), k.tally.OtherSource.Total(); same.Repeats+other.Repeats > 0 {
			sources[k.source] = &k.tally
			all.Merge(&k.tally)
		}
	}
	all.OtherSource.Halve()
	return judgeRepeats(&all, sources)
}

func (g *mergedGroup) opinions() []opinion { return slices.Collect(maps.Values(g.apart)) }

// readState reads the state in a report. The window stays nil where there was none.
func readState(r *embedding.WindowReport, window **drift.Window, tally *drift.ConsistencyTally) error {
	if len(r.State.Window) > 0 {
		*window = &drift.Window{}
		if err := (*window).UnmarshalBinary(r.State.Window); err != nil {
			return err
		}
		if (*window).Dimension() != r.Key.Dimension {
			return errDimension(r.Key.Dimension, (*window).Dimension())
		}
	}
	if len(r.State.Repeats) > 0 {
		return tally.UnmarshalBinary(r.State.Repeats)
	}
	return nil
}

// windowState returns what others need to merge the report on an entry.
func (j *judge) windowState(g *group, e *entry, f *repeatsFinding) *embedding.WindowState {
	s := &embedding.WindowState{Reporter: j.reporter}
	var err error
	if e.window != nil {
		if s.Window, err = e.window.AppendBinary(nil); err == nil && e.compared {
			s.ReferenceDigest, s.Fresh = g.referenceDigest(), g.isFresh()
		}
	}
	if err == nil && f.tally != nil {
		s.Repeats, err = f.tally.AppendBinary(nil)
	}
	if err != nil {
		j.logger.Error("Cannot write the state of a window", zap.Error(err))
		return nil
	}
	return s
}
