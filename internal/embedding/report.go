package embedding

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// String returns the key as one attribute value, by which reports can be routed.
func (k Key) String() string {
	return fmt.Sprintf("%s|%s|%d|%s", k.Model, k.TaskType, k.Dimension, k.Replica)
}

// WriteLogRecord writes the report to an empty log record, timestamped with the window's end.
func (w *WindowReport) WriteLogRecord(lr plog.LogRecord, observed time.Time) {
	lr.SetEventName(WindowEventName)
	lr.SetTimestamp(pcommon.NewTimestampFromTime(w.End))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	severity := plog.SeverityNumberInfo
	if w.Verdict == VerdictInvalidOutput {
		severity = plog.SeverityNumberWarn
	}
	lr.SetSeverityNumber(severity)
	lr.SetSeverityText(severity.String())
	body := lr.Body().SetEmptyMap()
	body.PutStr(bodyEvent, WindowEventName)
	body.PutStr(bodyModel, w.Key.Model)
	body.PutStr("verdict", string(w.Verdict))
	body.PutInt("vectors", w.Vectors)
	w.writeAttributes(lr.Attributes())
}

// WriteSpan writes the report to an empty span that lasts as long as the window: how a pipeline of traces carries
// reports.
func (w *WindowReport) WriteSpan(span ptrace.Span) {
	span.SetName(WindowEventName)
	span.SetKind(ptrace.SpanKindInternal)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(w.Start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(w.End))
	w.writeAttributes(span.Attributes())
}

func (w *WindowReport) writeAttributes(attrs pcommon.Map) {
	attrs.EnsureCapacity(28)
	attrs.PutStr(attrKey, w.Key.String())
	attrs.PutStr(attrRequestModel, w.Key.Model)
	attrs.PutStr(attrTaskType, w.Key.TaskType)
	attrs.PutInt(attrOutputDimension, int64(w.Key.Dimension))
	attrs.PutStr(attrReplica, w.Key.Replica)
	attrs.PutDouble(attrWindowDuration, w.End.Sub(w.Start).Seconds())
	attrs.PutStr(attrVerdict, string(w.Verdict))
	attrs.PutInt(attrVectorsJudged, w.Vectors)
	w.Counts.write(attrs)
	if w.HasNorm {
		attrs.PutDouble(attrNormMean, w.Norm.Mean)
		attrs.PutDouble(attrNormStdDev, w.Norm.StdDev)
		attrs.PutDouble(attrNormMin, w.Norm.Min)
		attrs.PutDouble(attrNormMax, w.Norm.Max)
	}
	d := w.Drift
	if d == nil {
		return
	}
	attrs.PutInt(attrReferenceVectors, d.ReferenceVectors)
	attrs.PutDouble(attrCentroidDistance, d.CentroidDistance)
	attrs.PutDouble(attrCosineMean, d.Cosine.Mean)
	attrs.PutDouble(attrCosineStdDev, d.Cosine.StdDev)
	attrs.PutDouble(attrCosineMin, d.Cosine.Min)
	attrs.PutDouble(attrCosineMax, d.Cosine.Max)
	attrs.PutDouble(attrCosineP05, d.CosineQuantiles.P05)
	attrs.PutDouble(attrCosineP50, d.CosineQuantiles.P50)
	attrs.PutDouble(attrCosineP95, d.CosineQuantiles.P95)
	if d.HasMeanShiftZ {
		attrs.PutDouble(attrMeanShiftZ, d.MeanShiftZ)
	}
}

// ReadLogRecord makes w the report in lr and reports whether lr holds one.
func (w *WindowReport) ReadLogRecord(lr plog.LogRecord) bool {
	if lr.EventName() != WindowEventName {
		return false
	}
	*w = WindowReport{End: lr.Timestamp().AsTime()}
	w.readAttributes(lr.Attributes())
	return true
}

// ReadSpan makes w the report in span and reports whether span holds one.
func (w *WindowReport) ReadSpan(span ptrace.Span) bool {
	if span.Name() != WindowEventName {
		return false
	}
	if _, ok := span.Attributes().Get(attrKey); !ok {
		return false
	}
	*w = WindowReport{End: span.EndTimestamp().AsTime()}
	w.readAttributes(span.Attributes())
	return true
}

func (w *WindowReport) readAttributes(attrs pcommon.Map) {
	var drift Drift
	for name, v := range attrs.All() {
		switch name {
		case attrRequestModel:
			w.Key.Model = v.AsString()
		case attrTaskType:
			w.Key.TaskType = v.AsString()
		case attrOutputDimension:
			w.Key.Dimension = int(asCount(v))
		case attrReplica:
			w.Key.Replica = v.AsString()
		case attrWindowDuration:
			w.Start = w.End.Add(-seconds(v))
		case attrVerdict:
			w.Verdict = Verdict(v.AsString())
		case attrVectorsJudged:
			w.Vectors = asCount(v)
		case attrNormMean:
			w.Norm.Mean, w.HasNorm = asFloat(v), true
		case attrNormStdDev:
			w.Norm.StdDev = asFloat(v)
		case attrNormMin:
			w.Norm.Min = asFloat(v)
		case attrNormMax:
			w.Norm.Max = asFloat(v)
		case attrReferenceVectors:
			drift.ReferenceVectors, w.Drift = asCount(v), &drift
		case attrCentroidDistance:
			drift.CentroidDistance = asFloat(v)
		case attrCosineMean:
			drift.Cosine.Mean = asFloat(v)
		case attrCosineStdDev:
			drift.Cosine.StdDev = asFloat(v)
		case attrCosineMin:
			drift.Cosine.Min = asFloat(v)
		case attrCosineMax:
			drift.Cosine.Max = asFloat(v)
		case attrCosineP05:
			drift.CosineQuantiles.P05 = asFloat(v)
		case attrCosineP50:
			drift.CosineQuantiles.P50 = asFloat(v)
		case attrCosineP95:
			drift.CosineQuantiles.P95 = asFloat(v)
		case attrMeanShiftZ:
			drift.MeanShiftZ, drift.HasMeanShiftZ = asFloat(v), true
		default:
			if strings.HasPrefix(name, prefixFlagged) {
				w.Counts.read(name, v)
			}
		}
	}
}
