package embeddingmetricsconnector

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
)

// NewFactory returns the factory of the embedding_metrics connector.
func NewFactory() connector.Factory {
	shared := newRegistry()
	return connector.NewFactory(
		metadata.Type,
		createDefaultConfig,
		connector.WithLogsToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Logs, error) {
				return shared.newInstance(set, cfg.(*Config), next)
			}, metadata.LogsToMetricsStability),
		connector.WithTracesToMetrics(
			func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
				return shared.newInstance(set, cfg.(*Config), next)
			}, metadata.TracesToMetricsStability),
	)
}
