package nvmlreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-embedding/otelcol-embedding/internal/instances"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// NewFactory makes the factory of the nvml receiver. A receiver in a metrics and in a logs pipeline is one receiver,
// so that the GPUs are read once.
func NewFactory() receiver.Factory {
	f := &factory{}
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
	)
}

type factory struct {
	live instances.Live[*nvmlReceiver]
}

func (f *factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.metrics = next
	return r, nil
}

func (f *factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.logs = next
	return r, nil
}

func (f *factory) get(set receiver.Settings, cfg component.Config) (*nvmlReceiver, error) {
	return f.live.Get(cfg, func(forget func()) (*nvmlReceiver, error) {
		config := cfg.(*Config)
		return &nvmlReceiver{cfg: config, set: set, lib: nvml.New(config.LibraryPath), forget: forget}, nil
	})
}
