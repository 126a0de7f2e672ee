package embedding

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// newSpan returns a span of 2 s with the given attributes.
func newSpan(t *testing.T, attributes map[string]any) ptrace.Span {
	span := ptrace.NewSpan()
	span.SetTraceID(pcommon.TraceID{1})
	span.SetSpanID(pcommon.SpanID{2})
	span.SetStartTimestamp(pcommon.Timestamp(10 * time.Second))
	span.SetEndTimestamp(pcommon.Timestamp(12 * time.Second))
	require.NoError(t, span.Attributes().FromRaw(attributes))
	return span
}

func TestReadSpanOfEachConvention(t *testing.T) {
	for name, tt := range map[string]struct {
		attributes map[string]any
		want       Event
	}{
		"GenAI, current": {
			map[string]any{
				"gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai",
				"gen_ai.request.model": "text-embedding-3-small", "gen_ai.response.model": "served",
				"gen_ai.usage.input_tokens": 7, "gen_ai.embeddings.dimension.count": 512,
				"gen_ai.request.encoding_formats": []any{"base64", "float"},
				"server.address":                  "api.example.com", "server.port": 443,
			},
			Event{
				Provider: "openai", RequestModel: "text-embedding-3-small", ResponseModel: "served",
				InputTokens: 7, HasInputTokens: true, TokensUnit: UnitToken, RequestedDimension: 512,
				EncodingFormat: "base64", ServerAddress: "api.example.com", ServerPort: 443,
			},
		},
		"GenAI, legacy": {
			map[string]any{
				"gen_ai.operation.name": "embeddings", "gen_ai.system": "openai",
				"gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 7.0,
			},
			Event{Provider: "openai", RequestModel: "m", InputTokens: 7, HasInputTokens: true, TokensUnit: UnitToken},
		},
		"GenAI, both generations": {
			map[string]any{
				"gen_ai.operation.name": "embeddings", "gen_ai.system": "old", "gen_ai.provider.name": "new",
				"gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2, "llm.usage.total_tokens": 3,
			},
			Event{Provider: "new", InputTokens: 2, HasInputTokens: true, TokensUnit: UnitToken},
		},
		"OpenLLMetry": {
			map[string]any{
				"llm.request.type": "embedding", "gen_ai.system": "OpenAI", "gen_ai.request.model": "m",
				"llm.usage.total_tokens": 7,
			},
			Event{Provider: "OpenAI", RequestModel: "m", InputTokens: 7, HasInputTokens: true, TokensUnit: UnitToken},
		},
		"OpenInference without vectors": {
			map[string]any{
				"openinference.span.kind": "EMBEDDING", "embedding.model_name": "m", "llm.provider": "openai",
				"llm.token_count.prompt": 7,
			},
			Event{Provider: "openai", RequestModel: "m", InputTokens: 7, HasInputTokens: true, TokensUnit: UnitToken},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got Event
			require.True(t, got.ReadSpan(newSpan(t, tt.attributes), nil))
			want := tt.want
			want.Time, want.Duration = time.Unix(10, 0).UTC(), 2*time.Second
			want.TraceID, want.SpanID = pcommon.TraceID{1}, pcommon.SpanID{2}
			require.Equal(t, visible(want), visible(got))
		})
	}
}

func TestReadSpanLeavesOtherSpansAlone(t *testing.T) {
	for name, attributes := range map[string]map[string]any{
		"none":          {},
		"chat":          {"gen_ai.operation.name": "chat"},
		"not a string":  {"gen_ai.operation.name": 1},
		"completion":    {"llm.request.type": "completion"},
		"LLM span kind": {"openinference.span.kind": "LLM"},
	} {
		t.Run(name, func(t *testing.T) {
			e := fullEvent()
			require.False(t, e.ReadSpan(newSpan(t, attributes), nil))
		})
	}
}

func TestReadSpanErrors(t *testing.T) {
	read := func(attributes map[string]any, status ptrace.StatusCode) Event {
		span := newSpan(t, attributes)
		span.Attributes().PutStr("gen_ai.operation.name", "embeddings")
		span.Status().SetCode(status)
		var e Event
		require.True(t, e.ReadSpan(span, nil))
		return e
	}
	ok := read(map[string]any{"http.response.status_code": 200}, ptrace.StatusCodeUnset)
	require.False(t, ok.Failed())
	named := read(map[string]any{"error.type": "timeout"}, ptrace.StatusCodeError)
	require.Equal(t, "timeout", named.ErrorType)
	unnamed := read(nil, ptrace.StatusCodeError)
	require.Equal(t, "_OTHER", unnamed.ErrorType)
	statusAlone := read(map[string]any{"http.response.status_code": 429}, ptrace.StatusCodeError)
	require.True(t, statusAlone.Failed())
	require.Empty(t, statusAlone.ErrorType)
}

func TestReadSpanDuration(t *testing.T) {
	for name, tt := range map[string]struct {
		start, end pcommon.Timestamp
		want       time.Duration
	}{
		"ends before it starts": {20, 10, 0},
		"no end":                {20, 0, 0},
		"no start":              {0, pcommon.Timestamp(1.7e18), 0},
		"longest":               {1, math.MaxUint64, maxDuration},
	} {
		t.Run(name, func(t *testing.T) {
			span := newSpan(t, map[string]any{"gen_ai.operation.name": "embeddings"})
			span.SetStartTimestamp(tt.start)
			span.SetEndTimestamp(tt.end)
			var e Event
			require.True(t, e.ReadSpan(span, nil))
			require.Equal(t, tt.want, e.Duration)
		})
	}
}

