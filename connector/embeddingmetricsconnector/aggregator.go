package embeddingmetricsconnector

import (
	"context"
	"fmt"
	"maps"
	"time"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
)

// aggregator aggregates events with an OpenTelemetry SDK of its own and delivers the metrics at an interval.
type aggregator struct {
	*recorder
	reader    *sdkmetric.ManualReader
	next      consumer.Metrics
	interval  time.Duration
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder

	collected metricdata.ResourceMetrics // reused from flush to flush
	shown     shownGauges                // what the metrics pipeline was told last
	version   string
	failing   bool // whether the last flush failed

	cancel context.CancelFunc
	done   chan struct{}
}

func newAggregator(set connector.Settings, cfg *Config, next consumer.Metrics) (*aggregator, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("own telemetry: %w", err)
	}
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(reader),
		// Identity belongs to the label sets, which are exactly as documented.
		sdkmetric.WithResource(resource.Empty()),
		// The connector caps label values itself: the SDK's overflow series would have other labels.
		sdkmetric.WithCardinalityLimit(0),
		sdkmetric.WithExemplarFilter(exemplar.Filter(hasTrace)),
		sdkmetric.WithView(histogramView(cfg.Histogram)),
	)
	meter := provider.Meter(metadata.ScopeName, metric.WithInstrumentationVersion(set.BuildInfo.Version))
	recorder, err := newRecorder(meter, cfg, telemetry.ConnectorEmbeddingMetricsLabelOverflows)
	if err != nil {
		return nil, fmt.Errorf("instruments: %w", err)
	}
	return &aggregator{
		recorder:  recorder,
		reader:    reader,
		next:      next,
		interval:  cfg.FlushInterval,
		version:   set.BuildInfo.Version,
		logger:    set.Logger,
		telemetry: telemetry,
	}, nil
}

func (a *aggregator) start() {
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	a.done = make(chan struct{})
	go a.run(ctx)
}

// run flushes at once, so that configured counters are seen at 0 before the first call, and then at the interval.
func (a *aggregator) run(ctx context.Context) {
	defer close(a.done)
	ticker := time.NewTicker(a.interval)
	defer ticker.Stop()
	for {
		a.flush(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// stop ends run and flushes a last time.
func (a *aggregator) stop(ctx context.Context) {
	a.cancel()
	<-a.done
	a.flush(ctx)
}

// flush delivers everything recorded so far. Metrics are cumulative: what a failed flush held is in the next.
func (a *aggregator) flush(ctx context.Context) {
	if err := a.collect(ctx); err != nil {
		a.logger.Error("Metrics could not be collected", zap.Error(err))
	}
	metrics, shown := toMetrics(&a.collected), gaugesOf(&a.collected)
	a.shown.takeBack(metrics, shown, metadata.ScopeName, a.version)
	if metrics.DataPointCount() == 0 {
		return
	}
	err := a.next.ConsumeMetrics(ctx, metrics)
	if err != nil {
		maps.Copy(shown, a.shown) // what has ended is taken back with the next flush
		a.telemetry.ConnectorEmbeddingMetricsFlushFailures.Add(context.WithoutCancel(ctx), 1)
	}
	a.shown = shown
	switch {
	case err != nil && !a.failing:
		a.logger.Warn("The metrics pipeline refuses metrics; they are sent again with every flush", zap.Error(err))
	case err == nil && a.failing:
		a.logger.Info("The metrics pipeline takes metrics again")
	}
	a.failing = err != nil
}

// collect reads the instruments between two batches, so that a call is in all metrics or in none.
func (a *aggregator) collect(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	// A cancelled context must not keep the last flush from reading what is in memory.
	return a.reader.Collect(context.WithoutCancel(ctx), &a.collected)
}

// histogramView makes histograms of the configured kind, with exemplars dated by their events.
func histogramView(kind string) sdkmetric.View {
	return func(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
		if i.Kind != sdkmetric.InstrumentKindHistogram {
			return sdkmetric.Stream{}, false
		}
		stream := sdkmetric.Stream{
			Name:                              i.Name,
			Description:                       i.Description,
			Unit:                              i.Unit,
			ExemplarReservoirProviderSelector: eventTimeReservoirs,
		}
		if kind == HistogramExponential {
			stream.Aggregation = sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
		}
		return stream, true
	}
}
