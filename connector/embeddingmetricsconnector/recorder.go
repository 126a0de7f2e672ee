package embeddingmetricsconnector

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// recorder records events in instruments. It is safe for concurrent use.
type recorder struct {
	instruments
	windows   *windows
	overflows overflows

	mu         sync.Mutex
	event      embedding.Event        // reused from record to record
	report     embedding.WindowReport // likewise
	models     *models
	tasks      limited[string]
	errorKinds limited[errorKind]
	servers    limited[server]

	span    *callSpan
	spanCtx context.Context // holds span
}

// errorKind is a way in which calls fail; kept are status codes and types together, so that their product is bounded.
type errorKind struct {
	status    string
	errorType string
}

func newRecorder(meter metric.Meter, cfg *Config, overflowed metric.Int64Counter) (*recorder, error) {
	instruments, err := newInstruments(meter, &cfg.Metrics, cfg.Semconv)
	if err != nil {
		return nil, err
	}
	overflows := newOverflows(overflowed)
	windows, err := newWindows(meter, cfg, overflows.window)
	if err != nil {
		return nil, err
	}
	r := &recorder{
		instruments: instruments,
		windows:     windows,
		overflows:   overflows,
		tasks:       newLimited[string](cfg.MaxTaskTypes),
		errorKinds:  newLimited[errorKind](cfg.MaxErrorTypes),
		servers:     newLimited[server](cfg.MaxServers),
		span:        &callSpan{},
	}
	r.models = newModels(cfg, r.startAtZero)
	r.spanCtx = trace.ContextWithSpan(context.Background(), r.span)
	for _, m := range cfg.Models {
		known := r.models.configure(m.Name)
		for _, task := range m.taskTypes() {
			r.tasks.admit(task)
			r.requests.Add(context.Background(), 0, known.task(task).add...)
		}
	}
	return r, nil
}

// startAtZero makes m's counters whose label values are known beforehand begin at 0, so that rate() sees their first
// increase.
func (r *recorder) startAtZero(m *model) {
	for i := range m.invalid {
		r.invalid.Add(context.Background(), 0, m.invalid[i].add...)
	}
	for i := range m.anomalies {
		r.anomalies.Add(context.Background(), 0, m.anomalies[i].add...)
	}
	r.outliers.Add(context.Background(), 0, m.all.add...)
}

func (r *recorder) recordLogs(logs plog.Logs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				switch {
				case r.event.ReadLogRecord(lr):
					r.record(&r.event)
				case r.report.ReadLogRecord(lr):
					r.windows.put(&r.report)
				}
			}
		}
	}
	r.event.Reset() // its vectors are the record's memory
}

// recordTraces leaves out the spans of the embedding receiver, because a log record carries the same call, and those of the
// canary receiver, which counts its calls itself.
func (r *recorder) recordTraces(traces ptrace.Traces) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			if name := ss.Scope().Name(); name == embedding.ReceiverScope || name == embedding.CanaryScope {
				continue
			}
			for _, span := range ss.Spans().All() {
				switch {
				case r.event.ReadSpan(span, nil):
					r.record(&r.event)
				case r.report.ReadSpan(span):
					r.windows.put(&r.report)
				}
			}
		}
	}
	r.event.Reset()
}

func (r *recorder) record(ev *embedding.Event) {
	// Counters have no exemplars: a context without a span spares them the work.
	ctx := context.Background()
	m := r.model(ev)
	if ev.Canary {
		r.canaries.Add(ctx, 1, m.all.add...)
		return
	}
	r.requests.Add(ctx, 1, r.task(m, ev).add...)

	r.span.set(ev)
	r.duration.Record(r.spanCtx, ev.Duration.Seconds(), m.all.record...)
	if ev.InputCount > 0 {
		r.batch.Record(r.spanCtx, int64(ev.InputCount), m.all.record...)
	}
	r.recordRequest(ctx, m, ev)
	r.recordVectors(ctx, m, ev)

	if ev.Failed() {
		kind := r.errorKind(ev)
		r.errors.Add(ctx, 1, m.failure(kind).add...)
		genAI := m.genAI(r.server(ev), ev.RequestModel != "", kind.errorType)
		r.recordGenAIDuration(ev, genAI)
		return
	}
	genAI := m.genAI(r.server(ev), ev.RequestModel != "", "")
	r.recordGenAIDuration(ev, genAI)
	if ev.HasInputTokens && ev.TokensUnit == embedding.UnitToken {
		r.tokens.Record(r.spanCtx, ev.InputTokens, m.all.record...)
		r.genAITokens.Record(r.spanCtx, ev.InputTokens, genAI.tokens...)
		r.genAIEmbeddingsTokens.Record(r.spanCtx, ev.InputTokens, genAI.duration...) // of a success: without error.type
	}
}

