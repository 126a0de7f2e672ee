package embeddingmetricsconnector

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/otelcol-embedding/otelcol-embedding/connector/embeddingmetricsconnector/internal/metadata"
)

// instruments record calls. They are declared in metadata.yaml, and a test compares the two.
type instruments struct {
	requests metric.Int64Counter
	canaries metric.Int64Counter
	errors   metric.Int64Counter
	duration metric.Float64Histogram
	tokens   metric.Int64Histogram
	batch    metric.Int64Histogram

	characters  metric.Int64Histogram
	utilization metric.Float64Histogram
	anomalies   metric.Int64Counter
	phases      metric.Float64Histogram

	vectors  metric.Int64Counter
	invalid  metric.Int64Counter
	outliers metric.Int64Counter

	genAIDuration metric.Float64Histogram
	genAITokens   metric.Int64Histogram

	genAIEmbeddingsDuration metric.Float64Histogram
	genAIEmbeddingsTokens   metric.Int64Histogram
}

// gauges show window reports; one that is switched off is nil.
type gauges struct {
	normMean, normStdDev, normMin, normMax   metric.Float64ObservableGauge
	cosineMean, cosineStdDev, cosineQuantile metric.Float64ObservableGauge
	cosineKS, centroidDistance, meanShiftZ   metric.Float64ObservableGauge
	varianceShift, effectiveRank, evidence   metric.Float64ObservableGauge
	referenceVectors, referenceWindows       metric.Int64ObservableGauge
	repeatsCosineMin                         metric.Float64ObservableGauge
	repeats, repeatsMismatches               metric.Int64ObservableGauge
	state                                    metric.Int64ObservableGauge
}

func newInstruments(meter metric.Meter, cfg *metadata.MetricsConfig, semconv string) (instruments, error) {
	b := builder{meter: meter}
	legacy, latest := semconv != SemconvLatest, semconv != SemconvLegacy
	i := instruments{
		requests: b.counter(cfg.EmbeddingRequests.Enabled,
			"embedding.requests", "{request}", "Calls to embedding servers."),
		canaries: b.counter(cfg.EmbeddingCanaryRequests.Enabled,
			"embedding.canary.requests", "{request}", "Calls of canaries."),
		errors: b.counter(cfg.EmbeddingRequestErrors.Enabled,
			"embedding.request.errors", "{error}", "Calls that failed."),
		duration: b.seconds(cfg.EmbeddingRequestDuration.Enabled,
			"embedding.request.duration", "Duration of one call as the client saw it.",
			0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60),
		tokens: b.counts(cfg.EmbeddingInputTokens.Enabled,
			"embedding.input.tokens", "{token}", "Input tokens of one successful call, as counted by the server.",
			powers(1, 2, 17)...),
		batch: b.counts(cfg.EmbeddingBatchSize.Enabled,
			"embedding.batch.size", "{input}", "Inputs in one call.",
			powers(1, 2, 12)...),

		characters: b.counts(cfg.EmbeddingInputCharacters.Enabled,
			"embedding.input.characters", "{character}", "Characters of one text.",
			powers(16, 2, 14)...),
		utilization: b.ratios(cfg.EmbeddingInputUtilization.Enabled,
			"embedding.input.utilization", "Share of the model's maximum of tokens that the longest input of one call takes.",
			0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1),
		anomalies: b.counter(cfg.EmbeddingRequestAnomalies.Enabled,
			"embedding.request.anomalies", "{request}", "Calls with something about them that is hardly meant to be."),
		phases: b.seconds(cfg.EmbeddingServerDuration.Enabled,
			"embedding.server.duration", "Where the server says that the time of one call went.",
			0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),

		vectors: b.counter(cfg.EmbeddingVectors.Enabled,
			"embedding.vectors", "{vector}", "Vectors returned, by their length."),
		invalid: b.counter(cfg.EmbeddingVectorsInvalid.Enabled,
			"embedding.vectors.invalid", "{vector}", "Vectors that cannot be right whatever the text was."),
		outliers: b.counter(cfg.EmbeddingVectorsOutliers.Enabled,
			"embedding.vectors.outliers", "{vector}",
			"Vectors whose cosine to the reference centroid is far outside of the reference's range."),

		genAIDuration: b.seconds(legacy && cfg.GenAiClientOperationDuration.Enabled,
			"gen_ai.client.operation.duration", "GenAI operation duration.",
			powers(0.01, 2, 14)...),
		genAITokens: b.counts(legacy && cfg.GenAiClientTokenUsage.Enabled,
			"gen_ai.client.token.usage", "{token}", "Number of input tokens used by a successful call.",
			powers(1, 4, 14)...),
		genAIEmbeddingsDuration: b.seconds(latest && cfg.GenAiClientEmbeddingsDuration.Enabled,
			"gen_ai.client.embeddings.duration", "GenAI client embeddings operation duration.",
			powers(0.01, 2, 14)...),
		genAIEmbeddingsTokens: b.counts(latest && cfg.GenAiClientEmbeddingsOperationInputTokens.Enabled,
			"gen_ai.client.embeddings.operation.input_tokens", "{token}", "The number of input tokens used per embeddings operation.",
			powers(1, 4, 14)...),
	}
	return i, errors.Join(b.errs...)
}

