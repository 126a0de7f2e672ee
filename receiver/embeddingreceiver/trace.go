package embeddingreceiver

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const (
	traceparentHeader = "Traceparent"
	tracestateHeader  = "Tracestate"
	flagSampled       = 1
)

// traceContext is a caller's place in a trace, as W3C Trace Context (https://www.w3.org/TR/trace-context/) hands it on.
type traceContext struct {
	traceID pcommon.TraceID
	spanID  pcommon.SpanID
	flags   byte
	state   string
}

// readTraceContext returns the trace context in h. It is not valid where there is none, or a broken one.
func readTraceContext(h http.Header) traceContext {
	values := h[traceparentHeader]
	if len(values) != 1 {
		return traceContext{}
	}
	tc, ok := parseTraceparent(values[0])
	if !ok {
		return traceContext{}
	}
	if state := h[tracestateHeader]; len(state) > 0 {
		tc.state = strings.Join(state, ",")
	}
	return tc
}

// parseTraceparent reads version-traceid-parentid-flags in lower-case hex. Versions to come may append fields.
func parseTraceparent(s string) (traceContext, bool) {
	const length = len("00-00000000000000000000000000000000-0000000000000000-00")
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' || strings.ToLower(s) != s {
		return traceContext{}, false
	}
	version := s[:2]
	if version == "ff" || len(s) > length && (version == "00" || s[length] != '-') {
		return traceContext{}, false
	}
	var tc traceContext
	var head, flags [1]byte
	for _, field := range []struct {
		dst []byte
		hex string
	}{{head[:], version}, {tc.traceID[:], s[3:35]}, {tc.spanID[:], s[36:52]}, {flags[:], s[53:55]}} {
		if _, err := hex.Decode(field.dst, []byte(field.hex)); err != nil {
			return traceContext{}, false
		}
	}
	tc.flags = flags[0]
	return tc, tc.valid()
}

func (tc traceContext) valid() bool { return !tc.traceID.IsEmpty() && !tc.spanID.IsEmpty() }

func (tc traceContext) sampled() bool { return tc.flags&flagSampled != 0 }

// child returns the context of a span within tc, which begins a trace where tc is not valid, and whether there is to be
// such a span: spans is whether anybody takes spans, and a caller that does not sample gets none. Without a span it
// returns tc.
func (tc traceContext) child(spans bool) (traceContext, bool) {
	if !spans || tc.valid() && !tc.sampled() {
		return tc, false
	}
	child := tc
	child.spanID = embedding.NewSpanID()
	if !tc.valid() {
		child.traceID, child.flags = embedding.NewTraceID(), flagSampled
	}
	return child, true
}

// String returns tc as the header traceparent has it.
func (tc traceContext) String() string {
	return fmt.Sprintf("00-%x-%x-%02x", tc.traceID[:], tc.spanID[:], tc.flags)
}
