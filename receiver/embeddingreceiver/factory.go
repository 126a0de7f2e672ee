package embeddingreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-embedding/otelcol-embedding/internal/instances"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

// NewFactory returns the factory of the embedding receiver. A receiver in a logs and in a traces pipeline is one
// receiver, because it listens on one port.
func NewFactory() receiver.Factory {
	live := &factory{}
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithLogs(live.createLogs, metadata.LogsStability),
		receiver.WithTraces(live.createTraces, metadata.TracesStability),
	)
}

type factory struct {
	live instances.Live[*embeddingReceiver]
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

func (f *factory) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	r, err := f.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.traces = next
	return r, nil
}

func (f *factory) get(set receiver.Settings, cfg component.Config) (*embeddingReceiver, error) {
	return f.live.Get(cfg, func(forget func()) (*embeddingReceiver, error) {
		r, err := newReceiver(cfg.(*Config), set)
		if err != nil {
			return nil, err
		}
		r.forget = forget
		return r, nil
	})
}
