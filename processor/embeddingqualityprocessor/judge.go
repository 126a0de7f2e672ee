package embeddingqualityprocessor

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	conventions "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

const (
	// maxNameLength bounds what clients choose and keys hold, in bytes.
	maxNameLength = 256
	// maxRagged bounds how many ragged vectors are counted for an event: their number is the emitter's word alone.
	maxRagged = 1 << 16
)

// judge judges events and holds what is known of each key. It is safe for concurrent use.
type judge struct {
	cfg       *Config
	models    map[string]ModelConfig
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	flagged   map[embedding.Reason]metric.MeasurementOption
	workers   sync.Pool // of *worker
	pinned    pinnedReferences
	store     *store  // nil where nothing is saved
	merger    *merger // nil where nothing is merged
	canaries  *canaries
	verdicts  *verdicts
	reporter  string // names the process in its reports

	mu       sync.Mutex
	profiles *lru[profileKey, *profile]
	groups   *lru[groupKey, *group]
	states   *lru[embedding.Key, *state]
}

// worker holds what judging takes, so that it is not allocated for each event.
type worker struct {
	event  embedding.Event
	report embedding.WindowReport
	canary embedding.CanaryResult
	texts  *embedding.TextReader
	hasher *validity.Hasher
	rows   []row
	// vectors and counts are what was judged since the worker was taken from the pool, at the time taken.
	taken   time.Time
	vectors int64
	counts  embedding.ReasonCounts
}

func newJudge(set component.TelemetrySettings, cfg *Config, f *factory) (*judge, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	found, err := f.verdictsOf(cfg)
	if err != nil {
		return nil, err
	}
	j := &judge{
		verdicts:  found,
		cfg:       cfg,
		models:    make(map[string]ModelConfig, len(cfg.Models)),
		logger:    set.Logger,
		telemetry: telemetry,
		flagged:   make(map[embedding.Reason]metric.MeasurementOption),
		profiles:  newLRU[profileKey, *profile](cfg.MaxKeys),
		groups:    newLRU[groupKey, *group](cfg.MaxKeys),
		states:    newLRU[embedding.Key, *state](cfg.MaxKeys),
		canaries:  newCanaries(cfg.MaxKeys, cfg.CanaryMaxAge),
	}
	if cfg.Merge.HasValue() {
		j.merger = newMerger(j, *cfg.Merge.Get())
	}
	if id, ok := set.Resource.Attributes().Get(string(conventions.ServiceInstanceIDKey)); ok {
		j.reporter = id.AsString()
	} else {
		j.reporter = rand.Text()
	}
	for _, m := range cfg.Models {
		j.models[m.Name] = m
	}
	for _, r := range embedding.Reasons() {
		j.flagged[r] = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", string(r))))
	}
	key := []byte(cfg.FingerprintKey)
	if len(key) == 0 {
		key = []byte(rand.Text())
	}
	seed := maphash.MakeSeed()
	j.workers.New = func() any {
		return &worker{texts: embedding.NewTextReader(embedding.NewFingerprinter(key), nil, nil), hasher: validity.NewHasher(seed)}
	}
	return j, errors.Join(
		telemetry.RegisterProcessorEmbeddingQualityKeysCallback(func(_ context.Context, o metric.Int64Observer) error {
			j.mu.Lock()
			defer j.mu.Unlock()
			o.Observe(int64(j.states.len()))
			return nil
		}),
		telemetry.RegisterProcessorEmbeddingQualityMemoryCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(j.size()))
			return nil
		}))
}

// start makes the judge ready to judge, with what was learned before.
func (j *judge) start(ctx context.Context, host component.Host, id component.ID, signal string) error {
	var err error
	if j.pinned, err = openReferences(j.cfg.Reference.Files); err != nil {
		return err
	}
	if j.store, err = openStore(ctx, host, j.cfg, id, signal); err != nil || j.store == nil {
		return err
	}
	return j.restore(ctx)
}

// shutdown saves what was learned. The judge may not have been started.
func (j *judge) shutdown(ctx context.Context) error {
	defer j.telemetry.Shutdown()
	j.verdicts.forget()
	if j.store == nil {
		return nil
	}
	err := errors.Join(j.save(ctx), j.store.client.Close(ctx))
	j.store = nil
	return err
}

func (j *judge) worker() *worker {
	w := j.workers.Get().(*worker)
	w.taken = time.Now()
	return w
}

