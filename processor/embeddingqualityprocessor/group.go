package embeddingqualityprocessor

import (
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// groupKey names what shares a reference: the replicas of a model do, whose vectors have to be alike.
type groupKey struct {
	Model, TaskType string
	Dimension       int
}

// group is what the replicas of a model have in common. Its size does not depend on the number of vectors: at 2560 dimensions,
// about 0.8 MiB.
type group struct {
	logger    *zap.Logger
	reference atomic.Pointer[drift.Reference] // nil until learned
	renewal   renewal
	repeats   *repeats

	mu           sync.Mutex
	pinned       bool   // the reference came from a file
	digest       string // of the reference
	learner      *drift.Learner
	monitor      *drift.Monitor
	since        time.Time // the end of the first window after the reference was learned
	differential *drift.Differential
	// pending holds windows that had too few vectors to be judged each by itself.
	pending *drift.Window
	// findings and replicas are those of the last window that had enough.
	findings drift.Findings
	replicas map[string]drift.Weight
	fresh    bool // findings are of the window that has just ended
	// alarmed is the start of the window that raised the alarm of drift that stands; zero without one.
	alarmed time.Time
	pool    pool
	// doubted is whether a canary found something wrong in the window that has just ended.
	doubted bool
	// held are verdicts on repeats that stay for some windows.
	held map[uint32]heldVerdict
	// sources numbers the replicas.
	sources    map[string]uint32
	lastSource uint32
	// saved is what the storage has of the group.
	saved savedParts
}

func newGroup(key groupKey, logger *zap.Logger) *group {
	return &group{
		logger: logger.With(zap.String("model", key.Model), zap.String("task_type", key.TaskType),
			zap.Int("dimension", key.Dimension)),
		repeats:      newRepeats(),
		differential: drift.NewDifferential(),
		held:         make(map[uint32]heldVerdict),
		sources:      make(map[string]uint32),
	}
}

// maxSources bounds how many replicas are numbered. Where there were more, those that come again get new numbers.
const maxSources = 1024

// source returns the number of a replica.
func (g *group) source(replica string) uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	source, ok := g.sources[replica]
	if !ok {
		if len(g.sources) == maxSources {
			clear(g.sources)
		}
		g.lastSource++
		source = g.lastSource
		g.sources[replica] = source
	}
	return source
}

// use makes the group compare windows by m from now on.
func (g *group) use(m *drift.Monitor) {
	reference := m.Reference()
	g.monitor, g.pending, g.learner = m, drift.NewWindow(len(reference.Mean)), nil
	g.saved.reference = false
	digest := reference.Digest()
	g.digest = hex.EncodeToString(digest[:])
	g.reference.Store(reference)
}

// heldVerdict is a verdict that was found once and stays: texts come again when they come, and whoever looks at the latest window
// only must not miss it.
type heldVerdict struct {
	verdict embedding.Verdict
	windows int
	flips   bool
}

const (
	// holdUnstable is for how many windows it is remembered that the same text got different vectors.
	holdUnstable = 6
	// holdChanged is for how many windows it is remembered that texts got other vectors than before, unless drift shows it for
	// longer. After that time, most texts have their new vectors in the store.
	holdChanged = 30
)

// notSaved takes note that save was in vain.
func (g *group) notSaved() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.saved = savedParts{}
}

// learn takes over a valid vector for the reference, which is learned from the given number of them.
func (g *group) learn(x []float32, norm float64, vectors int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.monitor != nil {
		return // learned since the vector was measured: neither part of the reference nor comparable with it
	}
	if g.learner == nil {
		g.learner = drift.NewLearner(len(x), vectors)
	}
	g.saved.state = false
	if reference := g.learner.Add(x, norm); reference != nil {
		g.use(drift.NewMonitor(reference))
		g.logger.Info("Learned a reference", zap.Int("vectors", vectors))
	}
}

// judge takes in the windows of replicas that have just ended. Those that were compared with the group's reference are compared by
// it, and all with each other.
func (g *group) judge(windows []replicaWindow, cfg *Config) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = false
	if len(windows) == 0 {
		return
	}
	replicas := make([]drift.Replica, 0, len(windows))
	for _, w := range windows {
		replicas = append(replicas, w.Replica)
		if w.compared && g.monitor != nil {
			g.pending.Merge(w.Window)
		}
	}
	if g.monitor != nil && g.pending.N() >= uint64(cfg.MinVectors) {
		g.findings, g.fresh = g.monitor.Add(g.pending, cfg.runLength()), true
		g.pending.Reset()
	}
	g.replicas = g.differential.Add(replicas, cfg.runLength())
	g.saved.state = false
}

