package embeddingreceiver

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
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
}

func digest(body []byte) string {
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(body), sha256.Sum256(body))
}

// recorder is an upstream that writes down what it sees.
type recorder struct {
	mu       sync.Mutex
	requests []seen
	answer   http.HandlerFunc
}

func (u *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
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
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	header := res.Header.Clone()
	if header.Get("Date") != "" {
		header.Set("Date", "some") // may be a second later
	}
	return seen{
		Line: res.Proto + " " + res.Status, Header: header, Length: res.ContentLength, Transfer: res.TransferEncoding,
		Body: digest(body), Trailer: res.Trailer,
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

func TestTapStreams(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/embeddings"} {
		t.Run(path, func(t *testing.T) {
			next := make(chan struct{})
			upstream := serveUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush()
				for i := range 3 {
					<-next
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					w.(http.Flusher).Flush()
				}
			})
			r := startReceiver(t, options{upstream: upstream.URL})
			// The answer's head comes before the server has written any of the body.
			res, err := newClient(t).Post(r.tap+path, "application/json", strings.NewReader("{}"))
			require.NoError(t, err)
			defer res.Body.Close()
			body := bufio.NewReader(res.Body)
			for i := range 3 {
				next <- struct{}{} // the server waits for the client to have read the part before
				line, err := body.ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("data: %d\n", i), line)
				_, err = body.ReadString('\n')
				require.NoError(t, err)
			}
			_, err = body.ReadByte()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestTapUpgrades(t *testing.T) {
	upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Upgrade", r.Header.Get("Connection"))
		assert.Equal(t, "websocket", r.Header.Get("Upgrade"))
		conn, buf, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for {
			line, err := buf.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "echo "+line)
		}
	})
	r := startReceiver(t, options{upstream: upstream.URL})
	conn, in := dialRaw(t, r.tap)
	_, err := io.WriteString(conn, "GET /v1/realtime HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	for range 2 {
		_, err = io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "echo hello\n", line)
	}
	// The connection is not the server's any more, and must end with the receiver all the same.
	require.NoError(t, r.shutdown(t.Context()))
	_, err = in.ReadByte()
	require.Error(t, err)
}

func TestTapContinues(t *testing.T) {
	upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		echo(w, r)
	})
	r := startReceiver(t, options{upstream: upstream.URL})

	conn, in := dialRaw(t, r.tap)
	const head = "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
	_, err := fmt.Fprintf(conn, head, "/v1/embeddings")
	require.NoError(t, err)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	_, err = io.WriteString(conn, "body")
	require.NoError(t, err)
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, "body", string(body), "%v %v", res.Status, res.Header)

	// A server that refuses must be heard before the client sends its body.
	conn, in = dialRaw(t, r.tap)
	_, err = fmt.Fprintf(conn, head, "/refuse")
	require.NoError(t, err)
	line, err = in.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 417 Expectation Failed\r\n", line)
}

// TestTapEarlyAnswers is for servers that answer before they have read the request, as with 401 or 413: the answer must
// arrive, and whole.
func TestTapEarlyAnswers(t *testing.T) {
	answer := strings.Repeat("x", 4<<20)
	upstream, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer upstream.Close()
	go func() {
		for {
			conn, err := upstream.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for line := ""; line != "\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
				}
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
				_, _ = io.Copy(io.Discard, in)
			})
		}
	}()
	r := startReceiver(t, options{upstream: "http://" + upstream.Addr().String()})
	client := newClient(t)
	for _, path := range []string{"/v1/embeddings", "/v1/files"} {
		for size := 1; size < 1<<20; size *= 4 {
			for _, chunked := range []bool{false, true} {
				var body io.Reader = strings.NewReader(strings.Repeat("x", size))
				if chunked {
					body = io.MultiReader(body) // of unknown length
				}
				res, err := client.Post(r.tap+path, jsonType, body)
				require.NoError(t, err, "%d bytes, chunked %v", size, chunked)
				assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
				got, err := io.ReadAll(res.Body)
				require.NoError(t, errors.Join(err, res.Body.Close()), "%d bytes, chunked %v", size, chunked)
				assert.Equal(t, digest([]byte(answer)), digest(got))
			}
		}
	}
	require.NoError(t, r.shutdown(t.Context()))
}

