package embeddingreceiver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// eventOf makes a call with these headers and returns its event.
func eventOf(t *testing.T, body string, header http.Header, answer http.HandlerFunc, configure func(*Config)) *embedding.Event {
	t.Helper()
	upstream := serveUpstream(t, answer)
	r := startReceiver(t, options{upstream: upstream.URL, configure: configure})
	req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings", strings.NewReader(body))
	require.NoError(t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	call1(t, newClient(t), req)
	return r.waitForEvent(t)
}

func TestTapRequestID(t *testing.T) {
	answer := func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if id != "" {
				w.Header().Set("X-Request-Id", id)
			}
			_, _ = w.Write(embeddingsAnswer(1, 8, false))
		}
	}
	for name, tc := range map[string]struct{ sent, answered, want string }{
		"client's":        {"r-1", "", "r-1"},
		"both":            {"r-1", "r-2", "r-1"},
		"server's":        {"", "r-2", "r-2"},
		"none":            {"", "", ""},
		"too long":        {strings.Repeat("x", maxRequestID+1), "r-2", "r-2"},
		"as long as may":  {strings.Repeat("x", maxRequestID), "", strings.Repeat("x", maxRequestID)},
		"with whitespace": {"a sentence", "", ""},
		"not ASCII":       {"é", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if tc.sent != "" {
				header.Set("X-Request-Id", tc.sent)
			}
			ev := eventOf(t, oneCall, header, answer(tc.answered), nil)
			assert.Equal(t, tc.want, ev.RequestID)
			assert.Equal(t, "embd-1", ev.ResponseID)
		})
	}
}

// TestTapCanary: the calls of canaries are known by their user agent and, where a proxy sends one of its own, by their user.
func TestTapCanary(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(embeddingsAnswer(1, 8, false)) }
	for name, tc := range map[string]struct {
		agent, body string
		want        bool
	}{
		"user agent": {"otelcol-embedding-canary/1.2.3", oneCall, true},
		"user":       {"a proxy", `{"model":"m","input":"a","user":"otelcol-embedding-canary"}`, true},
		"neither":    {"openai-python/1", `{"model":"m","input":"otelcol-embedding-canary","user":"somebody"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			ev := eventOf(t, tc.body, http.Header{"User-Agent": {tc.agent}}, answer, nil)
			assert.Equal(t, tc.want, ev.Canary)
		})
	}
}

func TestTapClientID(t *testing.T) {
	id := func(body string, header http.Header, configure func(*Config)) string {
		return eventOf(t, body, header, answerWith(jsonType, embeddingsAnswer(1, 8, false)), configure).ClientID
	}
	bearer := http.Header{"Authorization": {"Bearer secret"}}
	user := http.Header{"Authorization": {"Bearer secret"}, "X-Openwebui-User-Id": {"u-1"}}
	const forUser = `{"model":"m","input":"a","user":"u-1"}`

	assert.Regexp(t, "^[0-9a-f]{16}$", id(oneCall, bearer, nil))
	assert.Equal(t, id(oneCall, bearer, nil), id(forUser, bearer, nil), "a header goes before the request's own word")
	assert.NotEqual(t, id(oneCall, bearer, nil), id(oneCall, http.Header{"Authorization": {"Bearer other"}}, nil))
	assert.NotEqual(t, id(oneCall, bearer, nil), id(oneCall, user, nil), "the first header counts")
	assert.Equal(t, id(oneCall, http.Header{"Api-Key": {"k"}}, nil), id(oneCall, http.Header{"X-Api-Key": {"k"}}, nil))
	assert.Equal(t, id(oneCall, http.Header{"Api-Key": {"u-1"}}, nil), id(forUser, nil, nil))

	// Without any of them, the address tells clients apart, and not their connections.
	address := id(oneCall, nil, nil)
	assert.NotEmpty(t, address)
	assert.Equal(t, address, id(oneCall, nil, nil))
	assert.NotEqual(t, address, id(forUser, nil, nil))

	none := func(c *Config) { c.Tap.Get().Analysis.ClientIDHeaders = nil }
	assert.Equal(t, address, id(oneCall, bearer, none))
	otherKey := func(c *Config) { c.FingerprintKey = "another key" }
	assert.NotEqual(t, id(oneCall, bearer, nil), id(oneCall, bearer, otherKey))
}

func TestTapTraceContext(t *testing.T) {
	const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, tc := range map[string]struct {
		sent      string
		mode      string
		noTraces  bool
		path      string
		unchanged bool
	}{
		"pass":                   {sent: sampled, mode: TraceContextPass, unchanged: true},
		"pass none":              {mode: TraceContextPass, unchanged: true},
		"continue":               {sent: sampled, mode: TraceContextContinue},
		"continue none":          {mode: TraceContextContinue},
		"continue a broken one":  {sent: "hello", mode: TraceContextContinue},
		"not sampled":            {sent: strings.TrimSuffix(sampled, "1") + "0", mode: TraceContextContinue, unchanged: true},
		"nobody takes spans":     {sent: sampled, mode: TraceContextContinue, noTraces: true, unchanged: true},
		"no embedding call":      {sent: sampled, mode: TraceContextContinue, path: "/v1/models", unchanged: true},
		"none, no spans, nobody": {mode: TraceContextContinue, noTraces: true, unchanged: true},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := &recorder{answer: answerWith(jsonType, embeddingsAnswer(1, 8, false))}
			server := serveUpstream(t, upstream.ServeHTTP)
			r := startReceiver(t, options{upstream: server.URL, noTraces: tc.noTraces, configure: func(c *Config) {
				c.Tap.Get().Analysis.TraceContext = tc.mode
			}})
			path := tc.path
			if path == "" {
				path = "/v1/embeddings"
			}
			req, err := http.NewRequest(http.MethodPost, r.tap+path, strings.NewReader(oneCall))
			require.NoError(t, err)
			if tc.sent != "" {
				req.Header.Set("Traceparent", tc.sent)
				req.Header.Set("Tracestate", "vendor=1")
			}
			want := req.Header.Clone()
			call1(t, newClient(t), req)
			got := upstream.last(t).Header
			if tc.unchanged {
				assert.Equal(t, want["Traceparent"], got["Traceparent"])
				assert.Equal(t, want["Tracestate"], got["Tracestate"])
				return
			}
			span := r.waitForSpans(t, 1)[0]
			assert.Equal(t, []string{"00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-01"}, got["Traceparent"])
			if tc.sent == sampled {
				assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.TraceID().String())
				assert.Equal(t, "b7ad6b7169203331", span.ParentSpanID().String())
				assert.Equal(t, []string{"vendor=1"}, got["Tracestate"])
			} else {
				assert.Empty(t, got["Tracestate"], "it belongs to a trace that nobody can tell")
			}
			lr := r.waitForEvents(t, 1)[0]
			assert.Equal(t, span.SpanID(), lr.SpanID())
		})
	}
}
