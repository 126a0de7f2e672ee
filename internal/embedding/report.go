package embedding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Group returns the key without the replica as one attribute value: reports that are judged together have it in common, so that they
// can be routed by it.
func (k Key) Group() string { return fmt.Sprintf("%s|%s|%d", k.Model, k.TaskType, k.Dimension) }

// WriteLogRecord writes the report to an empty log record, timestamped with the window's end.
func (w *WindowReport) WriteLogRecord(lr plog.LogRecord, observed time.Time) {
	lr.SetEventName(WindowEventName)
	lr.SetTimestamp(pcommon.NewTimestampFromTime(w.End))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	severity := plog.SeverityNumberInfo
	if w.Verdict.Alarming() {
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
	attrs.EnsureCapacity(38 + 2*len(w.Evidence))
	attrs.PutStr(attrKey, w.Key.Group())
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
	putStr(attrs, attrCanary, string(w.Canary))
	w.writeEvidence(attrs)
	if r := w.Repeats; r != nil {
		attrs.PutInt(attrRepeats, r.Count)
		attrs.PutInt(attrMismatches, r.Mismatches)
		attrs.PutDouble(attrRepeatsCosine, r.MinCosine)
	}
	w.State.write(attrs)
	d := w.Drift
	if d == nil {
		return
	}
	attrs.PutInt(attrReferenceVectors, d.ReferenceVectors)
	attrs.PutInt(attrReferenceWindows, d.ReferenceWindows)
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
	attrs.PutDouble(attrCosineKS, d.CosineKS)
	attrs.PutDouble(attrCosineDivergence, d.CosineDivergence)
	if d.HasVariances {
		attrs.PutDouble(attrVarianceShift, d.VarianceShift)
		attrs.PutDouble(attrEffectiveRank, d.EffectiveRank)
	}
}

func (s *WindowState) write(attrs pcommon.Map) {
	if s == nil {
		return
	}
	attrs.PutStr(attrReporter, s.Reporter)
	if s.ReferenceDigest != "" {
		attrs.PutStr(attrReferenceDigest, s.ReferenceDigest)
	}
	attrs.PutBool(attrFresh, s.Fresh)
	if len(s.Window) > 0 {
		attrs.PutEmptyBytes(attrState).FromRaw(s.Window)
	}
	if len(s.Repeats) > 0 {
		attrs.PutEmptyBytes(attrRepeatsState).FromRaw(s.Repeats)
	}
}

func (w *WindowReport) writeEvidence(attrs pcommon.Map) {
	putStrings(attrs, attrAlarms, w.Alarms())
	for _, e := range w.Evidence {
		attrs.PutDouble(prefixEvidence+e.Statistic, e.Share)
		attrs.PutDouble(prefixPValue+e.Statistic, e.P)
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
	var repeats Repeats
	var state WindowState
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
		case attrCanary:
			w.Canary = CanaryVerdict(v.AsString())
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
		case attrRepeats:
			repeats.Count, w.Repeats = asCount(v), &repeats
		case attrMismatches:
			repeats.Mismatches = asCount(v)
		case attrRepeatsCosine:
			repeats.MinCosine = asFloat(v)
		case attrReferenceWindows:
			drift.ReferenceWindows = asCount(v)
		case attrCosineKS:
			drift.CosineKS = asFloat(v)
		case attrCosineDivergence:
			drift.CosineDivergence = asFloat(v)
		case attrVarianceShift:
			drift.VarianceShift, drift.HasVariances = asFloat(v), true
		case attrEffectiveRank:
			drift.EffectiveRank = asFloat(v)
		case attrReporter:
			state.Reporter, w.State = v.AsString(), &state
		case attrReferenceDigest:
			state.ReferenceDigest = v.AsString()
		case attrFresh:
			state.Fresh = v.Bool()
		case attrState:
			state.Window = bytesOf(v)
		case attrRepeatsState:
			state.Repeats = bytesOf(v)
		default:
			if strings.HasPrefix(name, prefixFlagged) {
				w.Counts.read(name, v)
			} else if statistic, ok := strings.CutPrefix(name, prefixEvidence); ok {
				w.evidence(statistic).Share = asFloat(v)
			} else if statistic, ok := strings.CutPrefix(name, prefixPValue); ok {
				w.evidence(statistic).P = asFloat(v)
			}
		}
	}
	slices.SortFunc(w.Evidence, func(a, b Evidence) int { return cmp.Compare(a.Statistic, b.Statistic) })
}

// evidence returns what there is by a statistic, which it adds if it is new.
func (w *WindowReport) evidence(statistic string) *Evidence {
	for i := range w.Evidence {
		if w.Evidence[i].Statistic == statistic {
			return &w.Evidence[i]
		}
	}
	w.Evidence = append(w.Evidence, Evidence{Statistic: statistic})
	return &w.Evidence[len(w.Evidence)-1]
}

// bytesOf returns a copy of the bytes in v, nil where it holds something else.
func bytesOf(v pcommon.Value) []byte {
	if v.Type() != pcommon.ValueTypeBytes {
		return nil
	}
	return v.Bytes().AsRaw()
}