// TestTapBothWays is for a client and a server that talk and listen at the same time.
func TestTapBothWays(t *testing.T) {
	upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
		w.(http.Flusher).Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			_, _ = fmt.Fprintf(w, "echo %s\n", lines.Text())
			w.(http.Flusher).Flush()
		}
	})
	r := startReceiver(t, options{upstream: upstream.URL})
	requestEnd, requestStart := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings", requestEnd)
	require.NoError(t, err)
	res, err := newClient(t).Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for i := range 3 {
		_, err := fmt.Fprintf(requestStart, "%d\n", i)
		require.NoError(t, err)
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("echo %d\n", i), line)
	}
	require.NoError(t, requestStart.Close())
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// TestRequestBodyEndsByItself checks that nothing reads on behind the end of a request's body.
func TestRequestBodyEndsByItself(t *testing.T) {
	for _, length := range []int64{5, -1} {
		source := &countingReader{Reader: strings.NewReader("12345")}
		body := &requestBody{ReadCloser: io.NopCloser(source), left: length, exchange: &exchange{}}
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, "12345", string(got))
		reads := source.reads
		if length > 0 {
			assert.Equal(t, 1, reads)
		}
		n, err := body.Read(make([]byte, 10))
		assert.Zero(t, n)
		require.ErrorIs(t, err, io.EOF)
		if length > 0 {
			assert.Equal(t, reads, source.reads)
		}
	}
}

// TestRequestBodyAfterTheCall is for a transport that reads on when the answer has ended: nothing may be copied into
// memory that is not the call's any more.
func TestRequestBodyAfterTheCall(t *testing.T) {
	m := newMemory(1<<20, 1<<20)
	req := httptest.NewRequest(http.MethodPost, "/v1/embeddings", strings.NewReader("12345"))
	x := newExchange(httptest.NewRecorder(), req, dialect.OpenAI{}, m)
	body := &requestBody{ReadCloser: req.Body, left: 5, exchange: x}
	_, err := body.Read(make([]byte, 2))
	require.NoError(t, err)
	call := x.finish(t.Context(), true)
	assert.Equal(t, "12", string(call.request.bytes()))
	call.release(m)
	n, err := body.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 3, n)
	assert.Zero(t, m.used.Load())
}

type countingReader struct {
	io.Reader
	reads int
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads++
	return r.Reader.Read(p)
}

func TestTapConcurrentCalls(t *testing.T) {
	upstream := serveUpstream(t, echo)
	r := startReceiver(t, options{upstream: upstream.URL})
	client := newClient(t)
	const clients, calls = 16, 20
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range calls {
				body := strings.Repeat(fmt.Sprintf("%d/%d ", i, j), 1+j*1000)
				res, err := client.Post(r.tap+"/v1/embeddings", "text/plain", strings.NewReader(body))
				if !assert.NoError(t, err) {
					return
				}
				got, err := io.ReadAll(res.Body)
				assert.NoError(t, errors.Join(err, res.Body.Close()))
				assert.Equal(t, digest([]byte(body)), digest(got))
			}
		})
	}
	wg.Wait()
	r.waitForEvents(t, clients*calls)
	require.Eventually(t, func() bool { return r.capturedMemory(t) == 0 }, patience, tick)
	assert.Empty(t, r.dropped(t))
}

