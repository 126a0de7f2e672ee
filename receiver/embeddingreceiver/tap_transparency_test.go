package embeddingreceiver

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
)

// seen is a request as the server saw it, or an answer as the client saw it.
type seen struct {
	Line     string
	Host     string
	Header   http.Header
	Length   int64
	Transfer []string
	Body     string // a digest of it, with its length
	Trailer  http.Header
	Interim  []string // 1xx answers before the answer, with their headers
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return digestOf(int64(len(body)), sum[:])
}

func digestOf(length int64, sum []byte) string {
	return fmt.Sprintf("%d bytes, SHA-256 %x", length, sum)
}

// recorder is an upstream that writes down what it sees.
type recorder struct {
	mu       sync.Mutex
	requests []seen
	answer   http.HandlerFunc
}

func (u *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var content bytes.Buffer
	content.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := content.ReadFrom(r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	body := content.Bytes()
	u.mu.Lock()
	u.requests = append(u.requests, seen{
		Line: r.Method + " " + r.RequestURI + " " + r.Proto, Host: r.Host, Header: r.Header.Clone(),
		Length: r.ContentLength, Transfer: r.TransferEncoding, Body: digest(body), Trailer: r.Trailer,
	})
	u.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	u.answer(w, r)
}

func (u *recorder) last(t *testing.T) seen {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	require.NotEmpty(t, u.requests)
	return u.requests[len(u.requests)-1]
}

func call1(t *testing.T, client *http.Client, req *http.Request) seen {
	t.Helper()
	var interim []string
	res, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			interim = append(interim, fmt.Sprint(code, header))
			return nil
		},
	})))
	require.NoError(t, err)
	defer res.Body.Close()
	sum := sha256.New()
	length, err := io.Copy(sum, res.Body)
	require.NoError(t, err)
	header := res.Header.Clone()
	if header.Get("Date") != "" {
		header.Set("Date", "some") // may be a second later
	}
	return seen{
		Line: res.Proto + " " + res.Status, Header: header, Length: res.ContentLength, Transfer: res.TransferEncoding,
		Body: digestOf(length, sum.Sum(nil)), Trailer: res.Trailer, Interim: interim,
	}
}

// echo reads all before it writes, because Go's server gives up the request's body once an answer begins.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func gzipped(s string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(s)) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

func brotlied(s string) []byte {
	var out bytes.Buffer
	w := brotli.NewWriter(&out)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return out.Bytes()
}

func zstandard(s string) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // there are no options to be wrong
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll([]byte(s), nil)
}

