package embeddingmetricsconnector

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// noTimestamp is later than the end of any call whose record has no timestamp: such calls begin in 1970.
var noTimestamp = time.Unix(0, 0).AddDate(1, 0, 0)

// callSpan stands for the span of the call that is being recorded, so that the SDK finds its identity in the context
// of a measurement. One context with one callSpan serves every call, because a context per call would cost
// allocations: the SDK copies what it keeps.
type callSpan struct {
	noop.Span
	identity trace.SpanContext
	end      time.Time
}

// SpanContext returns the identity of the call's span.
func (s *callSpan) SpanContext() trace.SpanContext { return s.identity }

// set makes s the span of ev. A call whose trace is known counts as sampled: flags are lost on many ways here, and a
// trace that was not kept costs a reader one click.
func (s *callSpan) set(ev *embedding.Event) {
	s.identity = trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    trace.TraceID(ev.TraceID),
		SpanID:     trace.SpanID(ev.SpanID),
		TraceFlags: trace.FlagsSampled,
		Remote:     true,
	})
	s.end = ev.Time.Add(ev.Duration)
}

// hasTrace keeps measurements without a trace from becoming exemplars: they would lead nowhere.
func hasTrace(ctx context.Context) bool {
	return trace.SpanContextFromContext(ctx).HasTraceID()
}

// eventTimeReservoirs provides the SDK's default reservoirs, with the time of the event in place of the time at which
// it came here.
func eventTimeReservoirs(agg sdkmetric.Aggregation) exemplar.ReservoirProvider {
	provide := sdkmetric.DefaultExemplarReservoirProviderSelector(agg)
	return func(attrs attribute.Set) exemplar.Reservoir { return eventTimeReservoir{provide(attrs)} }
}

type eventTimeReservoir struct{ exemplar.Reservoir }

// Offer offers a measurement made at the end of the call in ctx. An event without a timestamp has now.
func (r eventTimeReservoir) Offer(ctx context.Context, now time.Time, v exemplar.Value, dropped []attribute.KeyValue) {
	if s, ok := trace.SpanFromContext(ctx).(*callSpan); ok && s.end.After(noTimestamp) {
		now = s.end
	}
	r.Reservoir.Offer(ctx, now, v, dropped)
}
