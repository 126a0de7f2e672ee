package embeddingqualityprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// NewFactory returns the factory of the embedding_quality processor.
func NewFactory() processor.Factory { return newFactory(systemClock()) }

func newFactory(c clock) processor.Factory {
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithLogs(c.createLogs, metadata.LogsStability),
		processor.WithTraces(c.createTraces, metadata.TracesStability),
	)
}

var capabilities = consumer.Capabilities{MutatesData: true}

func (c clock) createLogs(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs,
) (processor.Logs, error) {
	p, err := newLogsProcessor(set, cfg.(*Config), c, next)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, p.process,
		processorhelper.WithCapabilities(capabilities),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown))
}

func (c clock) createTraces(
	ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces,
) (processor.Traces, error) {
	p, err := newTracesProcessor(set, cfg.(*Config), c, next)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, p.process,
		processorhelper.WithCapabilities(capabilities),
		processorhelper.WithStart(p.start),
		processorhelper.WithShutdown(p.shutdown))
}
