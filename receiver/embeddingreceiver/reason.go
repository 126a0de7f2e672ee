package embeddingreceiver

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// reason is why something of a call was lost, as the attribute reason of the tap's metrics says it.
type reason string

// Reasons of embedding_tap_unanalyzed_calls.
const (
	reasonBodyTooLarge reason = "body_too_large"
	reasonMemoryLimit  reason = "memory_limit"
	reasonCPU          reason = "cpu"
	reasonEncoding     reason = "encoding"
	reasonMalformed    reason = "malformed"
	reasonPanic        reason = "panic"
)

// Reasons of embedding_tap_dropped_events.
const (
	reasonQueueFull     reason = "queue_full"
	reasonShutdown      reason = "shutdown"
	reasonLogsRefused   reason = "logs_refused"
	reasonTracesRefused reason = "traces_refused"
)

func (r reason) attributes() metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", string(r))))
}
