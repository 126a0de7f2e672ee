package nvmlreceiver

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

const defaultCollectionInterval = 10 * time.Second

// NewFactory makes the factory of the nvml receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createDefaultConfig() component.Config {
	controller := scraperhelper.NewDefaultControllerConfig()
	controller.CollectionInterval = defaultCollectionInterval
	return &Config{
		ControllerConfig:     controller,
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
	}
}

func createMetrics(_ context.Context, set receiver.Settings, config component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	cfg := config.(*Config)
	return newReceiver(set, cfg, newLibrary(cfg.LibraryPath), next)
}

func newReceiver(set receiver.Settings, cfg *Config, lib library, next consumer.Metrics) (receiver.Metrics, error) {
	gpus := newGPUScraper(set, cfg, lib)
	metrics, err := scraper.NewMetrics(gpus.scrape, scraper.WithStart(gpus.start), scraper.WithShutdown(gpus.shutdown))
	if err != nil {
		return nil, err
	}
	controller, err := scraperhelper.NewMetricsController(&cfg.ControllerConfig, set, next,
		scraperhelper.AddMetricsScraper(metadata.Type, metrics))
	if err != nil {
		return nil, err
	}
	return &metricsReceiver{Metrics: controller}, nil
}

// metricsReceiver lets Shutdown be called more than once, which the scraper controller would answer with a panic.
type metricsReceiver struct {
	receiver.Metrics
	shutdown sync.Once
}

func (r *metricsReceiver) Shutdown(ctx context.Context) (err error) {
	r.shutdown.Do(func() { err = r.Metrics.Shutdown(ctx) })
	return err
}