// release counts what w judged and gives it back, without any memory of the records that it read.
func (j *judge) release(ctx context.Context, w *worker) {
	if w.vectors > 0 {
		j.telemetry.ProcessorEmbeddingQualityVectorsJudged.Add(ctx, w.vectors)
		j.telemetry.ProcessorEmbeddingQualityJudgingTime.Add(ctx, time.Since(w.taken).Seconds())
	}
	for reason, option := range j.flagged {
		if n := *w.counts.Of(reason); n > 0 {
			j.telemetry.ProcessorEmbeddingQualityVectorsFlagged.Add(ctx, n, option)
		}
	}
	w.vectors, w.counts = 0, embedding.ReasonCounts{}
	w.event.Reset()
	j.workers.Put(w)
}

// contain ends a panic: deferred around the work on one record or one window, it loses that one and no other.
func (j *judge) contain(ctx context.Context) {
	if cause := recover(); cause != nil {
		j.telemetry.ProcessorEmbeddingQualityPanics.Add(ctx, 1)
		j.logger.Error("Contained a panic", zap.Any("cause", cause), zap.Stack("stack"))
	}
}

// finish judges the event that w has read, the call itself and its vectors, writes the judgement to its attributes and
// removes the vectors.
func (j *judge) finish(ctx context.Context, w *worker, attrs pcommon.Map) {
	if !j.cfg.KeepVectors {
		defer embedding.RemoveVectors(attrs) // whatever happens: w.event shares the vectors' memory until then
	}
	if w.event.Canary {
		return // the texts are no user's, and whoever sent them judges their vectors
	}
	// Who has judged before may have known the limit.
	if limit := j.models[w.event.Model()].MaxTokens; limit > 0 || w.event.Request == (embedding.RequestQuality{}) {
		request := w.event.JudgeRequest(limit)
		request.Write(attrs)
	}
	var q embedding.Quality
	if j.event(ctx, w, &q) {
		q.Write(attrs)
		j.verdicts.add(&w.event, &q)
	}
}

// event judges the event that w has read. It returns false if there is nothing to judge: for calls that failed and
// for events without vectors.
func (j *judge) event(ctx context.Context, w *worker, q *embedding.Quality) bool {
	ev := &w.event
	n := max(0, ev.VectorRows())
	ragged := int64(min(max(0, ev.OutputRagged), maxRagged))
	if ev.Failed() || n == 0 && ragged == 0 {
		return false
	}
	model, taskType := bounded(ev.Model()), bounded(ev.Task())
	profile := j.profile(profileKey{model, taskType})
	want := profile.expect(ev, j.cfg.NormTolerance)
	// Vectors of a wrong length count where the right ones were expected: they get no key of their own, in which
	// they would look right.
	state := j.state(ctx, embedding.Key{
		Model: model, TaskType: taskType, Dimension: want.Dimension, Replica: replica(ev.ServerAddress, ev.ServerPort),
	})
	reference := state.group.reference.Load()

	w.rows = w.rows[:0]
	for i := range n {
		x := ev.Vectors[i*ev.OutputDimension : (i+1)*ev.OutputDimension]
		r := measure(x, want, reference)
		if r.Fault == validity.None {
			if r.text, r.hasText = ev.Fingerprint(i); r.hasText {
				r.hash = w.hasher.Hash(x)
			}
		}
		w.rows = append(w.rows, r)
	}
	profile.observe(ev, w.rows, j.cfg.NormTolerance)

	q.Vectors, q.Counts.Dimension = ragged, ragged
	state.judge(ev, w.rows, reference, j.cfg, q)
	q.Verdict = verdict(&q.Counts, reference)
	w.vectors += q.Vectors
	w.counts.Add(&q.Counts)
	return true
}

// merge merges a report that carries its state. It returns false for others.
func (j *judge) merge(ctx context.Context, r *embedding.WindowReport, now time.Time) bool {
	if r.State == nil {
		return false
	}
	defer j.contain(ctx)
	j.merger.add(ctx, r, now)
	return true
}

// group returns what is known of a group.
func (j *judge) group(key groupKey) *group {
	j.mu.Lock()
	defer j.mu.Unlock()
	g, _ := j.groups.get(key, func() *group { return j.newGroup(key) })
	return g
}

func (j *judge) profile(key profileKey) *profile {
	j.mu.Lock()
	defer j.mu.Unlock()
	p, _ := j.profiles.get(key, func() *profile { return newProfile(j.models[key.model]) })
	return p
}

func (j *judge) state(ctx context.Context, key embedding.Key) *state {
	j.mu.Lock()
	defer j.mu.Unlock()
	// As long as one of its states is in use, so is a group, and stays.
	groupKey := groupKey{key.Model, key.TaskType, key.Dimension}
	g, _ := j.groups.get(groupKey, func() *group { return j.newGroup(groupKey) })
	s, evicted := j.states.get(key, func() *state { return &state{group: g, source: g.source(key.Replica)} })
	if evicted {
		j.telemetry.ProcessorEmbeddingQualityKeysEvicted.Add(ctx, 1)
	}
	return s
}