// newGauges returns the gauges and, as a list, those that are switched on.
func newGauges(meter metric.Meter, cfg *metadata.MetricsConfig) (gauges, []metric.Observable, error) {
	b := builder{meter: meter}
	g := gauges{
		normMean: b.gauge(cfg.EmbeddingNormMean.Enabled,
			"embedding.norm.mean", "{norm}", "Mean Euclidean norm of the latest window's vectors."),
		normStdDev: b.gauge(cfg.EmbeddingNormStddev.Enabled,
			"embedding.norm.stddev", "{norm}", "Standard deviation of the Euclidean norms of the latest window's vectors."),
		normMin: b.gauge(cfg.EmbeddingNormMin.Enabled,
			"embedding.norm.min", "{norm}", "Smallest Euclidean norm of the latest window's vectors."),
		normMax: b.gauge(cfg.EmbeddingNormMax.Enabled,
			"embedding.norm.max", "{norm}", "Largest Euclidean norm of the latest window's vectors."),
		cosineMean: b.gauge(cfg.EmbeddingCosineMean.Enabled,
			"embedding.cosine.mean", "{cosine}", "Mean cosine of the latest window's vectors to the reference centroid."),
		cosineStdDev: b.gauge(cfg.EmbeddingCosineStddev.Enabled,
			"embedding.cosine.stddev", "{cosine}",
			"Standard deviation of the cosines of the latest window's vectors to the reference centroid."),
		cosineQuantile: b.gauge(cfg.EmbeddingCosineQuantile.Enabled,
			"embedding.cosine.quantile", "{cosine}",
			"Quantiles of the cosines of the latest window's vectors to the reference centroid."),
		cosineKS: b.gauge(cfg.EmbeddingCosineKs.Enabled,
			"embedding.cosine.ks", "{share}",
			"Kolmogorov–Smirnov statistic of the latest window's cosines against those of the reference, from 0 to 1."),
		varianceShift: b.gauge(cfg.EmbeddingVarianceShift.Enabled,
			"embedding.variance_shift", "{shift}",
			"Mean squared log ratio of variances along the reference's principal components, of the latest window over the reference."),
		effectiveRank: b.gauge(cfg.EmbeddingEffectiveRank.Enabled,
			"embedding.effective_rank", "{direction}",
			"Effective rank of the covariance of the latest window's vectors in the reference's principal components."),
		evidence: b.gauge(cfg.EmbeddingQualityEvidence.Enabled,
			"embedding.quality.evidence", "{share}",
			"Share of the evidence that makes an alarm, on a logarithmic scale; 1 and more is an alarm."),
		centroidDistance: b.gauge(cfg.EmbeddingCentroidDistance.Enabled,
			"embedding.centroid.distance", "{distance}",
			"Cosine distance between the centroids of the latest window and of the reference, from 0 to 2."),
		meanShiftZ: b.gauge(cfg.EmbeddingMeanShiftZ.Enabled,
			"embedding.mean_shift.z", "{deviation}",
			"Mean-shift statistic of the latest window against the reference, in standard deviations."),
		referenceVectors: b.intGauge(cfg.EmbeddingReferenceVectors.Enabled,
			"embedding.reference.vectors", "{vector}", "Vectors from which the reference was learned."),
		referenceWindows: b.intGauge(cfg.EmbeddingReferenceWindows.Enabled,
			"embedding.reference.windows", "{window}",
			"Windows from which it was learned what is usual, up to the 200 that verdicts on drift need."),
		repeats: b.intGauge(cfg.EmbeddingRepeats.Enabled,
			"embedding.repeats", "{vector}",
			"Vectors of the latest window that were compared with the one that the same text had before."),
		repeatsMismatches: b.intGauge(cfg.EmbeddingRepeatsMismatches.Enabled,
			"embedding.repeats.mismatches", "{vector}",
			"Vectors of the latest window that differed from the one that the same text had before."),
		repeatsCosineMin: b.gauge(cfg.EmbeddingRepeatsCosineMin.Enabled,
			"embedding.repeats.cosine.min", "{cosine}",
			"Smallest cosine between two vectors of one text in the latest window."),
		state: b.intGauge(cfg.EmbeddingQualityState.Enabled,
			"embedding.quality.state", "{state}",
			"1 for the verdict of the latest window, 0 for every other verdict."),
	}
	return g, b.observables, errors.Join(b.errs...)
}