func answerWith(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

// TestTapTransparent compares each exchange through the tap with the same one without it, on both sides.
func TestTapTransparent(t *testing.T) {
	const jsonType = "application/json"
	post := func(path, body string, header ...string) func(base string) *http.Request {
		return func(base string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
			require.NoError(t, err)
			req.Header.Set("Content-Type", jsonType)
			for i := 0; i < len(header); i += 2 {
				req.Header.Add(header[i], header[i+1])
			}
			return req
		}
	}
	plain := func(method, path string) func(base string) *http.Request {
		return func(base string) *http.Request {
			req, err := http.NewRequest(method, base+path, nil)
			require.NoError(t, err)
			return req
		}
	}
	large := strings.Repeat("Bücher, 本, книги. ", 400_000)
	floats, base64 := answerWith(jsonType, embeddingsAnswer(2, 64, false)), answerWith(jsonType, embeddingsAnswer(2, 64, true))

	for name, tc := range map[string]struct {
		request func(base string) *http.Request
		answer  http.HandlerFunc
	}{
		"text":           {post("/v1/embeddings", `{"model":"m","input":"a text"}`), floats},
		"texts":          {post("/v1/embeddings", `{"model":"m","input":["a","b"]}`), floats},
		"token ids":      {post("/v1/embeddings", `{"model":"m","input":[1,2,3]}`), floats},
		"token id lists": {post("/v1/embeddings", `{"model":"m","input":[[1,2],[3]],"encoding_format":"base64"}`), base64},
		"odd JSON":       {post("/v1/embeddings", "{ \"model\" : \"\\u006d\",\n\t\"input\":\"\\ud83d\\ude00\" }\n"), floats},
		"no JSON":        {post("/v1/embeddings", "\x00\xff{{{"), floats},
		"no body":        {plain(http.MethodPost, "/v1/embeddings"), floats},
		"GET":            {plain(http.MethodGet, "/v1/embeddings"), echo},
		"vLLM's flat error": {post("/v1/embeddings", `{}`), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"object":"error","message":"no","type":"BadRequestError","param":null,"code":400}`)
		}},
		"vLLM's nested error": {post("/v1/embeddings", `{}`), func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":{"message":"no","type":"NotFoundError","param":null,"code":404}}`)
		}},
		"several headers": {post("/v1/embeddings", `{}`, "Authorization", "Bearer secret", "X-Many", "1", "X-Many", "2",
			"X-Forwarded-For", "10.1.2.3", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "h", "Forwarded", "for=x",
			"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate", "a=b", "Cookie", "c=d",
			"X-Request-Id", "id", "User-Agent", "openai-python/1", "Te", "trailers"),
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Add("Set-Cookie", "a=b")
				w.Header().Add("Set-Cookie", "c=d")
				w.Header().Set("X-Request-Id", "id")
				w.Header()["Content-Type"], w.Header()["Date"] = nil, nil // must not be made up on the way
				_, _ = io.WriteString(w, "<html>")
			}},
		"no User-Agent":  {post("/v1/embeddings", `{}`, "User-Agent", ""), floats},
		"wants gzip":     {post("/v1/embeddings", `{}`, "Accept-Encoding", "gzip"), answerWith(jsonType, gzipped("[]"))},
		"no wish at all": {post("/v1/embeddings", `{}`), answerWith(jsonType, gzipped("[]"))},
		"gzip answer": {post("/v1/embeddings", `{}`, "Accept-Encoding", "gzip, br"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped(`{"data":[]}`))
		}},
		"gzip request":            {post("/v1/embeddings", string(gzipped(`{"input":"a"}`)), "Content-Encoding", "gzip"), floats},
		"unknown encoding":        {post("/v1/embeddings", "???", "Content-Encoding", "rot13"), floats},
		"large, both ways":        {post("/v1/embeddings", large), echo},
		"large on another path":   {post("/v1/files", large), echo},
		"beyond what is captured": {post("/v1/embeddings", strings.Repeat("x", 17<<20)), echo},
		"chunked request": {func(base string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, base+"/v1/embeddings", io.MultiReader(strings.NewReader(`{"input":`),
				strings.NewReader(`"a"}`)))
			require.NoError(t, err)
			return req
		}, floats},
		"chunked answer": {post("/v1/embeddings", `{}`), func(w http.ResponseWriter, _ *http.Request) {
			for range 5 {
				_, _ = io.WriteString(w, "part")
				w.(http.Flusher).Flush()
			}
		}},
		"request trailer": {func(base string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, base+"/v1/embeddings", io.MultiReader(strings.NewReader("{}")))
			require.NoError(t, err)
			req.Trailer = http.Header{"X-Sum": {"42"}}
			return req
		}, floats},
		"answer trailers": {post("/v1/embeddings", `{}`), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Said")
			_, _ = io.WriteString(w, "{}")
			w.Header().Set("X-Said", "1")
			w.Header().Set(http.TrailerPrefix+"X-Unsaid", "2")
		}},
		"early hints": {post("/v1/embeddings", `{}`), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "{}")
		}},
		"HEAD": {plain(http.MethodHead, "/v1/models"), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1234")
		}},
		"models":    {plain(http.MethodGet, "/v1/models?a=1"), answerWith(jsonType, []byte(`{"data":[]}`))},
		"DELETE":    {plain(http.MethodDelete, "/x"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		"PATCH":     {plain(http.MethodPatch, "/x"), echo},
		"OPTIONS":   {plain(http.MethodOptions, "/v1/embeddings"), echo},
		"own verb":  {plain("PURGE", "/x"), echo},
		"redirect":  {plain(http.MethodGet, "/a"), http.RedirectHandler("/b", http.StatusTemporaryRedirect).ServeHTTP},
		"unchanged": {plain(http.MethodGet, "/a"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }},
		"empty":     {plain(http.MethodGet, "/a"), func(http.ResponseWriter, *http.Request) {}},
		"escaped":   {plain(http.MethodGet, "/a%2Fb/%7Euser/%e4?q=%20+;x=%zz&&&"), echo},
		"dots":      {plain(http.MethodGet, "/a/../b//c/./?"), echo},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := &recorder{answer: tc.answer}
			direct := serveUpstream(t, upstream.ServeHTTP)
			r := startReceiver(t, options{upstream: direct.URL})
			client := newClient(t)

			wantAnswer := call1(t, client, tc.request(direct.URL))
			wantRequest := upstream.last(t)
			assert.Equal(t, wantAnswer, call1(t, client, tc.request(r.tap)))
			assert.Equal(t, wantRequest, upstream.last(t))
		})
	}
}

