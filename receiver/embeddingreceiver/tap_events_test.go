package embeddingreceiver

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

const jsonType = "application/json"

func TestScope(t *testing.T) {
	assert.Equal(t, metadata.ScopeName, embedding.ReceiverScope)
}

// TestTapEventGolden compares a whole event with testdata.
func TestTapEventGolden(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 4, true)))
	r := startReceiver(t, options{upstream: upstream.URL, noTraces: true})
	req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings?a=b",
		strings.NewReader(`{"model":"qwen3-embedding-4b","input":["a query","ein Text"],"encoding_format":"base64","input_type":"query"}`))
	require.NoError(t, err)
	req.Header.Set("User-Agent", "test/1")
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("X-Request-Id", "r-1")
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	call1(t, newClient(t), req)
	r.waitForEvents(t, 1)

	got := r.logs.AllLogs()[0]
	settle(t, got)
	path := filepath.Join("testdata", "event.yaml")
	want, err := golden.ReadLogs(path)
	require.NoError(t, err)
	require.NoError(t, plogtest.CompareLogs(want, got))
}

// settle checks what differs from run to run, and replaces it by fixed values.
func settle(t *testing.T, ld plog.Logs) {
	t.Helper()
	lr := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.LessOrEqual(t, lr.Timestamp(), lr.ObservedTimestamp())
	assert.NotZero(t, lr.Timestamp())
	lr.SetTimestamp(1)
	lr.SetObservedTimestamp(2)
	for _, name := range []string{"embedding.duration", "embedding.upstream.duration"} {
		v, ok := lr.Attributes().Get(name)
		require.True(t, ok, name)
		assert.Positive(t, v.Double(), name)
		v.SetDouble(1)
	}
	v, ok := lr.Body().Map().Get("duration_ms")
	require.True(t, ok)
	assert.Positive(t, v.Double())
	v.SetDouble(1000)
	v, ok = lr.Attributes().Get("server.port")
	require.True(t, ok)
	assert.Positive(t, v.Int())
	v.SetInt(8000)
}

