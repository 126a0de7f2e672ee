package embeddingmetricsconnector

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// gaugeSeries is a series of a gauge.
type gaugeSeries struct {
	metric     string
	attributes attribute.Distinct
}

// shownGauges are the series of gauges that were delivered, so that those that end can be taken back: exporters that others read
// from, as that for Prometheus, show a series for long unless they are told that it has no value any more.
type shownGauges map[gaugeSeries]attribute.Set

// gaugesOf returns the gauges that the SDK collected.
func gaugesOf(collected *metricdata.ResourceMetrics) shownGauges {
	found := make(shownGauges)
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				addSeries(found, m.Name, d.DataPoints)
			case metricdata.Gauge[float64]:
				addSeries(found, m.Name, d.DataPoints)
			}
		}
	}
	return found
}

func addSeries[N int64 | float64](to shownGauges, name string, points []metricdata.DataPoint[N]) {
	for i := range points {
		set := points[i].Attributes
		to[gaugeSeries{name, set.Equivalent()}] = set
	}
}

// takeBack adds a point without a value for each series that was delivered before and has ended. Each is a metric of its own,
// because the Prometheus exporter leaves unread what follows such a point in its metric.
func (g shownGauges) takeBack(metrics pmetric.Metrics, now shownGauges, scope, version string) {
	var to pmetric.MetricSlice
	ended := false
	for series, set := range g {
		if _, ok := now[series]; ok {
			continue
		}
		if !ended {
			to = metricsIn(metrics, scope, version)
			ended = true
		}
		m := to.AppendEmpty()
		m.SetName(series.metric)
		dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		setAttributes(dp.Attributes(), &set)
	}
}

// metricsIn returns the metrics of the scope, the only one there is.
func metricsIn(metrics pmetric.Metrics, scope, version string) pmetric.MetricSlice {
	if metrics.ResourceMetrics().Len() > 0 {
		return metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	}
	sm := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(scope)
	sm.Scope().SetVersion(version)
	return sm.Metrics()
}
