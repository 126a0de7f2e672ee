package embeddingmetricsconnector

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// registry finds the aggregator of a configuration. The collector creates one instance of a connector for logs and
// one for traces. Each with counters of its own would send two different values for one series, so both record into
// one aggregator.
type registry struct {
	mu          sync.Mutex
	aggregators map[*Config]*sharedAggregator
}

type sharedAggregator struct {
	*aggregator
	running int // instances started and not shut down
}

func newRegistry() *registry {
	return &registry{aggregators: map[*Config]*sharedAggregator{}}
}

// newInstance returns an instance for one kind of signal. The collector gives every instance of a connector the same
// metrics pipelines as next, so it does not matter whose the aggregator keeps.
func (r *registry) newInstance(set connector.Settings, cfg *Config, next consumer.Metrics) (*instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	shared, ok := r.aggregators[cfg]
	if !ok {
		a, err := newAggregator(set, cfg, next)
		if err != nil {
			return nil, err
		}
		shared = &sharedAggregator{aggregator: a}
		r.aggregators[cfg] = shared
	}
	return &instance{registry: r, cfg: cfg, shared: shared}, nil
}

// instance is the connector between one kind of signal and metrics.
type instance struct {
	registry *registry
	cfg      *Config
	shared   *sharedAggregator
	started  bool // guarded by registry.mu
}

// Start starts delivering metrics.
func (i *instance) Start(context.Context, component.Host) error {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	if i.started {
		return nil
	}
	i.started = true
	i.shared.running++
	if i.shared.running == 1 {
		i.shared.start()
	}
	return nil
}

// Shutdown delivers what was recorded up to now, when it is the last running instance, and ends.
func (i *instance) Shutdown(ctx context.Context) error {
	i.registry.mu.Lock()
	defer i.registry.mu.Unlock()
	if i.started {
		i.started = false
		i.shared.running--
		if i.shared.running == 0 {
			i.shared.stop(ctx)
		}
	}
	if i.shared.running == 0 {
		delete(i.registry.aggregators, i.cfg)
	}
	return nil
}

// Capabilities says that records are read only.
func (*instance) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// ConsumeLogs records the events and window reports in logs.
func (i *instance) ConsumeLogs(_ context.Context, logs plog.Logs) error {
	i.shared.recordLogs(logs)
	return nil
}

// ConsumeTraces records the calls and window reports in traces.
func (i *instance) ConsumeTraces(_ context.Context, traces ptrace.Traces) error {
	i.shared.recordTraces(traces)
	return nil
}
