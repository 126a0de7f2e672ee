package embeddingreceiver

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const attrServiceName = "service.name"

// output hands telemetry to the pipelines that the receiver is in.
type output struct {
	logs    consumer.Logs   // nil outside logs pipelines
	traces  consumer.Traces // nil outside traces pipelines
	obs     *receiverhelper.ObsReport
	version string
}

// appendLogs adds a resource with the given service.name, none if it is empty, and returns its log records.
func (o *output) appendLogs(ld plog.Logs, service string) plog.LogRecordSlice {
	resource := ld.ResourceLogs().AppendEmpty()
	if service != "" {
		resource.Resource().Attributes().PutStr(attrServiceName, service)
	}
	scope := resource.ScopeLogs().AppendEmpty()
	o.setScope(scope.Scope())
	return scope.LogRecords()
}

// appendTraces adds a resource with the given service.name and returns its spans.
func (o *output) appendTraces(td ptrace.Traces, service string) ptrace.SpanSlice {
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr(attrServiceName, service)
	scope := resource.ScopeSpans().AppendEmpty()
	o.setScope(scope.Scope())
	return scope.Spans()
}

func (o *output) setScope(scope pcommon.InstrumentationScope) {
	scope.SetName(embedding.ReceiverScope)
	scope.SetVersion(o.version)
}

func (o *output) sendLogs(ctx context.Context, format string, ld plog.Logs) error {
	n := ld.LogRecordCount() // before Consume, which may change ld
	ctx = o.obs.StartLogsOp(ctx)
	err := o.logs.ConsumeLogs(ctx, ld)
	o.obs.EndLogsOp(ctx, format, n, err)
	return err
}

func (o *output) sendTraces(ctx context.Context, format string, td ptrace.Traces) error {
	n := td.SpanCount()
	ctx = o.obs.StartTracesOp(ctx)
	err := o.traces.ConsumeTraces(ctx, td)
	o.obs.EndTracesOp(ctx, format, n, err)
	return err
}