// TestTapTransparentWrapped is for transports that cannot be told to leave gzip alone.
func TestTapTransparentWrapped(t *testing.T) {
	upstream := &recorder{answer: func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipped("{}"))
			return
		}
		_, _ = io.WriteString(w, "{}")
	}}
	direct := serveUpstream(t, upstream.ServeHTTP)
	r := startReceiver(t, options{upstream: direct.URL, configure: func(c *Config) {
		c.Tap.Get().Upstream.Headers = configopaque.MapList{{Name: "X-Key", Value: "k"}}
	}})
	for _, accept := range []string{"", "gzip"} {
		request := func(base string) *http.Request {
			req, err := http.NewRequest(http.MethodPost, base+"/v1/embeddings", strings.NewReader("{}"))
			require.NoError(t, err)
			if accept != "" {
				req.Header.Set("Accept-Encoding", accept)
			}
			return req
		}
		client := newClient(t)
		want := call1(t, client, request(direct.URL))
		assert.Equal(t, want, call1(t, client, request(r.tap)))
		assert.Equal(t, "k", upstream.last(t).Header.Get("X-Key"))
	}
}

func TestTapBasePath(t *testing.T) {
	for base, want := range map[string]string{
		"":              "/v1/embeddings?a=b",
		"/":             "/v1/embeddings?a=b",
		"/models/m":     "/models/m/v1/embeddings?a=b",
		"/models/m/":    "/models/m/v1/embeddings?a=b",
		"/mod%2Fels/m/": "/mod%2Fels/m/v1/embeddings?a=b",
	} {
		upstream := &recorder{answer: echo}
		direct := serveUpstream(t, upstream.ServeHTTP)
		r := startReceiver(t, options{upstream: direct.URL + base})
		post(t, newClient(t), r.tap+"/v1/embeddings?a=b", "{}")
		assert.Equal(t, "POST "+want+" HTTP/1.1", upstream.last(t).Line, base)
	}
}

// dialRaw connects to a URL's host without any HTTP in between.
func dialRaw(t *testing.T, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

func TestTapRawPaths(t *testing.T) {
	upstream := &recorder{answer: echo}
	direct := serveUpstream(t, upstream.ServeHTTP)
	r := startReceiver(t, options{upstream: direct.URL})
	for _, line := range []string{
		`GET /a{b}"c|d HTTP/1.1`, "GET //a//b HTTP/1.1", "GET /%41?x=%ZZ;y HTTP/1.1", "GET /a?? HTTP/1.1",
	} {
		conn, _ := dialRaw(t, r.tap)
		_, err := fmt.Fprintf(conn, "%s\r\nHost: h\r\nConnection: close\r\n\r\n", line)
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(answer), "200 OK", line)
		assert.Equal(t, line, upstream.last(t).Line)
	}
}
