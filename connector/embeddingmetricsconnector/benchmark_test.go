package embeddingmetricsconnector

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const batchSize = 100

// batch returns calls as the processor passes them on, with or without traces. The calls are spread over two models.
func batch(traced bool) plog.Logs {
	var calls []embedding.Event
	for i := range batchSize {
		ev := call([]string{"a", "b"}[i%2])
		ev.HasQuality = true
		ev.Quality = embedding.Quality{Verdict: embedding.VerdictHealthy, Vectors: 2}
		if !traced {
			ev.TraceID, ev.SpanID = pcommon.TraceID{}, pcommon.SpanID{}
		}
		calls = append(calls, ev)
	}
	return logsOf(calls...)
}

// TestRecordingAllocatesNothing covers what happens for each event once its series exist.
func TestRecordingAllocatesNothing(t *testing.T) {
	for _, traced := range []bool{false, true} {
		t.Run(fmt.Sprintf("traced=%t", traced), func(t *testing.T) {
			p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
			logs := batch(traced)
			require.NoError(t, p.ConsumeLogs(t.Context(), logs)) // makes the series
			require.Zero(t, testing.AllocsPerRun(20, func() { _ = p.ConsumeLogs(t.Context(), logs) }))
		})
	}
}

// BenchmarkEvent compares recording an event with reading it alone, the baseline.
func BenchmarkEvent(b *testing.B) {
	b.Run("reading alone", func(b *testing.B) {
		records := batch(false).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
		var ev embedding.Event
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			ev.ReadLogRecord(records.At(i % batchSize))
		}
	})
	for _, traced := range []bool{false, true} {
		for _, kind := range []string{HistogramExplicit, HistogramExponential} {
			b.Run(fmt.Sprintf("%s, exemplars=%t", kind, traced), func(b *testing.B) {
				cfg := quietConfig()
				cfg.Histogram = kind
				p := newPair(b, connectortest.NewNopSettings(metadata.Type), cfg)
				logs := batch(traced)
				require.NoError(b, p.ConsumeLogs(b.Context(), logs))
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if i%batchSize == 0 { // so that ns/op is per event
						_ = p.ConsumeLogs(b.Context(), logs)
					}
				}
			})
		}
	}
}

// BenchmarkFlush delivers as many series as ten models with two task types make.
func BenchmarkFlush(b *testing.B) {
	p := newPair(b, connectortest.NewNopSettings(metadata.Type), quietConfig())
	for i := range 20 {
		ev := call(fmt.Sprintf("model-%d", i%10))
		ev.TaskType = []string{"query", "document"}[i/10]
		require.NoError(b, p.ConsumeLogs(b.Context(), logsOf(ev)))
	}
	shared := p.Logs.(*instance).shared
	b.ReportAllocs()
	for b.Loop() {
		shared.flush(b.Context())
		p.sink.Reset()
	}
}
