package embeddingmetricsconnector

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// toMetrics returns what the SDK collected in the collector's form.
func toMetrics(from *metricdata.ResourceMetrics) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	if len(from.ScopeMetrics) == 0 {
		return metrics
	}
	rm := metrics.ResourceMetrics().AppendEmpty()
	for _, scope := range from.ScopeMetrics {
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName(scope.Scope.Name)
		sm.Scope().SetVersion(scope.Scope.Version)
		sm.Metrics().EnsureCapacity(len(scope.Metrics))
		for _, m := range scope.Metrics {
			to := sm.Metrics().AppendEmpty()
			to.SetName(m.Name)
			to.SetUnit(m.Unit)
			to.SetDescription(m.Description)
			setData(to, m.Data)
		}
	}
	return metrics
}

func setData(to pmetric.Metric, data metricdata.Aggregation) {
	switch d := data.(type) {
	case metricdata.Sum[int64]:
		setSum(to.SetEmptySum(), d)
	case metricdata.Gauge[int64]:
		setNumbers(to.SetEmptyGauge().DataPoints(), d.DataPoints)
	case metricdata.Gauge[float64]:
		setNumbers(to.SetEmptyGauge().DataPoints(), d.DataPoints)
	case metricdata.Histogram[int64]:
		setHistogram(to.SetEmptyHistogram(), d)
	case metricdata.Histogram[float64]:
		setHistogram(to.SetEmptyHistogram(), d)
	case metricdata.ExponentialHistogram[int64]:
		setExponentialHistogram(to.SetEmptyExponentialHistogram(), d)
	case metricdata.ExponentialHistogram[float64]:
		setExponentialHistogram(to.SetEmptyExponentialHistogram(), d)
	}
}

func setSum(to pmetric.Sum, from metricdata.Sum[int64]) {
	to.SetIsMonotonic(from.IsMonotonic)
	to.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	setNumbers(to.DataPoints(), from.DataPoints)
}

func setNumbers[N int64 | float64](to pmetric.NumberDataPointSlice, from []metricdata.DataPoint[N]) {
	to.EnsureCapacity(len(from))
	for i := range from {
		p, dp := &from[i], to.AppendEmpty()
		dp.SetStartTimestamp(pcommon.NewTimestampFromTime(p.StartTime))
		dp.SetTimestamp(pcommon.NewTimestampFromTime(p.Time))
		switch v := any(p.Value).(type) {
		case int64:
			dp.SetIntValue(v)
		case float64:
			dp.SetDoubleValue(v)
		}
		setAttributes(dp.Attributes(), &p.Attributes)
	}
}

func setHistogram[N int64 | float64](to pmetric.Histogram, from metricdata.Histogram[N]) {
	to.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	to.DataPoints().EnsureCapacity(len(from.DataPoints))
	for i := range from.DataPoints {
		p, dp := &from.DataPoints[i], to.DataPoints().AppendEmpty()
		dp.SetStartTimestamp(pcommon.NewTimestampFromTime(p.StartTime))
		dp.SetTimestamp(pcommon.NewTimestampFromTime(p.Time))
		dp.SetCount(p.Count)
		dp.SetSum(float64(p.Sum))
		if v, ok := p.Min.Value(); ok {
			dp.SetMin(float64(v))
		}
		if v, ok := p.Max.Value(); ok {
			dp.SetMax(float64(v))
		}
		dp.ExplicitBounds().FromRaw(p.Bounds)
		dp.BucketCounts().FromRaw(p.BucketCounts)
		setExemplars(dp.Exemplars(), p.Exemplars)
		setAttributes(dp.Attributes(), &p.Attributes)
	}
}

func setExponentialHistogram[N int64 | float64](to pmetric.ExponentialHistogram, from metricdata.ExponentialHistogram[N]) {
	to.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	to.DataPoints().EnsureCapacity(len(from.DataPoints))
	for i := range from.DataPoints {
		p, dp := &from.DataPoints[i], to.DataPoints().AppendEmpty()
		dp.SetStartTimestamp(pcommon.NewTimestampFromTime(p.StartTime))
		dp.SetTimestamp(pcommon.NewTimestampFromTime(p.Time))
		dp.SetCount(p.Count)
		dp.SetSum(float64(p.Sum))
		if v, ok := p.Min.Value(); ok {
			dp.SetMin(float64(v))
		}
		if v, ok := p.Max.Value(); ok {
			dp.SetMax(float64(v))
		}
		dp.SetScale(p.Scale)
		dp.SetZeroCount(p.ZeroCount)
		dp.SetZeroThreshold(p.ZeroThreshold)
		dp.Positive().SetOffset(p.PositiveBucket.Offset)
		dp.Positive().BucketCounts().FromRaw(p.PositiveBucket.Counts)
		dp.Negative().SetOffset(p.NegativeBucket.Offset)
		dp.Negative().BucketCounts().FromRaw(p.NegativeBucket.Counts)
		setExemplars(dp.Exemplars(), p.Exemplars)
		setAttributes(dp.Attributes(), &p.Attributes)
	}
}

func setExemplars[N int64 | float64](to pmetric.ExemplarSlice, from []metricdata.Exemplar[N]) {
	to.EnsureCapacity(len(from))
	for i := range from {
		e, ex := &from[i], to.AppendEmpty()
		ex.SetTimestamp(pcommon.NewTimestampFromTime(e.Time))
		switch v := any(e.Value).(type) {
		case int64:
			ex.SetIntValue(v)
		case float64:
			ex.SetDoubleValue(v)
		}
		var trace pcommon.TraceID
		var span pcommon.SpanID
		copy(trace[:], e.TraceID)
		copy(span[:], e.SpanID)
		ex.SetTraceID(trace)
		ex.SetSpanID(span)
	}
}

func setAttributes(to pcommon.Map, from *attribute.Set) {
	to.EnsureCapacity(from.Len())
	for it := from.Iter(); it.Next(); {
		kv := it.Attribute()
		if kv.Value.Type() == attribute.INT64 {
			to.PutInt(string(kv.Key), kv.Value.AsInt64())
		} else {
			to.PutStr(string(kv.Key), kv.Value.AsString())
		}
	}
}
