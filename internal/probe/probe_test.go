package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const answer = `{"object":"list","model":"served","data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,1]}],"usage":{"prompt_tokens":5}}`

func serve(t *testing.T, handler http.HandlerFunc) *url.URL {
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL + "/v1/embeddings")
	require.NoError(t, err)
	return u
}

func newClient(t *testing.T, s Server) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	if s.Dialect == nil {
		s.Dialect = dialect.OpenAI{}
	}
	c, err := New(&http.Client{Transport: transport, Timeout: 5 * time.Second}, s)
	require.NoError(t, err)
	return c
}

var twoTexts = dialect.Request{Texts: []string{"first", "second"}}

func TestCall(t *testing.T) {
	var header http.Header
	var sent []byte
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		sent, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, answer)
	})
	c := newClient(t, Server{URL: u, Model: "m", Version: "1.2.3"})
	ev := embedding.Event{TraceID: pcommon.TraceID{1}, SpanID: pcommon.SpanID{2}, TraceFlags: 1}
	require.NoError(t, c.Do(t.Context(), twoTexts, &ev))
	assert.Equal(t, []float32{1, 0, 0, 1}, ev.Vectors)
	assert.Equal(t, 2, ev.OutputDimension)
	assert.EqualValues(t, 5, ev.InputTokens)
	assert.Equal(t, "m", ev.RequestModel)
	assert.Equal(t, "served", ev.ResponseModel)
	assert.Equal(t, u.Host, net.JoinHostPort(ev.ServerAddress, u.Port()))
	assert.True(t, ev.Canary)
	assert.Positive(t, ev.Duration)

	assert.Equal(t, "otelcol-embedding-canary/1.2.3", header.Get("User-Agent"))
	assert.Equal(t, "00-01000000000000000000000000000000-0200000000000000-01", header.Get("Traceparent"))
	assert.NotContains(t, header, "Idempotency-Key")
	assert.JSONEq(t, `{"model":"m","input":["first","second"],"user":"otelcol-embedding-canary"}`, string(sent))
}

func TestFailures(t *testing.T) {
	status := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    Failure
	}{
		"unauthorized": {status(401, "no"), Failure{Outcome: embedding.CanaryRefused, ErrorType: "401", Status: 401}},
		"not found": {status(404, `{"error":{"message":"The model x does not exist","code":404}}`),
			Failure{Outcome: embedding.CanaryRefused, ErrorType: "model_not_found", Status: 404}},
		"redirect": {status(307, "", "Location", "http://localhost:1/"),
			Failure{Outcome: embedding.CanaryRefused, ErrorType: "307", Status: 307}},
		"too many": {status(429, "", "Retry-After", "7"),
			Failure{Outcome: embedding.CanaryOverloaded, ErrorType: "429", Status: 429, RetryAfter: 7 * time.Second}},
		"unavailable": {status(503, `{"error":"Model is overloaded"}`),
			Failure{Outcome: embedding.CanaryOverloaded, ErrorType: "overloaded", Status: 503}},
		"failed":  {status(500, ""), Failure{Outcome: embedding.CanaryFailed, ErrorType: "500", Status: 500}},
		"no JSON": {status(200, "<html>"), Failure{Outcome: embedding.CanaryFailed, ErrorType: ErrorMalformedAnswer, Status: 200}},
		"broken off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			Failure{Outcome: embedding.CanaryUnreachable, ErrorType: ErrorConnectionBroken}},
		"body broken off": {status(200, "{", "Content-Length", "100"),
			Failure{Outcome: embedding.CanaryUnreachable, ErrorType: ErrorConnectionBroken}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Server{URL: serve(t, tt.handler)})
			var ev embedding.Event
			err := c.Do(t.Context(), twoTexts, &ev)
			var got *Failure
			require.ErrorAs(t, err, &got)
			assert.NotEmpty(t, err.Error())
			got.err = nil
			assert.Equal(t, tt.want, *got)
			assert.Equal(t, tt.want.ErrorType, ev.ErrorType)
		})
	}
}

func TestHang(t *testing.T) {
	release := make(chan struct{})
	u := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c := newClient(t, Server{URL: u})
	c.http.Timeout = 20 * time.Millisecond
	var f *Failure
	require.ErrorAs(t, c.Do(t.Context(), twoTexts, &embedding.Event{}), &f)
	assert.Equal(t, embedding.CanaryUnreachable, f.Outcome)
	assert.Equal(t, ErrorTimeout, f.ErrorType)
	assert.True(t, f.Hang())
	c.http.Timeout = 0
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, c.Do(ctx, twoTexts, &embedding.Event{}))
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	c := newClient(t, Server{URL: &url.URL{Scheme: "http", Host: address, Path: "/v1/embeddings", RawQuery: "key=secret"}})
	err = c.Do(t.Context(), twoTexts, &embedding.Event{})
	var f *Failure
	require.ErrorAs(t, err, &f)
	assert.Equal(t, Failure{Outcome: embedding.CanaryUnreachable, ErrorType: ErrorConnectionRefused, err: f.err}, *f)
	assert.NotContains(t, err.Error(), "secret")

	c = newClient(t, Server{URL: &url.URL{Scheme: "http", Host: "nobody.invalid"}})
	require.ErrorAs(t, c.Do(t.Context(), twoTexts, &embedding.Event{}), &f)
	assert.Equal(t, ErrorNameNotFound, f.ErrorType)
}

// TestAddress: the connection goes to the address, and the server is asked by its name all the same.
func TestAddress(t *testing.T) {
	var host, name string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, name = r.Host, r.TLS.ServerName
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	u := &url.URL{Scheme: "https", Host: "example.com:8443", Path: "/v1/embeddings"}
	transport := srv.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	transport.TLSClientConfig.ServerName = "example.com"
	c, err := New(&http.Client{Transport: transport}, Server{URL: u, Address: srv.Listener.Addr().String(), Dialect: dialect.OpenAI{}})
	require.NoError(t, err)
	var ev embedding.Event
	require.NoError(t, c.Do(t.Context(), twoTexts, &ev))
	assert.Equal(t, "example.com:8443", host)
	assert.Equal(t, "example.com", name)
	assert.Equal(t, "127.0.0.1", ev.ServerAddress)

	transport.TLSClientConfig.ServerName = "other.org"
	transport.CloseIdleConnections()
	var f *Failure
	require.ErrorAs(t, c.Do(t.Context(), twoTexts, &ev), &f)
	assert.Equal(t, ErrorTLS, f.ErrorType)
}

func TestNoSuchCall(t *testing.T) {
	c := newClient(t, Server{URL: &url.URL{Scheme: "http", Host: "localhost"}, Dialect: dialect.TEI{}})
	err := c.Do(t.Context(), dialect.Request{Texts: []string{"a"}, Encoding: dialect.EncodingBase64}, &embedding.Event{})
	require.EqualError(t, err, "TEI's own API has no encoding base64")
	var f *Failure
	assert.False(t, errors.As(err, &f))
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"soon":                          0,
		"-1":                            0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"1e9":                           0,
		"2000000000":                    24 * time.Hour,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
	} {
		assert.Equal(t, want, retryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
}

func TestHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"http://a/x": "a:80", "https://a": "a:443", "http://a:1": "a:1", "http://[::1]/": "[::1]:80",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		assert.Equal(t, want, HostPort(u))
	}
	_, err := New(&http.Client{}, Server{URL: &url.URL{}, Address: "a"})
	require.Error(t, err)
	_, err = New(&http.Client{}, Server{URL: &url.URL{}, Address: "a:http"})
	require.Error(t, err)
}