// entry is a key with what was found in its window that has ended.
type entry struct {
	key    embedding.Key
	source uint32
	report embedding.WindowReport
	window *drift.Window // nil if it held no valid vector
	// compared is whether the window was compared with the group's reference.
	compared bool
	trial    trialWindow
}

// reports ends the window of every key and returns the reports of those that saw vectors, ordered by time and key. The last time,
// nothing is waited for.
func (j *judge) reports(start, end time.Time, last bool) []embedding.WindowReport {
	var reports []embedding.WindowReport
	ended := j.end(start, end)
	if j.merger == nil {
		for g, entries := range ended {
			reports = append(reports, j.judgeGroup(g, entries, g.repeats.end(), nil)...)
			g.renew(entries, end, j.cfg)
		}
	} else {
		for g, entries := range ended {
			j.merger.addOwn(g, entries)
		}
		for _, merged := range j.merger.close(end, last) {
			reports = append(reports, j.judgeGroup(merged.group, merged.entries(), merged.repeats(), merged.opinions())...)
		}
	}
	slices.SortFunc(reports, func(a, b embedding.WindowReport) int {
		return cmp.Or(
			a.Start.Compare(b.Start),
			cmp.Compare(a.Key.Model, b.Key.Model),
			cmp.Compare(a.Key.TaskType, b.Key.TaskType),
			cmp.Compare(a.Key.Dimension, b.Key.Dimension),
			cmp.Compare(a.Key.Replica, b.Key.Replica),
		)
	})
	return reports
}

// end ends the window of every key and returns those that saw vectors, by group.
func (j *judge) end(start, end time.Time) map[*group][]entry {
	j.mu.Lock()
	states := make(map[embedding.Key]*state, j.states.len())
	for key, s := range j.states.all() {
		states[key] = s
	}
	j.mu.Unlock()
	groups := make(map[*group][]entry)
	for key, s := range states {
		e := entry{key: key, source: s.source}
		if s.end(&e) {
			e.report.Key, e.report.Start, e.report.End = key, start, end
			groups[s.group] = append(groups[s.group], e)
		}
	}
	for _, entries := range groups {
		sortEntries(entries)
	}
	return groups
}

// sortEntries makes what is found independent of the order in which keys come.
func sortEntries(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key.Replica, b.key.Replica) })
}

// judgeGroup judges the windows of a group's replicas and returns their reports.
func (j *judge) judgeGroup(
	g *group, entries []entry, repeats map[uint32]repeatsFinding, opinions []opinion,
) []embedding.WindowReport {
	g.judgeEntries(entries, j.cfg)
	g.judgePool(opinions, j.cfg)
	g.hold(repeats)
	canaries, doubted := make([]canaryOpinion, len(entries)), false
	for i, e := range entries {
		canaries[i] = j.canaries.on(e.key.Model, e.key.Replica, e.report.End)
		doubted = doubted || canaries[i].verdict.Alarming()
	}
	if len(entries) > 0 {
		g.note(entries[0].report.Start, doubted)
	}
	reference := g.reference.Load()
	reports := make([]embedding.WindowReport, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.window != nil && e.window.N() > 0 && e.compared {
			e.report.Drift = compare(reference, e.window)
			e.report.Drift.ReferenceWindows = g.learned()
		}
		e.report.Canary = canaries[i].verdict
		e.report.Verdict, e.report.Evidence = g.verdict(e.key.Replica, e.source, canaries[i])
		f := repeats[e.source]
		if f.Count > 0 {
			e.report.Repeats = &f.Repeats
		}
		if e.report.Counts.Invalid() > 0 {
			e.report.Verdict = embedding.VerdictInvalidOutput
		}
		if j.cfg.ReportState {
			e.report.State = j.windowState(g, e, &f)
		}
		reports = append(reports, e.report)
	}
	return reports
}

// judgeEntries lets a group judge the windows of its replicas that hold vectors to compare.
func (g *group) judgeEntries(entries []entry, cfg *Config) {
	var windows []replicaWindow
	for _, e := range entries {
		// What was compared with a reference that was renewed since is comparable with nothing.
		if e.window != nil && e.window.N() > 0 && (e.compared || !e.window.HasCosines()) {
			windows = append(windows, replicaWindow{drift.Replica{Name: e.key.Replica, Window: e.window}, e.compared})
		}
	}
	g.judge(windows, cfg)
}

// replica names the server that answered, empty if that is not known.
func replica(address string, port int) string {
	address = bounded(address)
	if address == "" || port == 0 {
		return address
	}
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// bounded returns s, cut to maxNameLength.
func bounded(s string) string {
	if len(s) <= maxNameLength {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:maxNameLength]), "")
}