func oiText(i int) string   { return "embedding.embeddings." + strconv.Itoa(i) + ".embedding.text" }
func oiVector(i int) string { return "embedding.embeddings." + strconv.Itoa(i) + ".embedding.vector" }

func TestOpenInferenceVectors(t *testing.T) {
	nan := float32(math.NaN())
	for name, tt := range map[string]struct {
		attributes map[string]any
		want       Event
	}{
		// FromRaw goes through a map, so that the attributes come in any order.
		"texts and vectors": {
			map[string]any{
				oiText(0): "a", oiVector(0): []any{1.0, 2.0}, oiText(1): "äö", oiVector(1): []any{3.0, 4.0},
				oiText(2): "", oiVector(2): []any{5, 6},
			},
			Event{
				InputCount: 3, InputCharacters: []int64{1, 2, 0}, OutputCount: 3, OutputDimension: 2,
				Vectors: []float32{1, 2, 3, 4, 5, 6},
			},
		},
		"redacted texts": {
			map[string]any{
				oiText(0): "__REDACTED__", oiVector(0): []any{1.0}, oiText(1): "b", oiVector(1): []any{2.0},
			},
			Event{
				InputCount: 2, InputCharacters: []int64{1}, OutputCount: 2, OutputDimension: 1,
				Vectors: []float32{1, 2},
			},
		},
		"redacted vectors": {
			map[string]any{oiText(0): "a", oiVector(0): "__REDACTED__", oiText(1): "b", oiVector(1): "__REDACTED__"},
			Event{InputCount: 2, InputCharacters: []int64{1, 1}},
		},
		"both redacted": {
			map[string]any{oiText(0): "__REDACTED__", oiVector(0): "__REDACTED__"},
			Event{InputCount: 1},
		},
		"a gap in the numbers": {
			map[string]any{oiVector(0): []any{1.0}, oiVector(2): []any{2.0}, "llm.provider": ""},
			Event{InputCount: 2, OutputCount: 2, OutputDimension: 1, Vectors: []float32{1, 2}},
		},
		"ragged, the first empty": {
			map[string]any{oiVector(0): []any{}, oiVector(1): []any{1.0, 2.0}, oiVector(2): []any{3.0}},
			Event{InputCount: 3, OutputCount: 3, OutputDimension: 2, OutputRagged: 2, Vectors: []float32{1, 2}},
		},
		"elements that are no numbers": {
			map[string]any{oiVector(0): []any{1.0, nil, "x"}},
			Event{InputCount: 1, OutputCount: 1, OutputDimension: 3, Vectors: []float32{1, nan, nan}},
		},
		"hostile numbers": {
			map[string]any{
				"embedding.embeddings.99999999999999999999.embedding.vector": []any{1.0},
				"embedding.embeddings.4000000000.embedding.vector":           []any{1.0},
				"embedding.embeddings.-1.embedding.vector":                   []any{1.0},
				"embedding.embeddings..embedding.vector":                     []any{1.0},
				"embedding.embeddings.0":                                     []any{1.0},
				"embedding.embeddings.":                                      []any{1.0},
				"embedding.embeddings.0.embedding.vector.x":                  []any{1.0},
			},
			Event{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			span := newSpan(t, tt.attributes)
			span.Attributes().PutStr("openinference.span.kind", "embedding")
			got := fullEvent() // nothing of an earlier event may be left
			require.True(t, got.ReadSpan(span, nil))
			require.Len(t, got.Vectors, len(tt.want.Vectors))
			for i, x := range tt.want.Vectors {
				require.Equal(t, math.Float32bits(x), math.Float32bits(got.Vectors[i]), "element %d", i)
			}
			require.Equal(t, tt.want.InputCount, got.InputCount)
			require.Equal(t, visible(tt.want).InputCharacters, visible(got).InputCharacters)
			require.Equal(t, tt.want.OutputCount, got.OutputCount)
			require.Equal(t, tt.want.OutputDimension, got.OutputDimension)
			require.Equal(t, tt.want.OutputRagged, got.OutputRagged)
			if got.OutputDimension > 0 {
				require.Equal(t, got.OutputCount-got.OutputRagged, got.VectorRows())
			}
		})
	}
}

func TestOpenInferenceTextsAreFingerprinted(t *testing.T) {
	fp, texts := NewFingerprinter([]byte("key")), newReader(nil)
	span := newSpan(t, map[string]any{
		"openinference.span.kind": "EMBEDDING",
		oiText(0):                 "a", oiVector(0): []any{1.0}, oiText(1): "b", oiVector(1): []any{2.0},
	})
	var e Event
	require.True(t, e.ReadSpan(span, texts))
	for i, text := range []string{"a", "b"} {
		got, ok := e.Fingerprint(i)
		require.True(t, ok)
		require.Equal(t, fp.Append(nil, []byte(text)), got[:])
	}

	span.Attributes().PutStr(oiText(0), "__REDACTED__")
	require.True(t, e.ReadSpan(span, texts))
	_, ok := e.Fingerprint(1)
	require.False(t, ok, "with a text missing, fingerprints can not be matched to rows")
}

func TestSpanName(t *testing.T) {
	for want, e := range map[string]Event{
		"embeddings m": {RequestModel: "m"},
		"embeddings r": {ResponseModel: "r"},
		"embeddings":   {},
	} {
		span := ptrace.NewSpan()
		e.WriteSpan(span)
		require.Equal(t, want, span.Name())
		require.Equal(t, ptrace.SpanKindClient, span.Kind())
		require.Equal(t, ptrace.StatusCodeUnset, span.Status().Code())
	}
	span := ptrace.NewSpan()
	(&Event{ErrorType: "timeout"}).WriteSpan(span)
	require.Equal(t, ptrace.StatusCodeError, span.Status().Code())
}
