package embedding

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// WriteSpan writes e to an empty span: a GenAI client span named "embeddings {model}", without vectors. The caller
// sets the parent.
func (e *Event) WriteSpan(span ptrace.Span) {
	span.SetName(strings.TrimRight(Operation+" "+e.Model(), " "))
	span.SetKind(ptrace.SpanKindClient)
	span.SetTraceID(e.TraceID)
	span.SetSpanID(e.SpanID)
	span.SetFlags(e.TraceFlags)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(e.Time))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(e.Time.Add(e.Duration)))
	if e.Failed() {
		span.Status().SetCode(ptrace.StatusCodeError)
	}
	e.writeAttributes(span.Attributes())
}

// ReadSpan makes e the event in span and reports whether span is a call to an embedding server. It understands the
// OpenTelemetry GenAI conventions, OpenInference and OpenLLMetry. Of texts it keeps what texts, which may be nil, takes
// from them.
func (e *Event) ReadSpan(span ptrace.Span, texts *TextReader) bool {
	attrs := span.Attributes()
	openInference := false
	if v, ok := attrs.Get(attrOISpanKind); ok {
		openInference = strings.EqualFold(v.AsString(), "EMBEDDING")
	}
	if !openInference && !isEmbeddingCall(attrs) {
		return false
	}
	e.Reset()
	for name, v := range attrs.All() {
		switch name {
		case attrSystem, attrOIProvider:
			if e.Provider == "" {
				e.Provider = v.AsString()
			}
		case attrOIModel:
			if e.RequestModel == "" {
				e.RequestModel = v.AsString()
			}
		case attrPromptTokens, attrLLMTotalTokens, attrOITokens:
			if !e.HasInputTokens {
				e.InputTokens, e.HasInputTokens, e.TokensUnit = asCount(v), true, UnitToken
			}
		default:
			e.readAttribute(name, v)
		}
	}
	if openInference {
		e.readOpenInference(attrs, texts)
	}
	e.complete()
	e.Time = span.StartTimestamp().AsTime()
	e.Duration = spanDuration(span)
	e.TraceID, e.SpanID, e.TraceFlags = span.TraceID(), span.SpanID(), span.Flags()
	if !e.Failed() && span.Status().Code() == ptrace.StatusCodeError {
		e.ErrorType = ErrorOther
	}
	return true
}

// spanDuration is 0 for a span without a start or an end, and for one that ends before it starts.
func spanDuration(span ptrace.Span) time.Duration {
	if span.StartTimestamp() == 0 || span.EndTimestamp() <= span.StartTimestamp() {
		return 0
	}
	return time.Duration(min(uint64(span.EndTimestamp()-span.StartTimestamp()), uint64(maxDuration)))
}

func isEmbeddingCall(attrs pcommon.Map) bool {
	if v, ok := attrs.Get(attrOperation); ok {
		return v.AsString() == Operation
	}
	v, ok := attrs.Get(attrLLMRequestType)
	return ok && v.AsString() == "embedding"
}

// oiItem is one text with its vector, as OpenInference flattens them into numbered attributes.
type oiItem struct {
	text      string
	vector    pcommon.Slice
	present   bool
	hasText   bool
	hasVector bool
}

// readOpenInference reads the numbered texts and vectors. A numbering with gaps is closed up; numbers beyond the
// count of attributes are ignored, so that a hostile number cannot make the receiver allocate.
func (e *Event) readOpenInference(attrs pcommon.Map, texts *TextReader) {
	items := make([]oiItem, attrs.Len())
	for name, v := range attrs.All() {
		rest, ok := strings.CutPrefix(name, attrOIEmbeddings)
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ".")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(items) {
			continue
		}
		item := &items[i]
		switch "." + field {
		case suffixOIText:
			item.present = true
			if v.Type() == pcommon.ValueTypeStr && v.Str() != oiRedacted {
				item.text, item.hasText = v.Str(), true
			}
		case suffixOIVector:
			item.present = true
			if v.Type() == pcommon.ValueTypeSlice {
				item.vector, item.hasVector = v.Slice(), true
			}
		}
	}
	e.readItems(items, texts)
}

func (e *Event) readItems(items []oiItem, texts *TextReader) {
	e.OutputCount, e.OutputDimension, e.OutputRagged, e.HasOutput = 0, 0, 0, false
	texts.Begin(e)
	vectors := e.ownVectors()
	e.shared = false
	for _, item := range items {
		if item.hasVector && item.vector.Len() > 0 {
			e.OutputDimension = item.vector.Len()
			break
		}
	}
	everyText := true
	for _, item := range items {
		if !item.present {
			continue
		}
		if item.hasText {
			texts.Text(e, []byte(item.text))
		} else {
			e.InputCount++
			everyText = false
		}
		if !item.hasVector {
			continue
		}
		e.OutputCount++
		e.HasOutput = true
		if item.vector.Len() != e.OutputDimension {
			e.OutputRagged++
			continue
		}
		for _, x := range item.vector.All() {
			vectors = append(vectors, asElement(x))
		}
	}
	e.Vectors = vectors
	if !everyText {
		// Fingerprints are matched to texts by position: with some missing they would be matched wrongly.
		e.InputFingerprints = e.InputFingerprints[:0]
	}
}

// asElement reads an element of a vector; what is no number (servers answer null for NaN) is NaN.
func asElement(v pcommon.Value) float32 {
	switch v.Type() {
	case pcommon.ValueTypeDouble, pcommon.ValueTypeInt:
		return float32(asFloat(v))
	}
	return float32(math.NaN())
}