func (r *recorder) recordGenAIDuration(ev *embedding.Event, s genAISeries) {
	r.genAIDuration.Record(r.spanCtx, ev.Duration.Seconds(), s.duration...)
	r.genAIEmbeddingsDuration.Record(r.spanCtx, ev.Duration.Seconds(), s.duration...)
}

// recordRequest records what is known of a call beside its outcome and its vectors.
func (r *recorder) recordRequest(ctx context.Context, m *model, ev *embedding.Event) {
	for _, n := range ev.InputCharacters {
		if n > 0 { // 0 for token ids, whose characters nobody knows
			r.characters.Record(r.spanCtx, n, m.all.record...)
		}
	}
	found := ev.Request
	if found == (embedding.RequestQuality{}) {
		// Nobody has looked, or there was nothing to find.
		found = ev.JudgeRequest(0)
	}
	if found.Utilization > 0 {
		r.utilization.Record(r.spanCtx, found.Utilization, m.all.record...)
	}
	if found.Anomalies != 0 {
		for i, anomaly := range embedding.Anomalies() {
			if found.Anomalies.Has(anomaly) {
				r.anomalies.Add(ctx, 1, m.anomalies[i].add...)
			}
		}
	}
	for i, phase := range embedding.Phases() {
		if d := *ev.Server.Of(phase); d > 0 {
			r.phases.Record(r.spanCtx, d.Seconds(), m.phases[i].record...)
		}
	}
}

func (r *recorder) recordVectors(ctx context.Context, m *model, ev *embedding.Event) {
	ragged := min(ev.OutputRagged, ev.OutputCount)
	r.addVectors(ctx, m, ev.OutputDimension, ev.OutputCount-ragged)
	r.addVectors(ctx, m, raggedDimension, ragged)
	if !ev.HasQuality {
		return
	}
	for i, reason := range r.models.reasons {
		if n := *ev.Quality.Counts.Of(reason); n > 0 {
			r.invalid.Add(ctx, n, m.invalid[i].add...)
		}
	}
	if n := ev.Quality.Counts.Outlier; n > 0 {
		r.outliers.Add(ctx, n, m.all.add...)
	}
}

func (r *recorder) addVectors(ctx context.Context, m *model, dimension, n int) {
	if n <= 0 {
		return
	}
	s, fits := m.dimension(dimension)
	if !fits {
		r.overflows.dimension(ctx)
	}
	r.vectors.Add(ctx, int64(n), s.add...)
}

func (r *recorder) model(ev *embedding.Event) *model {
	m, fits := r.models.of(ev.Model(), ev.Failed())
	if !fits {
		r.overflows.model(context.Background())
	}
	return m
}

func (r *recorder) task(m *model, ev *embedding.Event) series {
	task := ev.Task()
	if !usable(task) || !r.tasks.admit(task) {
		task = labelOther
		r.overflows.task(context.Background())
	}
	return m.task(task)
}

func (r *recorder) errorKind(ev *embedding.Event) errorKind {
	kind := errorKind{status: labelNone, errorType: ev.ErrorType}
	if ev.StatusCode != 0 {
		kind.status = strconv.Itoa(ev.StatusCode)
	}
	if kind.errorType == "" {
		kind.errorType = kind.status // as the HTTP conventions have it
	}
	if usable(kind.errorType) && r.errorKinds.admit(kind) {
		return kind
	}
	r.overflows.errorType(context.Background())
	if ev.StatusCode != 0 && http.StatusText(ev.StatusCode) == "" {
		kind.status = labelOther
	}
	kind.errorType = labelOther
	return kind
}

func (r *recorder) server(ev *embedding.Event) server {
	s := server{
		provider:      ev.Provider,
		responseModel: ev.ResponseModel,
		address:       ev.ServerAddress,
		port:          ev.ServerPort,
	}
	if s.provider == "" {
		s.provider = labelUnknown
	}
	if usable(s.provider) && (s.responseModel == "" || usable(s.responseModel)) &&
		(s.address == "" || usable(s.address)) && r.servers.admit(s) {
		return s
	}
	r.overflows.server(context.Background())
	return server{provider: labelOther}
}

// overflows counts what did not fit under a cap.
type overflows struct {
	model, task, errorType, server, dimension, window func(context.Context)
}

func newOverflows(counter metric.Int64Counter) overflows {
	of := func(label string) func(context.Context) {
		s := newSeries(attribute.String("label", label))
		return func(ctx context.Context) { counter.Add(ctx, 1, s.add...) }
	}
	return overflows{
		model:     of("model"),
		task:      of("task_type"),
		errorType: of("error_type"),
		server:    of("server"),
		dimension: of("dimension"),
		window:    of("window"),
	}
}
