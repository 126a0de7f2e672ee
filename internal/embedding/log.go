package embedding

import (
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// WriteLogRecord writes e to an empty log record. The record's timestamp is the end of the call, observed is when
// the event was made.
func (e *Event) WriteLogRecord(lr plog.LogRecord, observed time.Time) {
	lr.SetEventName(RequestEventName)
	lr.SetTimestamp(pcommon.NewTimestampFromTime(e.Time.Add(e.Duration)))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	severity := e.severity()
	lr.SetSeverityNumber(severity)
	lr.SetSeverityText(severity.String())
	lr.SetTraceID(e.TraceID)
	lr.SetSpanID(e.SpanID)
	lr.SetFlags(plog.LogRecordFlags(e.TraceFlags))
	e.writeBody(lr.Body().SetEmptyMap())
	e.writeAttributes(lr.Attributes())
	if len(e.Vectors) > 0 {
		e.putVectors(lr.Attributes())
	}
}

// severity is ERROR where the server failed or did not answer, WARN where it refused the request.
func (e *Event) severity() plog.SeverityNumber {
	switch {
	case e.StatusCode >= 400 && e.StatusCode < 500:
		return plog.SeverityNumberWarn
	case e.Failed() || e.StatusCode >= 500:
		return plog.SeverityNumberError
	}
	return plog.SeverityNumberInfo
}

func (e *Event) writeBody(body pcommon.Map) {
	body.EnsureCapacity(7)
	body.PutStr(bodyEvent, RequestEventName)
	body.PutStr(bodyModel, e.Model())
	if e.HasInputTokens {
		body.PutInt(bodyInputTokens, e.InputTokens)
	}
	if e.OutputDimension > 0 {
		body.PutInt(bodyOutputDim, int64(e.OutputDimension))
	}
	body.PutDouble(bodyDurationMS, float64(e.Duration)/float64(time.Millisecond))
	if e.StatusCode != 0 {
		body.PutInt(bodyStatus, int64(e.StatusCode))
	}
	putStr(body, bodyError, e.ErrorType)
}

// writeAttributes writes everything but the vectors.
func (e *Event) writeAttributes(attrs pcommon.Map) {
	attrs.EnsureCapacity(32)
	attrs.PutStr(attrOperation, Operation)
	putStr(attrs, attrProvider, e.Provider)
	putStr(attrs, attrRequestModel, e.RequestModel)
	putStr(attrs, attrResponseModel, e.ResponseModel)
	putStr(attrs, attrResponseID, e.ResponseID)
	if e.HasInputTokens {
		attrs.PutInt(attrInputTokens, e.InputTokens)
		putStr(attrs, attrTokensUnit, e.TokensUnit)
	}
	putInt(attrs, attrDimensionCount, e.RequestedDimension)
	if e.EncodingFormat != "" {
		attrs.PutEmptySlice(attrEncodingFormats).AppendEmpty().SetStr(e.EncodingFormat)
	}
	putStr(attrs, attrServerAddress, e.ServerAddress)
	putInt(attrs, attrServerPort, e.ServerPort)
	putStr(attrs, attrURLPath, e.URLPath)
	putInt(attrs, attrStatusCode, e.StatusCode)
	putStr(attrs, attrErrorType, e.ErrorType)
	putStr(attrs, attrUserAgent, e.UserAgent)

	putStr(attrs, attrRequestID, e.RequestID)
	putStr(attrs, attrClientID, e.ClientID)
	if e.Canary {
		attrs.PutBool(attrCanaryCall, true)
	}
	attrs.PutStr(attrTaskType, e.Task())
	putStr(attrs, attrElementType, e.ElementType)
	putInt(attrs, attrInputCount, e.InputCount)
	if len(e.InputCharacters) > 0 {
		characters := attrs.PutEmptySlice(attrInputCharacters)
		characters.EnsureCapacity(len(e.InputCharacters))
		for _, n := range e.InputCharacters {
			characters.AppendEmpty().SetInt(n)
		}
	}
	if len(e.InputFingerprints) > 0 {
		attrs.PutEmptyBytes(attrInputFingerprints).FromRaw(e.InputFingerprints)
	}
	putInt(attrs, attrInputWords, e.InputWords)
	if e.InputCount > 1 {
		putInt(attrs, attrLongestWords, e.LongestWords)
	}
	putInt(attrs, attrInputsEmpty, e.InputsEmpty)
	putInt(attrs, attrInputsDuplicate, e.InputsDuplicate)
	putStrings(attrs, attrInputTexts, e.InputTexts)
	putInt(attrs, attrTruncateTokens, e.TruncateTokens)
	if e.HasOutput || e.OutputCount > 0 {
		attrs.PutInt(attrOutputCount, int64(e.OutputCount))
	}
	putInt(attrs, attrOutputDimension, e.OutputDimension)
	putInt(attrs, attrOutputRagged, e.OutputRagged)
	if e.OutputReordered {
		attrs.PutBool(attrOutputReordered, true)
	}
	attrs.PutDouble(attrDuration, e.Duration.Seconds())
	if e.UpstreamDuration > 0 {
		attrs.PutDouble(attrUpstreamDuration, e.UpstreamDuration.Seconds())
	}
	e.Server.write(attrs)
	if e.Request != (RequestQuality{}) {
		e.Request.Write(attrs)
	}
	if e.HasQuality {
		e.Quality.Write(attrs)
	}
}

// ReadLogRecord makes e the event in lr and reports whether lr holds a request event. Vectors, where present, share
// lr's memory: they are valid until lr changes.
func (e *Event) ReadLogRecord(lr plog.LogRecord) bool {
	if lr.EventName() != RequestEventName {
		return false
	}
	e.Reset()
	for name, value := range lr.Attributes().All() {
		e.readAttribute(name, value)
	}
	e.complete()
	end := lr.Timestamp()
	if end == 0 {
		end = lr.ObservedTimestamp()
	}
	e.Time = end.AsTime().Add(-e.Duration)
	e.TraceID, e.SpanID, e.TraceFlags = lr.TraceID(), lr.SpanID(), uint32(lr.Flags())
	return true
}

// readAttribute takes over one attribute of the current conventions; unknown ones are ignored.
func (e *Event) readAttribute(name string, v pcommon.Value) {
	switch name {
	case attrProvider:
		e.Provider = v.AsString()
	case attrRequestModel:
		e.RequestModel = v.AsString()
	case attrResponseModel:
		e.ResponseModel = v.AsString()
	case attrResponseID:
		e.ResponseID = v.AsString()
	case attrInputTokens:
		e.InputTokens, e.HasInputTokens = asCount(v), true
		if e.TokensUnit == "" {
			e.TokensUnit = UnitToken
		}
	case attrTokensUnit:
		e.TokensUnit = v.AsString()
	case attrDimensionCount:
		e.RequestedDimension = int(asCount(v))
	case attrEncodingFormats:
		e.EncodingFormat = firstString(v)
	case attrServerAddress:
		e.ServerAddress = v.AsString()
	case attrServerPort:
		e.ServerPort = int(asCount(v))
	case attrURLPath:
		e.URLPath = v.AsString()
	case attrStatusCode:
		e.StatusCode = int(asCount(v))
	case attrErrorType:
		e.ErrorType = v.AsString()
	case attrUserAgent:
		e.UserAgent = v.AsString()
	case attrRequestID:
		e.RequestID = v.AsString()
	case attrClientID:
		e.ClientID = v.AsString()
	case attrCanaryCall:
		e.Canary = v.Type() == pcommon.ValueTypeBool && v.Bool()
	case attrTaskType:
		e.TaskType = v.AsString()
	case attrElementType:
		e.ElementType = v.AsString()
	case attrInputCount:
		e.InputCount = int(asCount(v))
	case attrInputCharacters:
		if v.Type() == pcommon.ValueTypeSlice {
			for _, n := range v.Slice().All() {
				e.InputCharacters = append(e.InputCharacters, asCount(n))
			}
		}
	case attrInputFingerprints:
		if v.Type() == pcommon.ValueTypeBytes {
			e.InputFingerprints = append(e.InputFingerprints[:0], rawBytes(v.Bytes())...)
		}
	case attrInputWords:
		e.InputWords = int(asCount(v))
	case attrLongestWords:
		e.LongestWords = int(asCount(v))
	case attrInputsEmpty:
		e.InputsEmpty = int(asCount(v))
	case attrInputsDuplicate:
		e.InputsDuplicate = int(asCount(v))
	case attrInputTexts:
		if v.Type() == pcommon.ValueTypeSlice {
			for _, text := range v.Slice().All() {
				e.InputTexts = append(e.InputTexts, text.AsString())
			}
		}
	case attrTruncateTokens:
		e.TruncateTokens = int(asCount(v))
	case attrOutputCount:
		e.OutputCount, e.HasOutput = int(asCount(v)), true
	case attrOutputDimension:
		e.OutputDimension = int(asCount(v))
	case attrOutputRagged:
		e.OutputRagged = int(asCount(v))
	case attrOutputReordered:
		e.OutputReordered = v.Type() == pcommon.ValueTypeBool && v.Bool()
	case attrVectors:
		if v.Type() == pcommon.ValueTypeBytes {
			e.readVectors(v.Bytes())
		}
	case attrDuration:
		e.Duration = seconds(v)
	case attrUpstreamDuration:
		e.UpstreamDuration = seconds(v)
	case attrAnomalies:
		e.Request.readAnomalies(v)
	case attrUtilization:
		e.Request.Utilization = max(0, asFloat(v))
	default:
		switch {
		case strings.HasPrefix(name, prefixQuality):
			e.HasQuality = e.Quality.read(name, v) || e.HasQuality
		case strings.HasPrefix(name, prefixServer):
			e.Server.read(name, v)
		}
	}
}

// complete derives what records leave out.
func (e *Event) complete() {
	if e.InputCount == 1 && e.LongestWords == 0 {
		e.LongestWords = e.InputWords
	}
	e.Canary = e.Canary || IsCanary(e.UserAgent)
}

// RemoveVectors removes what carries vectors from a request event's attributes: the bytes of this project's events
// and the number lists of OpenInference spans.
func RemoveVectors(attrs pcommon.Map) {
	attrs.RemoveIf(func(name string, _ pcommon.Value) bool {
		return name == attrVectors ||
			strings.HasPrefix(name, attrOIEmbeddings) && strings.HasSuffix(name, suffixOIVector)
	})
}

func putStr(attrs pcommon.Map, name, value string) {
	if value != "" {
		attrs.PutStr(name, value)
	}
}

func putInt(attrs pcommon.Map, name string, value int) {
	if value != 0 {
		attrs.PutInt(name, int64(value))
	}
}

func putStrings(attrs pcommon.Map, name string, values []string) {
	if len(values) == 0 {
		return
	}
	list := attrs.PutEmptySlice(name)
	list.EnsureCapacity(len(values))
	for _, value := range values {
		list.AppendEmpty().SetStr(value)
	}
}

// stringsOf returns the strings in v, nil where it holds no list.
func stringsOf(v pcommon.Value) []string {
	if v.Type() != pcommon.ValueTypeSlice {
		return nil
	}
	var values []string
	for _, value := range v.Slice().All() {
		values = append(values, value.AsString())
	}
	return values
}

// maxCount bounds the numbers that are read: far above any real one, and far below where a sum of many overflows.
const maxCount = math.MaxInt32

// asCount reads a number of things, which an emitter may have sent as a double. What can not be one is 0, the value
// for "not known".
func asCount(v pcommon.Value) int64 {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return min(max(v.Int(), 0), maxCount)
	case pcommon.ValueTypeDouble:
		if x := v.Double(); x > 0 { // false for NaN
			return int64(min(x, maxCount))
		}
	}
	return 0
}

// asFloat reads a number that an emitter may have sent as an integer.
func asFloat(v pcommon.Value) float64 {
	switch v.Type() {
	case pcommon.ValueTypeDouble:
		return v.Double()
	case pcommon.ValueTypeInt:
		return float64(v.Int())
	}
	return 0
}

// maxDuration is about 31 years, so that sums of durations and instants stay within range.
const maxDuration = 1e9 * time.Second

// seconds reads a duration, rounded to the nanosecond. What can not be one is 0.
func seconds(v pcommon.Value) time.Duration {
	x := asFloat(v)
	if !(x > 0) { // true for NaN
		return 0
	}
	return time.Duration(math.Round(min(x, maxDuration.Seconds()) * float64(time.Second)))
}

func firstString(v pcommon.Value) string {
	if v.Type() != pcommon.ValueTypeSlice {
		return v.AsString()
	}
	if v.Slice().Len() == 0 {
		return ""
	}
	return v.Slice().At(0).AsString()
}
