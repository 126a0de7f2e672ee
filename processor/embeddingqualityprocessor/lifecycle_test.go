package embeddingqualityprocessor

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

func newLogs(t *testing.T, next consumer.Logs) (processor.Logs, *fakeClock) {
	clock := newFakeClock()
	f := newFactory(clock.clock())
	p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(metadata.Type), f.CreateDefaultConfig(), next)
	require.NoError(t, err)
	return p, clock
}

func TestShutdownBeforeStart(t *testing.T) {
	p, _ := newLogs(t, consumertest.NewNop())
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestShutdownReportsLastWindow: the window that was begun is reported, once, even if shutdown is in a hurry.
func TestShutdownReportsLastWindow(t *testing.T) {
	sink := new(consumertest.LogsSink)
	p, _ := newLogs(t, sink)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(newSource(testDimension, 1).event(3))))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, p.Shutdown(ctx))
	require.NoError(t, p.Shutdown(ctx))
	reports := reportsIn(sink.AllLogs())
	require.Len(t, reports, 1)
	assert.EqualValues(t, 3, reports[0].Vectors)
}

// TestShutdownEndsBlockedReport: a next component that does not answer holds shutdown up until its context ends.
func TestShutdownEndsBlockedReport(t *testing.T) {
	entered := make(chan struct{})
	blocked, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if len(reportsIn([]plog.Logs{logs})) == 0 {
			return nil
		}
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, err)
	p, clock := newLogs(t, blocked)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(newSource(testDimension, 1).event(1))))
	go clock.tick()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Shutdown(ctx) }()
	cancel()
	require.NoError(t, <-done)
}

func TestRestart(t *testing.T) {
	sink := new(consumertest.LogsSink)
	p, clock := newLogs(t, sink)
	for range 2 {
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(newSource(testDimension, 1).event(1))))
		clock.tick()
		require.NoError(t, p.Shutdown(t.Context()))
	}
	assert.Len(t, reportsIn(sink.AllLogs()), 2)
}

func TestSystemClock(t *testing.T) {
	c := systemClock()
	before := c.now()
	calls := make(chan time.Time)
	stop := c.every(time.Millisecond, func() { calls <- c.now() })
	first, second := <-calls, <-calls
	assert.False(t, first.Before(before))
	assert.False(t, second.Before(first))
	go func() {
		for range calls { // a call that is under way is waited for
		}
	}()
	stop()
	close(calls) // a call after stop would panic
}

// TestRefusedReports: reports that the next component refuses are counted as lost; events get its error.
func TestRefusedReports(t *testing.T) {
	errRefused := errors.New("refused")
	clock, telemetry := newFakeClock(), componenttest.NewTelemetry()
	f := newFactory(clock.clock())
	p, err := f.CreateLogs(t.Context(), metadatatest.NewSettings(telemetry), f.CreateDefaultConfig(),
		consumertest.NewErr(errRefused))
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.ErrorIs(t, p.ConsumeLogs(t.Context(), logsOf(newSource(testDimension, 1).event(1))), errRefused)
	clock.tick()
	metadatatest.AssertEqualProcessorEmbeddingQualityWindowsFailed(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what was in pools is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
