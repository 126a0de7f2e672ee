package embeddingqualityprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// logsProcessor judges the events in log records.
type logsProcessor struct {
	id       component.ID
	judge    *judge
	reporter *reporter
	next     consumer.Logs
	resource pcommon.Resource
	version  string
}

func newLogsProcessor(set processor.Settings, cfg *Config, f *factory, next consumer.Logs) (*logsProcessor, error) {
	j, err := newJudge(set.TelemetrySettings, cfg, f)
	if err != nil {
		return nil, err
	}
	p := &logsProcessor{id: set.ID, judge: j, next: next, resource: set.Resource, version: set.BuildInfo.Version}
	p.reporter = &reporter{judge: j, clock: f.clock, send: p.send}
	return p, nil
}

func (p *logsProcessor) start(ctx context.Context, host component.Host) error {
	if err := p.judge.start(ctx, host, p.id, "logs"); err != nil {
		return err
	}
	p.reporter.start()
	return nil
}

func (p *logsProcessor) shutdown(ctx context.Context) error {
	p.reporter.shutdown(ctx)
	return p.judge.shutdown(ctx)
}

func (p *logsProcessor) process(ctx context.Context, logs plog.Logs) (plog.Logs, error) {
	w := p.judge.worker()
	defer p.judge.release(ctx, w)
	if p.judge.merger != nil && p.merge(ctx, w, logs) && logs.ResourceLogs().Len() == 0 {
		return logs, processorhelper.ErrSkipProcessingData
	}
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				p.record(ctx, w, record)
			}
		}
	}
	return logs, nil
}

// merge takes the reports that can be merged out of logs, with what is empty then, and returns whether there were any.
func (p *logsProcessor) merge(ctx context.Context, w *worker, logs plog.Logs) bool {
	found := false
	logs.ResourceLogs().RemoveIf(func(resource plog.ResourceLogs) bool {
		resource.ScopeLogs().RemoveIf(func(scope plog.ScopeLogs) bool {
			before := scope.LogRecords().Len()
			scope.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				return w.report.ReadLogRecord(record) && p.judge.merge(ctx, &w.report, p.reporter.clock.now())
			})
			found = found || scope.LogRecords().Len() < before
			return before > 0 && scope.LogRecords().Len() == 0
		})
		return found && resource.ScopeLogs().Len() == 0
	})
	return found
}

func (p *logsProcessor) record(ctx context.Context, w *worker, record plog.LogRecord) {
	defer p.judge.contain(ctx)
	switch {
	case w.event.ReadLogRecord(record):
		p.judge.finish(ctx, w, record.Attributes())
	case w.canary.ReadLogRecord(record):
		p.judge.canaries.add(&w.canary)
	}
}

// send passes reports on as the collector's own log records: a key's vectors may come from many services.
func (p *logsProcessor) send(ctx context.Context, reports []embedding.WindowReport) error {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	p.resource.CopyTo(resource.Resource())
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	scope.Scope().SetVersion(p.version)
	scope.LogRecords().EnsureCapacity(len(reports))
	for i := range reports {
		reports[i].WriteLogRecord(scope.LogRecords().AppendEmpty(), reports[i].End)
	}
	return p.next.ConsumeLogs(ctx, logs)
}
