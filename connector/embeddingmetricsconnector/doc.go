// Package embeddingmetricsconnector makes metrics from embedding events and spans.
package embeddingmetricsconnector

// mdatagen writes configuration and documentation of histograms, but a metrics builder that takes them for number
// points and does not compile. Metrics are built by the OpenTelemetry SDK here, so the builder is removed.
//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
//go:generate rm -f internal/metadata/generated_metrics.go internal/metadata/generated_metrics_test.go
