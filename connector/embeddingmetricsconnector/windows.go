package embeddingmetricsconnector

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// windows keeps the latest report of each key and shows it in gauges. A key without a report for as long as the
// expiration vanishes: the gauges of a server that is gone must not stay for ever.
type windows struct {
	gauges     gauges
	verdicts   []embedding.Verdict
	max        int
	expiration time.Duration
	overflowed func(context.Context)

	mu     sync.Mutex
	latest map[embedding.Key]*window
}

// window is the latest report of a key with the attribute sets of its gauges.
type window struct {
	report  embedding.WindowReport
	arrived time.Time

	key           metric.ObserveOption
	p05, p50, p95 metric.ObserveOption
	verdicts      []metric.ObserveOption // in the order of windows.verdicts
	statistics    map[string]metric.ObserveOption
}

func newWindows(meter metric.Meter, cfg *Config, overflowed func(context.Context)) (*windows, error) {
	gauges, observables, err := newGauges(meter, &cfg.Metrics)
	if err != nil {
		return nil, err
	}
	w := &windows{
		gauges:     gauges,
		verdicts:   embedding.Verdicts(),
		max:        cfg.MaxWindows,
		expiration: cfg.WindowExpiration,
		overflowed: overflowed,
		latest:     map[embedding.Key]*window{},
	}
	_, err = meter.RegisterCallback(w.observe, observables...)
	return w, err
}

// put makes report the latest of its key.
func (w *windows) put(report *embedding.WindowReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	found, ok := w.latest[report.Key]
	if !ok {
		if !showable(report.Key) || !w.makeRoom(now) {
			w.overflowed(context.Background())
			return
		}
		found = w.newWindow(report.Key)
		w.latest[report.Key] = found
	}
	found.report, found.arrived = *report, now
}

func showable(k embedding.Key) bool {
	return usable(k.Model) && usable(k.TaskType) && (k.Replica == "" || usable(k.Replica))
}

func (w *windows) makeRoom(now time.Time) bool {
	if len(w.latest) >= w.max {
		w.expire(now)
	}
	return len(w.latest) < w.max
}

func (w *windows) expire(now time.Time) {
	for key, found := range w.latest {
		if now.Sub(found.arrived) >= w.expiration {
			delete(w.latest, key)
		}
	}
}

func (w *windows) newWindow(k embedding.Key) *window {
	with := func(extra ...attribute.KeyValue) metric.ObserveOption {
		return metric.WithAttributeSet(attribute.NewSet(append(extra,
			attribute.String("model", k.Model),
			attribute.String("task_type", k.TaskType),
			attribute.String("dimension", strconv.Itoa(k.Dimension)),
			attribute.String("replica", k.Replica))...))
	}
	found := &window{
		statistics: make(map[string]metric.ObserveOption, len(embedding.Statistics())),
		key:        with(),
		p05:        with(attribute.String("quantile", "0.05")),
		p50:        with(attribute.String("quantile", "0.5")),
		p95:        with(attribute.String("quantile", "0.95")),
	}
	for _, verdict := range w.verdicts {
		found.verdicts = append(found.verdicts, with(attribute.String("verdict", string(verdict))))
	}
	for _, statistic := range embedding.Statistics() {
		found.statistics[statistic] = with(attribute.String("statistic", statistic))
	}
	return found
}

// observe is called at each flush.
func (w *windows) observe(_ context.Context, o metric.Observer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(time.Now())
	for _, found := range w.latest {
		w.observeWindow(o, found)
	}
	return nil
}

func (w *windows) observeWindow(o metric.Observer, found *window) {
	g, report := &w.gauges, &found.report
	for i, verdict := range w.verdicts {
		var current int64
		if verdict == report.Verdict {
			current = 1
		}
		observeInt(o, g.state, current, found.verdicts[i])
	}
	if report.HasNorm {
		observe(o, g.normMean, report.Norm.Mean, found.key)
		observe(o, g.normStdDev, report.Norm.StdDev, found.key)
		observe(o, g.normMin, report.Norm.Min, found.key)
		observe(o, g.normMax, report.Norm.Max, found.key)
	}
	for _, e := range report.Evidence {
		if option, ok := found.statistics[e.Statistic]; ok { // a gateway may be older than its agents
			observe(o, g.evidence, e.Share, option)
		}
	}
	var repeats embedding.Repeats
	if report.Repeats != nil {
		repeats = *report.Repeats
		observe(o, g.repeatsCosineMin, repeats.MinCosine, found.key)
	}
	observeInt(o, g.repeats, repeats.Count, found.key)
	observeInt(o, g.repeatsMismatches, repeats.Mismatches, found.key)
	d := report.Drift
	if d == nil {
		return
	}
	observeInt(o, g.referenceWindows, d.ReferenceWindows, found.key)
	observe(o, g.cosineKS, d.CosineKS, found.key)
	if d.HasVariances {
		observe(o, g.varianceShift, d.VarianceShift, found.key)
		observe(o, g.effectiveRank, d.EffectiveRank, found.key)
	}
	observeInt(o, g.referenceVectors, d.ReferenceVectors, found.key)
	observe(o, g.centroidDistance, d.CentroidDistance, found.key)
	observe(o, g.cosineMean, d.Cosine.Mean, found.key)
	observe(o, g.cosineStdDev, d.Cosine.StdDev, found.key)
	observe(o, g.cosineQuantile, d.CosineQuantiles.P05, found.p05)
	observe(o, g.cosineQuantile, d.CosineQuantiles.P50, found.p50)
	observe(o, g.cosineQuantile, d.CosineQuantiles.P95, found.p95)
	if d.HasMeanShiftZ {
		observe(o, g.meanShiftZ, d.MeanShiftZ, found.key)
	}
}

// observe leaves out what is switched off and what is no number.
func observe(o metric.Observer, g metric.Float64ObservableGauge, v float64, attrs metric.ObserveOption) {
	if g != nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		o.ObserveFloat64(g, v, attrs)
	}
}

func observeInt(o metric.Observer, g metric.Int64ObservableGauge, v int64, attrs metric.ObserveOption) {
	if g != nil {
		o.ObserveInt64(g, v, attrs)
	}
}