// builder makes instruments and keeps their errors. One that is switched off records nothing.
type builder struct {
	meter       metric.Meter
	observables []metric.Observable
	errs        []error
}

func (b *builder) counter(enabled bool, name, unit, description string) metric.Int64Counter {
	if !enabled {
		return noop.Int64Counter{}
	}
	c, err := b.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	b.errs = append(b.errs, err)
	return c
}

func (b *builder) seconds(enabled bool, name, description string, bounds ...float64) metric.Float64Histogram {
	return b.floats(enabled, name, "s", description, bounds)
}

func (b *builder) ratios(enabled bool, name, description string, bounds ...float64) metric.Float64Histogram {
	return b.floats(enabled, name, "1", description, bounds)
}

func (b *builder) floats(enabled bool, name, unit, description string, bounds []float64) metric.Float64Histogram {
	if !enabled {
		return noop.Float64Histogram{}
	}
	h, err := b.meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	b.errs = append(b.errs, err)
	return h
}

func (b *builder) counts(enabled bool, name, unit, description string, bounds ...float64) metric.Int64Histogram {
	if !enabled {
		return noop.Int64Histogram{}
	}
	h, err := b.meter.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	b.errs = append(b.errs, err)
	return h
}

func (b *builder) gauge(enabled bool, name, unit, description string) metric.Float64ObservableGauge {
	if !enabled {
		return nil
	}
	g, err := b.meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	b.errs = append(b.errs, err)
	b.observables = append(b.observables, g)
	return g
}

func (b *builder) intGauge(enabled bool, name, unit, description string) metric.Int64ObservableGauge {
	if !enabled {
		return nil
	}
	g, err := b.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	b.errs = append(b.errs, err)
	b.observables = append(b.observables, g)
	return g
}

// powers returns n bounds from first on, each ratio times the one before.
func powers(first, ratio float64, n int) []float64 {
	bounds := make([]float64, n)
	for i := range bounds {
		bounds[i] = first
		first *= ratio
	}
	return bounds
}
