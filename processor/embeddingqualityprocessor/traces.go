package embeddingqualityprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// tracesProcessor judges the events in spans.
type tracesProcessor struct {
	id       component.ID
	judge    *judge
	reporter *reporter
	next     consumer.Traces
	resource pcommon.Resource
	version  string
}

func newTracesProcessor(set processor.Settings, cfg *Config, f *factory, next consumer.Traces) (*tracesProcessor, error) {
	j, err := newJudge(set.TelemetrySettings, cfg, f)
	if err != nil {
		return nil, err
	}
	p := &tracesProcessor{id: set.ID, judge: j, next: next, resource: set.Resource, version: set.BuildInfo.Version}
	p.reporter = &reporter{judge: j, clock: f.clock, send: p.send}
	return p, nil
}

func (p *tracesProcessor) start(ctx context.Context, host component.Host) error {
	if err := p.judge.start(ctx, host, p.id, "traces"); err != nil {
		return err
	}
	p.reporter.start()
	return nil
}

func (p *tracesProcessor) shutdown(ctx context.Context) error {
	p.reporter.shutdown(ctx)
	return p.judge.shutdown(ctx)
}

func (p *tracesProcessor) process(ctx context.Context, traces ptrace.Traces) (ptrace.Traces, error) {
	w := p.judge.worker()
	defer p.judge.release(ctx, w)
	if p.judge.merger != nil && p.merge(ctx, w, traces) && traces.ResourceSpans().Len() == 0 {
		return traces, processorhelper.ErrSkipProcessingData
	}
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			if scope.Scope().Name() == embedding.ReceiverScope {
				// The same calls are carried by log records, with their vectors.
				for _, span := range scope.Spans().All() {
					p.judge.verdicts.mark(span)
				}
				continue
			}
			for _, span := range scope.Spans().All() {
				p.span(ctx, w, span)
			}
		}
	}
	return traces, nil
}

// merge takes the reports that can be merged out of traces, with what is empty then, and returns whether there were any.
func (p *tracesProcessor) merge(ctx context.Context, w *worker, traces ptrace.Traces) bool {
	found := false
	traces.ResourceSpans().RemoveIf(func(resource ptrace.ResourceSpans) bool {
		resource.ScopeSpans().RemoveIf(func(scope ptrace.ScopeSpans) bool {
			before := scope.Spans().Len()
			scope.Spans().RemoveIf(func(span ptrace.Span) bool {
				return w.report.ReadSpan(span) && p.judge.merge(ctx, &w.report, p.reporter.clock.now())
			})
			found = found || scope.Spans().Len() < before
			return before > 0 && scope.Spans().Len() == 0
		})
		return found && resource.ScopeSpans().Len() == 0
	})
	return found
}

func (p *tracesProcessor) span(ctx context.Context, w *worker, span ptrace.Span) {
	defer p.judge.contain(ctx)
	if w.event.ReadSpan(span, w.texts) {
		p.judge.finish(ctx, w, span.Attributes())
	}
}

// send passes reports on as the collector's own spans, each the root of a trace.
func (p *tracesProcessor) send(ctx context.Context, reports []embedding.WindowReport) error {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	p.resource.CopyTo(resource.Resource())
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(p.version)
	scope.Spans().EnsureCapacity(len(reports))
	for i := range reports {
		span := scope.Spans().AppendEmpty()
		span.SetTraceID(embedding.NewTraceID())
		span.SetSpanID(embedding.NewSpanID())
		reports[i].WriteSpan(span)
	}
	return p.next.ConsumeTraces(ctx, traces)
}
