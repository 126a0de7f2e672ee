package embeddingreceiver

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

// NewFactory returns the factory of the embedding receiver.
func NewFactory() receiver.Factory {
	live := &instances{byConfig: map[component.Config]*embeddingReceiver{}}
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithLogs(live.createLogs, metadata.LogsStability),
		receiver.WithTraces(live.createTraces, metadata.TracesStability),
	)
}

// instances holds the receivers that are not shut down. A receiver in a logs and in a traces pipeline is one receiver,
// because it listens on one port; the collector gives both the same configuration.
type instances struct {
	mu       sync.Mutex
	byConfig map[component.Config]*embeddingReceiver
}

func (i *instances) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	r, err := i.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.logs = next
	return r, nil
}

func (i *instances) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces,
) (receiver.Traces, error) {
	r, err := i.get(set, cfg)
	if err != nil {
		return nil, err
	}
	r.traces = next
	return r, nil
}

func (i *instances) get(set receiver.Settings, cfg component.Config) (*embeddingReceiver, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r, ok := i.byConfig[cfg]; ok {
		return r, nil
	}
	r, err := newReceiver(cfg.(*Config), set)
	if err != nil {
		return nil, err
	}
	r.forget = func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.byConfig, cfg)
	}
	i.byConfig[cfg] = r
	return r, nil
}
