package embeddingcanaryreceiver

import (
	"context"
	"math/rand/v2"
	"net"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-embedding/otelcol-embedding/internal/instances"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

// NewFactory returns the factory of the canary receiver. A receiver in pipelines of several signals is one receiver, so that
// servers are asked once.
func NewFactory() receiver.Factory {
	return newFactory(&factory{resolver: net.DefaultResolver, random: rand.Float64})
}

func newFactory(f *factory) receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
		receiver.WithTraces(f.createTraces, metadata.TracesStability),
	)
}

type factory struct {
	resolver resolver
	random   func() float64 // from 0 up to 1
	live     instances.Live[*canaryReceiver]
}

func (f *factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.out.metrics = next
	return r, nil
}

func (f *factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.out.logs = next
	return r, nil
}

func (f *factory) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.out.traces = next
	return r, nil
}

func (f *factory) get(set receiver.Settings, cfg component.Config) (*canaryReceiver, error) {
	return f.live.Get(cfg, func(forget func()) (*canaryReceiver, error) {
		return newReceiver(cfg.(*Config), set, f.resolver, f.random, forget)
	})
}
