package embeddingmetricsconnector

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadatatest"
)

func TestShutdownWithoutStartTwiceAndCancelled(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	require.NoError(t, p.Shutdown(t.Context()))
	require.NoError(t, p.traces.Shutdown(t.Context()))

	p = newPair(t, connectortest.NewNopSettings(metadata.Type), quietConfig())
	p.start(t)
	require.NoError(t, p.ConsumeLogs(t.Context(), logsOf(call("m"))))
	require.NoError(t, p.Shutdown(cancelled))
	require.NoError(t, p.Shutdown(cancelled))
	require.NoError(t, p.traces.ConsumeTraces(t.Context(), tracesOf("an application", call("m"))))
	require.NoError(t, p.traces.Shutdown(cancelled))
	got := p.sink.AllMetrics()
	require.Equal(t, map[string]float64{"model=m task_type=general": 2},
		values(t, got[len(got)-1], "embedding.requests"), "a cancelled context must not lose what was counted")
	require.NoError(t, p.traces.Shutdown(cancelled))
	require.Len(t, p.sink.AllMetrics(), len(got))
}

func TestEveryConfigurationHasCountersOfItsOwn(t *testing.T) {
	one, other := quietConfig(), quietConfig()
	factory := NewFactory()
	for _, cfg := range []*Config{one, other, one} { // the third is after the first has ended
		sink := &consumertest.MetricsSink{}
		c, err := factory.CreateLogsToMetrics(t.Context(), connectortest.NewNopSettings(metadata.Type), cfg, sink)
		require.NoError(t, err)
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, c.ConsumeLogs(t.Context(), logsOf(call("m"))))
		require.NoError(t, c.Shutdown(t.Context()))
		require.NotEmpty(t, sink.AllMetrics())
		for _, metrics := range sink.AllMetrics() {
			require.Equal(t, map[string]float64{"model=m task_type=general": 1}, values(t, metrics, "embedding.requests"))
		}
	}
}

func TestRefusedMetricsAreSentAgain(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(t.Context())) }()
	core, logged := observer.New(zap.InfoLevel)
	set := connectortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)

	const refusals = 5
	var attempts atomic.Int64
	taken := make(chan pmetric.Metrics, 1)
	next, err := consumer.NewMetrics(func(_ context.Context, metrics pmetric.Metrics) error {
		if attempts.Add(1) <= refusals {
			return errors.New("no room")
		}
		select {
		case taken <- metrics:
		default:
		}
		return nil
	})
	require.NoError(t, err)
	cfg := quietConfig()
	cfg.FlushInterval = time.Millisecond
	c, err := NewFactory().CreateLogsToMetrics(t.Context(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, c.ConsumeLogs(t.Context(), logsOf(call("m"), call("m"))))
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	require.Equal(t, map[string]float64{"model=m task_type=general": 2}, values(t, <-taken, "embedding.requests"))
	require.NoError(t, c.Shutdown(t.Context()))

	require.Equal(t, 1, logged.FilterLevelExact(zap.WarnLevel).Len(), "one line for all refusals")
	require.Equal(t, 1, logged.FilterLevelExact(zap.InfoLevel).Len(), "one line for the recovery")
	metadatatest.AssertEqualConnectorEmbeddingMetricsFlushFailures(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: refusals}}, metricdatatest.IgnoreTimestamp())
}

// TestShutdownDoesNotWaitForABlockedPipeline requires that a delivery in progress is cancelled.
func TestShutdownDoesNotWaitForABlockedPipeline(t *testing.T) {
	blocked := make(chan struct{})
	var once sync.Once
	next, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
		var err error
		once.Do(func() {
			close(blocked)
			<-ctx.Done()
			err = ctx.Err()
		})
		return err
	})
	require.NoError(t, err)
	c, err := NewFactory().CreateLogsToMetrics(t.Context(), connectortest.NewNopSettings(metadata.Type), quietConfig(), next)
	require.NoError(t, err)
	require.NoError(t, c.ConsumeLogs(t.Context(), logsOf(call("m"))))
	require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	<-blocked
	require.NoError(t, c.Shutdown(t.Context()))
}

func TestConcurrentUse(t *testing.T) {
	cfg := quietConfig()
	cfg.FlushInterval = time.Millisecond
	p := newPair(t, connectortest.NewNopSettings(metadata.Type), cfg)
	p.start(t)
	const workers, rounds = 8, 50
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				_ = p.ConsumeLogs(t.Context(), logsOf(call("m"), failure("m", 503, "x")))
				_ = p.ConsumeLogs(t.Context(), reportLogs(report()))
				_ = p.traces.ConsumeTraces(t.Context(), tracesOf("an application", call("m")))
			}
		})
	}
	wg.Wait()
	got := p.stop(t)
	for _, metrics := range p.sink.AllMetrics() {
		require.Equal(t, values(t, metrics, "embedding.requests")["model=m task_type=general"],
			values(t, metrics, "embedding.request.duration")["model=m"], "a call is in all metrics or in none")
	}
	require.Equal(t, map[string]float64{"model=m task_type=general": 3 * workers * rounds}, values(t, got, "embedding.requests"))
	require.Equal(t, map[string]float64{"model=m": 3 * workers * rounds}, values(t, got, "embedding.request.duration"))
	require.Equal(t, map[string]float64{"error_type=x model=m status_code=503": workers * rounds},
		values(t, got, "embedding.request.errors"))
}
