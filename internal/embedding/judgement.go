package embedding

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Write writes q to the attributes of a request event, in place of what an earlier judgement wrote there.
func (q *Quality) Write(attrs pcommon.Map) {
	if _, judged := attrs.Get(attrVerdict); judged {
		attrs.RemoveIf(func(name string, _ pcommon.Value) bool { return strings.HasPrefix(name, prefixQuality) })
	}
	attrs.PutStr(attrVerdict, string(q.Verdict))
	attrs.PutInt(attrVectorsJudged, q.Vectors)
	q.Counts.write(attrs)
	if q.Norm.Set {
		attrs.PutDouble(attrNormMin, q.Norm.Min)
		attrs.PutDouble(attrNormMax, q.Norm.Max)
	}
	if q.Cosine.Set {
		attrs.PutDouble(attrCosineMin, q.Cosine.Min)
		attrs.PutDouble(attrCosineMax, q.Cosine.Max)
	}
}

// read takes over one attribute and reports whether it was one of a judgement.
func (q *Quality) read(name string, v pcommon.Value) bool {
	switch name {
	case attrVerdict:
		q.Verdict = Verdict(v.AsString())
	case attrVectorsJudged:
		q.Vectors = asCount(v)
	case attrNormMin:
		q.Norm.Min, q.Norm.Set = asFloat(v), true
	case attrNormMax:
		q.Norm.Max, q.Norm.Set = asFloat(v), true
	case attrCosineMin:
		q.Cosine.Min, q.Cosine.Set = asFloat(v), true
	case attrCosineMax:
		q.Cosine.Max, q.Cosine.Set = asFloat(v), true
	default:
		return q.Counts.read(name, v)
	}
	return true
}

// write writes the reasons that were found as a list and each one's count; absent counts are 0.
func (c *ReasonCounts) write(attrs pcommon.Map) {
	var list pcommon.Slice
	first := true
	for _, r := range reasonOrder {
		n := *c.Of(r)
		if n == 0 {
			continue
		}
		if first {
			list, first = attrs.PutEmptySlice(attrReasons), false
		}
		list.AppendEmpty().SetStr(string(r))
	}
	for _, r := range reasonOrder {
		if n := *c.Of(r); n != 0 {
			attrs.PutInt(flaggedNames[r], n)
		}
	}
}

func (c *ReasonCounts) read(name string, v pcommon.Value) bool {
	reason, ok := strings.CutPrefix(name, prefixFlagged)
	if !ok {
		return false
	}
	n := c.Of(Reason(reason))
	if n == nil {
		return false
	}
	*n = asCount(v)
	return true
}