func TestTapEventContents(t *testing.T) {
	const request = `{"model":"m","input":["one","two"]}`
	tooDeep := gzipped(strings.Repeat(" ", 2<<20)) // unfolds beyond what the test captures
	for name, tc := range map[string]struct {
		request    string
		encoding   string
		answer     http.HandlerFunc
		check      func(t *testing.T, ev *embedding.Event)
		unanalyzed map[string]int64
	}{
		"floats": {request: request, answer: answerWith(jsonType, embeddingsAnswer(2, 64, false)),
			check: func(t *testing.T, ev *embedding.Event) {
				assert.Equal(t, append(testVector(64, 0), testVector(64, 1)...), ev.Vectors)
				assert.Equal(t, 2, ev.OutputCount)
				assert.Equal(t, 64, ev.OutputDimension)
				assert.Equal(t, int64(10), ev.InputTokens)
				assert.Equal(t, []int64{3, 3}, ev.InputCharacters)
				assert.Len(t, ev.InputFingerprints, 2*embedding.FingerprintSize)
				assert.Empty(t, ev.ErrorType)
			}},
		"instruction": {request: `{"model":"m","input":["plain","Instruct: Find passages\nQuery: why","search_document: x"]}`,
			answer: answerWith(jsonType, embeddingsAnswer(3, 8, true)),
			check:  func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "query", ev.TaskType) }},
		"instruction and field": {request: `{"model":"m","input":"search_document: x","input_type":"passage"}`,
			answer: answerWith(jsonType, embeddingsAnswer(1, 8, true)),
			check:  func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "passage", ev.TaskType) }},
		"no instruction": {request: request, answer: answerWith(jsonType, embeddingsAnswer(2, 8, true)),
			check: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "general", ev.Task()) }},
		"gzip both ways": {request: string(gzipped(request)), encoding: "gzip",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(gzipped(string(embeddingsAnswer(2, 64, true))))
			},
			check: func(t *testing.T, ev *embedding.Event) {
				assert.Equal(t, "m", ev.RequestModel)
				assert.Equal(t, append(testVector(64, 0), testVector(64, 1)...), ev.Vectors)
			}},
		"gzip bomb": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(tooDeep)
		}, unanalyzed: map[string]int64{"body_too_large": 1}},
		"broken gzip": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped("{}")[:15])
		}, unanalyzed: map[string]int64{"encoding": 1}},
		"br both ways": {request: string(brotlied(request)), encoding: "br",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "br")
				_, _ = w.Write(brotlied(string(embeddingsAnswer(2, 64, true))))
			},
			check: func(t *testing.T, ev *embedding.Event) {
				assert.Equal(t, "m", ev.RequestModel)
				assert.Equal(t, append(testVector(64, 0), testVector(64, 1)...), ev.Vectors)
			}},
		"zstd both ways": {request: string(zstandard(request)), encoding: "zstd",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "zstd")
				_, _ = w.Write(zstandard(string(embeddingsAnswer(2, 64, false))))
			},
			check: func(t *testing.T, ev *embedding.Event) {
				assert.Equal(t, "m", ev.RequestModel)
				assert.Equal(t, append(testVector(64, 0), testVector(64, 1)...), ev.Vectors)
			}},
		"br bomb": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write(brotlied(strings.Repeat(" ", 2<<20)))
		}, unanalyzed: map[string]int64{"body_too_large": 1}},
		"zstd bomb": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "zstd")
			_, _ = w.Write(zstandard(strings.Repeat(" ", 2<<20)))
		}, unanalyzed: map[string]int64{"body_too_large": 1}},
		// A frame header that asks for a window of 2 GiB (RFC 8878 section 3.1.1.1.2: exponent 21, mantissa 0).
		"zstd window": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "zstd")
			_, _ = w.Write([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00})
		}, unanalyzed: map[string]int64{"encoding": 1}},
		"broken br": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "{}")
		}, unanalyzed: map[string]int64{"encoding": 1}},
		"broken zstd": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "zstd")
			_, _ = w.Write(zstandard("{}")[:9])
		}, unanalyzed: map[string]int64{"encoding": 1}},
		"unknown encoding": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "compress")
			_, _ = io.WriteString(w, "{}")
		}, unanalyzed: map[string]int64{"encoding": 1}},
		"large answer": {request: request, answer: answerWith(jsonType, []byte(strings.Repeat("x", 1<<20+1))),
			unanalyzed: map[string]int64{"body_too_large": 1}},
		"large chunked answer": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
				w.(http.Flusher).Flush()
			}
		}, unanalyzed: map[string]int64{"body_too_large": 1}},
		"large request": {request: strings.Repeat("x", 1<<20+1), answer: answerWith(jsonType, embeddingsAnswer(1, 8, true)),
			check: func(t *testing.T, ev *embedding.Event) {
				assert.Equal(t, "qwen3-embedding-4b", ev.ResponseModel)
				assert.Equal(t, testVector(8, 0), ev.Vectors)
			}, unanalyzed: map[string]int64{"body_too_large": 1}},
		"malformed answer": {request: request, answer: answerWith(jsonType, []byte(`{"data": 1,`)),
			check:      func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "m", ev.RequestModel) },
			unanalyzed: map[string]int64{"malformed": 1}},
		"malformed request": {request: "{", answer: answerWith(jsonType, embeddingsAnswer(1, 8, true)),
			unanalyzed: map[string]int64{"malformed": 1}},
		"both malformed": {request: "{", answer: answerWith(jsonType, []byte("{")),
			unanalyzed: map[string]int64{"malformed": 1}},
		"error of the server": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"object":"error","message":"no","type":"BadRequestError","code":400}`)
		}, check: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, http.StatusBadRequest, ev.StatusCode)
			assert.Equal(t, "BadRequestError", ev.ErrorType)
			assert.Equal(t, "m", ev.RequestModel)
		}},
		"error of something before it": {request: "{", answer: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>", http.StatusServiceUnavailable)
		}, check: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "503", ev.ErrorType) }},
		"error too large to read": {request: request, answer: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("x", 1<<20+1), http.StatusInternalServerError)
		}, check: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "500", ev.ErrorType) }},
		"redirect": {request: request, answer: http.RedirectHandler("/x", http.StatusTemporaryRedirect).ServeHTTP,
			check: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "307", ev.ErrorType) }},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				tc.answer(w, r)
			})
			r := startReceiver(t, options{upstream: upstream.URL, configure: func(c *Config) {
				c.Tap.Get().Analysis.MaxCapturedBodySize = 1 << 20
			}})
			req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings", strings.NewReader(tc.request))
			require.NoError(t, err)
			if tc.encoding != "" {
				req.Header.Set("Content-Encoding", tc.encoding)
			}
			call1(t, newClient(t), req)
			ev := r.waitForEvent(t)
			assert.Equal(t, "/v1/embeddings", ev.URLPath)
			assert.Equal(t, "vllm", ev.Provider)
			assert.Equal(t, "127.0.0.1", ev.ServerAddress)
			assert.Positive(t, ev.Duration)
			assert.GreaterOrEqual(t, ev.Duration, ev.UpstreamDuration)
			if tc.check != nil {
				tc.check(t, ev)
			}
			if tc.unanalyzed == nil {
				tc.unanalyzed = map[string]int64{}
			}
			assert.Equal(t, tc.unanalyzed, r.unanalyzed(t))
			assert.Zero(t, r.capturedMemory(t))
		})
	}
}

func TestTapTraces(t *testing.T) {
	const (
		traceID = "0af7651916cd43dd8448eb211c80319c"
		spanID  = "b7ad6b7169203331"
	)
	for name, tc := range map[string]struct {
		parent  []string
		span    bool
		follows bool // the parent's trace
	}{
		"none":             {nil, true, false},
		"sampled":          {[]string{"00-" + traceID + "-" + spanID + "-01"}, true, true},
		"not sampled":      {[]string{"00-" + traceID + "-" + spanID + "-00"}, false, true},
		"version to come":  {[]string{"cc-" + traceID + "-" + spanID + "-01-more"}, true, true},
		"version ff":       {[]string{"ff-" + traceID + "-" + spanID + "-01"}, true, false},
		"too long":         {[]string{"00-" + traceID + "-" + spanID + "-01-more"}, true, false},
		"too short":        {[]string{"00-" + traceID + "-" + spanID}, true, false},
		"no hex":           {[]string{"00-" + traceID[:31] + "x-" + spanID + "-01"}, true, false},
		"upper case":       {[]string{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"}, true, false},
		"zero trace":       {[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, true, false},
		"zero span":        {[]string{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01"}, true, false},
		"two of them":      {[]string{"00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"}, true, false},
		"something else":   {[]string{"hello"}, true, false},
		"misplaced hyphen": {[]string{"00-" + traceID + spanID + "--01"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
			r := startReceiver(t, options{upstream: upstream.URL})
			req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings", strings.NewReader(`{"model":"m","input":"a"}`))
			require.NoError(t, err)
			req.Header["Traceparent"] = tc.parent
			req.Header.Set("Tracestate", "vendor=1")
			call1(t, newClient(t), req)
			lr := r.waitForEvents(t, 1)[0]
			require.NoError(t, r.shutdown(t.Context())) // spans follow events: now all are there
			if !tc.span {
				assert.Zero(t, r.traces.SpanCount())
				assert.Equal(t, traceID, lr.TraceID().String())
				assert.Equal(t, spanID, lr.SpanID().String())
				return
			}
			span := r.waitForSpans(t, 1)[0]
			assert.Equal(t, "embeddings m", span.Name())
			assert.Equal(t, ptrace.SpanKindClient, span.Kind())
			assert.Equal(t, span.TraceID(), lr.TraceID())
			assert.Equal(t, span.SpanID(), lr.SpanID())
			assert.False(t, span.TraceID().IsEmpty())
			assert.False(t, span.SpanID().IsEmpty())
			assert.Equal(t, uint32(1), span.Flags())
			_, hasVectors := span.Attributes().Get("embedding.vectors")
			assert.False(t, hasVectors)
			scope := r.traces.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Scope()
			assert.Equal(t, embedding.ReceiverScope, scope.Name())
			assert.Equal(t, "1.2.3", scope.Version())
			if tc.follows {
				assert.Equal(t, traceID, span.TraceID().String())
				assert.Equal(t, spanID, span.ParentSpanID().String())
				assert.Equal(t, "vendor=1", span.TraceState().AsRaw())
			} else {
				assert.NotEqual(t, traceID, span.TraceID().String())
				assert.True(t, span.ParentSpanID().IsEmpty())
				assert.Empty(t, span.TraceState().AsRaw())
			}
		})
	}
}

// TestTapEventsAlone is for a receiver in a logs pipeline only: the event belongs to the caller's span.
func TestTapEventsAlone(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	r := startReceiver(t, options{upstream: upstream.URL, noTraces: true})
	post(t, newClient(t), r.tap+"/v1/embeddings", `{"model":"m","input":"a"}`)
	lr := r.waitForEvents(t, 1)[0]
	assert.True(t, lr.TraceID().IsEmpty())
	assert.True(t, lr.SpanID().IsEmpty())
}

func TestTapOtherPathsMakeNoEvents(t *testing.T) {
	upstream := serveUpstream(t, echo)
	r := startReceiver(t, options{upstream: upstream.URL})
	client := newClient(t)
	post(t, client, r.tap+"/v1/chat/completions", "{}")
	post(t, client, r.tap+"/v1/embeddings", `{"model":"m","input":"a"}`)
	r.waitForEvents(t, 1)
	assert.Equal(t, map[string]int64{"": 1}, r.sum(t, "otelcol_embedding_tap_calls"))
}

func TestTapConsumerErrors(t *testing.T) {
	for name, err := range map[string]error{
		"for now":  assert.AnError,
		"for good": consumererror.NewPermanent(assert.AnError),
	} {
		t.Run(name, func(t *testing.T) {
			upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
			r := startReceiver(t, options{upstream: upstream.URL, nextLogs: consumertest.NewErr(err)})
			client := newClient(t)
			for range 3 {
				status, _ := post(t, client, r.tap+"/v1/embeddings", `{"model":"m","input":"a"}`)
				assert.Equal(t, http.StatusOK, status)
			}
			r.waitForSpans(t, 3)
			assert.Equal(t, map[string]int64{"logs_refused": 3}, r.dropped(t))
		})
	}
	t.Run("traces", func(t *testing.T) {
		upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
		r := startReceiver(t, options{upstream: upstream.URL, nextTraces: consumertest.NewErr(assert.AnError)})
		post(t, newClient(t), r.tap+"/v1/embeddings", `{"model":"m","input":"a"}`)
		r.waitForEvents(t, 1)
		require.NoError(t, r.shutdown(t.Context()))
		assert.Equal(t, map[string]int64{"traces_refused": 1}, r.dropped(t))
	})
}