func TestTapClientAborts(t *testing.T) {
	arrived, aborted := make(chan struct{}), make(chan struct{})
	upstream := serveUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // lets the server notice that the client is gone
		close(arrived)
		<-r.Context().Done()
		close(aborted)
	})
	r := startReceiver(t, options{upstream: upstream.URL})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.tap+"/v1/embeddings", strings.NewReader(`{"model":"m","input":"a"}`))
	require.NoError(t, err)
	go func() {
		<-arrived
		cancel()
	}()
	_, err = newClient(t).Do(req)
	require.ErrorIs(t, err, context.Canceled)
	<-aborted

	ev := r.waitForEvent(t)
	assert.Equal(t, "client_closed_request", ev.ErrorType)
	assert.Equal(t, "m", ev.RequestModel)
	assert.Zero(t, ev.StatusCode)
	assert.Empty(t, r.unanalyzed(t))
}

func TestTapClientAbortsUpload(t *testing.T) {
	upstream := serveUpstream(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	r := startReceiver(t, options{upstream: upstream.URL})
	conn, _ := dialRaw(t, r.tap)
	_, err := io.WriteString(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	assert.Equal(t, "client_closed_request", r.waitForEvent(t).ErrorType)
}

func TestTapUpstreamAborts(t *testing.T) {
	for name, length := range map[string]string{"chunked": "", "with length": "100"} {
		t.Run(name, func(t *testing.T) {
			upstream := serveUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(w, `{"data":[`)
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			r := startReceiver(t, options{upstream: upstream.URL})
			res, err := newClient(t).Post(r.tap+"/v1/embeddings", "application/json", strings.NewReader(`{"model":"m","input":"a"}`))
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Equal(t, `{"data":[`, string(body))

			ev := r.waitForEvent(t)
			assert.Equal(t, "upstream_aborted", ev.ErrorType)
			assert.Equal(t, http.StatusOK, ev.StatusCode)
			assert.Equal(t, "m", ev.RequestModel)
			assert.Empty(t, r.unanalyzed(t))
		})
	}
}

func TestTapOwnErrors(t *testing.T) {
	release := make(chan struct{})
	slow := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	hangUp := serveUpstream(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()

	for name, tc := range map[string]struct {
		upstream  string
		configure func(*TapConfig)
		status    int
		errorType string
		message   string
	}{
		"down":     {gone.URL, nil, http.StatusBadGateway, "upstream_unreachable", "The embedding server cannot be reached: dial tcp"},
		"hangs up": {hangUp.URL, nil, http.StatusBadGateway, "upstream_aborted", "closed the connection without an answer"},
		"too slow": {slow.URL, func(c *TapConfig) { c.Upstream.Timeout = 20 * time.Millisecond }, http.StatusGatewayTimeout,
			"timeout", "did not answer in time"},
		"too large": {slow.URL, func(c *TapConfig) { c.ServerConfig.MaxRequestBodySize = 5 }, http.StatusRequestEntityTooLarge,
			"request_too_large", "accepts request bodies of up to 5 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReceiver(t, options{upstream: tc.upstream, configure: func(c *Config) {
				if tc.configure != nil {
					tc.configure(c.Tap.Get())
				}
			}})
			status, body := post(t, newClient(t), r.tap+"/v1/embeddings", `{"model":"m","input":"a"}`)
			assert.Equal(t, tc.status, status)
			assert.Contains(t, body, tc.message)
			assert.Contains(t, body, `"type":"`+tc.errorType+`"`)
			assert.Contains(t, body, `{"error":{"code":`+fmt.Sprint(tc.status))

			ev := r.waitForEvent(t)
			assert.Equal(t, tc.errorType, ev.ErrorType)
			assert.Equal(t, tc.status, ev.StatusCode)
			assert.Empty(t, r.unanalyzed(t))

			// Other paths fail the same way, without an event.
			status, _ = post(t, newClient(t), r.tap+"/other", "123456")
			assert.Equal(t, tc.status, status)
			assert.Equal(t, map[string]int64{"": 1}, r.sum(t, "otelcol_embedding_tap_calls"))
		})
	}
}
