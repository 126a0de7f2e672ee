package embeddingcanaryreceiver

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

const (
	attrServiceName = "service.name"
	// labelUnknown is the model of a target whose API names none, as the metrics of requests have it.
	labelUnknown = "unknown"
	// format is what the receiver's telemetry is called in the collector's own.
	format = "canary"
)

// output hands telemetry to the pipelines that the receiver is in.
type output struct {
	metrics consumer.Metrics // nil outside metrics pipelines
	logs    consumer.Logs    // nil outside logs pipelines
	traces  consumer.Traces  // nil outside traces pipelines
	obs     *receiverhelper.ObsReport
	service string
	version string

	mu      sync.Mutex // guards builder
	builder *metadata.MetricsBuilder
}

func newOutput(cfg *Config, set receiver.Settings) (*output, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: "http", ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, fmt.Errorf("create observability report: %w", err)
	}
	return &output{
		obs: obs, service: cfg.ServiceName, version: set.BuildInfo.Version,
		builder: metadata.NewMetricsBuilder(cfg.MetricsBuilderConfig, set),
	}, nil
}

// collect returns the metrics of some replicas of a target, and of the target itself. The caller holds t.mu.
func (o *output) collect(t *target, replicas []*replica, now time.Time) pmetric.Metrics {
	if o.metrics == nil || len(replicas) == 0 {
		return pmetric.NewMetrics()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	ts := timestamp(now)
	model := cmp.Or(t.model, labelUnknown)
	for _, r := range replicas {
		r.tally.emitted = now
		o.record(&r.tally, ts, model, t.name, r.address)
		o.builder.EmitForResource(metadata.WithStartTimeOverride(timestamp(r.tally.since)))
	}
	pins, lost := t.pins.state()
	if pins != nil {
		o.builder.RecordEmbeddingCanaryPinsAgeDataPoint(ts, now.Sub(pins.Created).Seconds(), model, t.name)
	}
	o.builder.RecordEmbeddingCanaryPinsLostDataPoint(ts, lost, model, t.name)
	o.builder.RecordEmbeddingCanaryReplicasDataPoint(ts, int64(len(t.replicas)), model, t.name)
	o.builder.EmitForResource(metadata.WithStartTimeOverride(timestamp(t.since)))
	return o.builder.Emit()
}

// record records the metrics of one replica.
func (o *output) record(t *tally, ts pcommon.Timestamp, model, target, replica string) {
	b := o.builder
	b.RecordEmbeddingCanaryOkDataPoint(ts, number(t.ok()), model, target, replica)
	b.RecordEmbeddingCanaryDurationDataPoint(ts, t.latest.Duration.Seconds(), model, target, replica)
	b.RecordEmbeddingCanaryLastRoundTimeDataPoint(ts, float64(t.latest.End.UnixMilli())/1000, model, target, replica)
	b.RecordEmbeddingCanaryCallsDataPoint(ts, t.calls, model, target, replica)
	b.RecordEmbeddingCanaryTokensDataPoint(ts, t.tokens, model, target, replica)
	for name, n := range t.errors {
		b.RecordEmbeddingCanaryCallErrorsDataPoint(ts, n, model, target, replica, name)
	}
	for _, outcome := range embedding.CanaryOutcomes() {
		name := metadata.MapAttributeOutcome[string(outcome)]
		b.RecordEmbeddingCanaryOutcomeDataPoint(ts, number(t.latest.Outcome == outcome), model, target, replica, name)
		b.RecordEmbeddingCanaryRoundsDataPoint(ts, t.rounds[outcome], model, target, replica, name)
	}
	c := &t.complete
	if c.Round == 0 {
		return
	}
	for _, verdict := range embedding.CanaryVerdicts() {
		b.RecordEmbeddingCanaryVerdictDataPoint(ts, number(c.Verdict == verdict), model, target, replica,
			metadata.MapAttributeVerdict[string(verdict)])
	}
	b.RecordEmbeddingCanaryChecksFailedDataPoint(ts, int64(len(c.Reasons)), model, target, replica)
	for _, check := range c.Checks {
		b.RecordEmbeddingCanaryCheckDataPoint(ts, check.Value, model, target, replica, check.Name)
	}
	if c.HasCosine {
		b.RecordEmbeddingCanaryCosineDataPoint(ts, c.CosineMin, model, target, replica, metadata.AttributeStatisticMin)
		b.RecordEmbeddingCanaryCosineDataPoint(ts, c.CosineMedian, model, target, replica, metadata.AttributeStatisticMedian)
		b.RecordEmbeddingCanaryCosineDataPoint(ts, c.CosineMean, model, target, replica, metadata.AttributeStatisticMean)
	}
}

func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

func (o *output) sendMetrics(ctx context.Context, metrics pmetric.Metrics, logger *zap.Logger) {
	n := metrics.DataPointCount()
	if n == 0 {
		return
	}
	ctx = o.obs.StartMetricsOp(ctx)
	err := o.metrics.ConsumeMetrics(ctx, metrics)
	o.obs.EndMetricsOp(ctx, format, n, err)
	notTaken(logger, "metrics", err)
}

func (o *output) sendResult(ctx context.Context, result *embedding.CanaryResult, logger *zap.Logger) {
	if o.logs == nil {
		return
	}
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	o.setService(resource.Resource())
	scope := resource.ScopeLogs().AppendEmpty()
	o.setScope(scope.Scope())
	result.WriteLogRecord(scope.LogRecords().AppendEmpty(), time.Now())
	ctx = o.obs.StartLogsOp(ctx)
	err := o.logs.ConsumeLogs(ctx, ld)
	o.obs.EndLogsOp(ctx, format, 1, err)
	notTaken(logger, "log records", err)
}

func (o *output) sendSpans(ctx context.Context, calls []embedding.Event, logger *zap.Logger) {
	if o.traces == nil || len(calls) == 0 {
		return
	}
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	o.setService(resource.Resource())
	scope := resource.ScopeSpans().AppendEmpty()
	o.setScope(scope.Scope())
	for i := range calls {
		calls[i].WriteSpan(scope.Spans().AppendEmpty())
	}
	ctx = o.obs.StartTracesOp(ctx)
	err := o.traces.ConsumeTraces(ctx, td)
	o.obs.EndTracesOp(ctx, format, len(calls), err)
	notTaken(logger, "spans", err)
}

func (o *output) setService(resource pcommon.Resource) {
	if o.service != "" {
		resource.Attributes().PutStr(attrServiceName, o.service)
	}
}

func (o *output) setScope(scope pcommon.InstrumentationScope) {
	scope.SetName(embedding.CanaryScope)
	scope.SetVersion(o.version)
}

// notTaken logs that a pipeline refused what a round has found.
func notTaken(logger *zap.Logger, what string, err error) {
	if err != nil {
		logger.Warn("What a round found was not taken by a pipeline and is lost", zap.String("what", what), zap.Error(err))
	}
}