// replicaWindow is the window of a replica. It was compared with the group's reference, or holds nothing but sums.
type replicaWindow struct {
	drift.Replica
	compared bool
}

// hold takes in what repeats say of replicas in the window that has just ended.
func (g *group) hold(findings map[uint32]repeatsFinding) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for source, h := range g.held {
		if h.windows--; h.windows == 0 {
			delete(g.held, source)
		} else {
			g.held[source] = h
		}
	}
	for source, f := range findings {
		switch f.verdict {
		case "":
		case embedding.VerdictModelChanged:
			g.held[source] = heldVerdict{verdict: f.verdict, windows: holdChanged}
		default:
			// A text that gets the vector of the new model right after one of the old is no sign of instability, unless it goes on.
			if f.flips || g.held[source].verdict != embedding.VerdictModelChanged {
				g.held[source] = heldVerdict{f.verdict, holdUnstable, f.flips}
			}
		}
	}
}

// verdict returns the verdict on a replica, and the evidence for it in traffic.
func (g *group) verdict(replica string, source uint32, canary canaryOpinion) (embedding.Verdict, []embedding.Evidence) {
	g.mu.Lock()
	defer g.mu.Unlock()
	verdict, evidence := g.traffic(replica, source, canary)
	return canary.settle(verdict), evidence
}

// traffic returns what drift and repeats say of a replica.
func (g *group) traffic(replica string, source uint32, canary canaryOpinion) (embedding.Verdict, []embedding.Evidence) {
	verdict, evidence := g.drift(replica, canary)
	held, ok := g.held[source]
	switch {
	case !ok, verdict == embedding.VerdictReplicaFault:
		return verdict, evidence
	case held.flips, held.verdict == embedding.VerdictReplicaFault:
		// What alternates between two vectors moves statistics too, and so does a replica at fault.
		return held.verdict, evidence
	case verdict == embedding.VerdictModelChanged:
		return verdict, evidence
	case verdict == embedding.VerdictTrafficShift:
		// Other traffic does not change the vectors of the same texts: as long as there is drift, it is the model's.
		held = heldVerdict{verdict: embedding.VerdictModelChanged, windows: holdChanged}
		g.held[source] = held
	}
	return held.verdict, evidence
}

// weight returns what speaks for a statistic, of those of drift.Statistics, in the group's own windows or in those of agents.
func (g *group) weight(i int) drift.Weight {
	own, pooled := g.findings.Weights[i], g.pool.weights[i]
	if g.findings.Windows == 0 || pooled.Evidence > own.Evidence {
		return pooled
	}
	return own
}

// note takes note, after the window that began at start was judged, of since when there is an alarm of drift, and of whether a canary
// found something wrong.
func (g *group) note(start time.Time, doubted bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.doubted = doubted
	for i := range drift.Statistics() {
		if g.weight(i).Alarm() {
			if g.alarmed.IsZero() {
				g.alarmed = start
			}
			return
		}
	}
	g.alarmed = time.Time{}
}

// drift returns what the statistics say of a replica.
func (g *group) drift(replica string, canary canaryOpinion) (embedding.Verdict, []embedding.Evidence) {
	windows := max(g.findings.Windows, g.pool.windows)
	if windows == 0 {
		return embedding.VerdictLearning, nil
	}
	var evidence []embedding.Evidence
	for i, statistic := range drift.Statistics() {
		w := g.weight(i)
		if w.P == 0 || statistic == drift.StatisticAnchor && g.monitor != nil && !g.monitor.Renewed() {
			continue
		}
		evidence = append(evidence, embedding.Evidence{Statistic: string(statistic), P: w.P, Share: w.Evidence})
	}
	if w, ok := g.replicas[replica]; ok {
		evidence = append(evidence, embedding.Evidence{Statistic: embedding.StatisticReplica, P: w.P, Share: w.Evidence})
	}
	switch {
	case g.replicas[replica].Alarm():
		return embedding.VerdictReplicaFault, evidence
	case windows < drift.MinNull:
		return embedding.VerdictLearning, evidence
	case g.alarmed.IsZero() || g.replicaAtFault():
		return embedding.VerdictHealthy, evidence
	case g.findings.OtherModel() || g.pool.otherModel:
		return canary.onDrift(embedding.VerdictModelChanged, g.alarmed), evidence
	}
	return canary.onDrift(embedding.VerdictTrafficShift, g.alarmed), evidence
}

// learned returns the number of windows that the group has learned from, of those that it needs.
func (g *group) learned() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(max(g.findings.Windows, g.pool.windows))
}

// replicaAtFault is whether one replica explains what all of them show together.
func (g *group) replicaAtFault() bool {
	for _, w := range g.replicas {
		if w.Alarm() {
			return true
		}
	}
	return false
}
