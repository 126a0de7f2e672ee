package embeddingreceiver

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestTapMatrix compares exchanges through the tap with the same ones without it, on both sides, in all pairs of
// protocols, framings, codings, sizes and statuses. Each call leaves one event.
func TestTapMatrix(t *testing.T) {
	bodies := newMatrixBodies()
	exchanges := 0
	for i, way := range ways {
		combinations := pairwise(uint64(i))
		exchanges += len(combinations)
		t.Run(way.client.String()+" to "+way.server.String(), func(t *testing.T) {
			upstream := &recorder{answer: func(w http.ResponseWriter, r *http.Request) {
				n, err := strconv.Atoi(strings.TrimPrefix(r.UserAgent(), "matrix/"))
				if assert.NoError(t, err) {
					bodies.answer(w, r, combinations[n])
				}
			}}
			direct, server := way.client.serve(t, upstream.ServeHTTP), way.server.serve(t, upstream.ServeHTTP)
			r, base := startBetween(t, way.client, server)
			client := way.client.client(t)
			exchange := func(base string, n int) (request, answer seen) {
				answer = call1(t, client, bodies.request(t, base, n, combinations[n]))
				return upstream.last(t), answer
			}
			for n, c := range combinations {
				wantRequest, wantAnswer := exchange(direct.URL, n)
				gotRequest, gotAnswer := exchange(base, n)
				settleRequest(t, &wantRequest, direct.URL, way.client)
				settleRequest(t, &gotRequest, server.URL, way.server)
				if way.client.http2 != way.server.http2 {
					wantRequest.Transfer, gotRequest.Transfer = nil, nil // HTTP/2 has frames in place of chunks
					wantRequest.Header.Del("Expect")                     // which net/http's server of HTTP/2 takes away
					gotRequest.Header.Del("Expect")
				}
				if c.answer() == answerThenClose {
					// The end of the connection is the end of the body: the tap keeps its own connection, and sends chunks.
					wantAnswer.Header.Del("Connection")
					wantAnswer.Transfer, gotAnswer.Transfer = nil, nil
				}
				assert.Equal(t, wantRequest, gotRequest, "%v", c)
				assert.Equal(t, wantAnswer, gotAnswer, "%v", c)
				if t.Failed() {
					return
				}
			}
			bodies.checkEvents(t, r, combinations)
		})
	}
	assert.GreaterOrEqual(t, exchanges, 200)
	t.Logf("%d exchanges", exchanges)
}

// settleRequest checks and takes away what has to differ between two servers.
func settleRequest(t *testing.T, request *seen, server string, spoken side) {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	assert.Equal(t, u.Host, request.Host)
	line, ok := strings.CutSuffix(request.Line, " "+spoken.proto())
	assert.True(t, ok, "%s, want %s", request.Line, spoken.proto())
	request.Host, request.Line = "", line
}

// matrixBodies are the bodies of the matrix, by size and coding.
type matrixBodies struct {
	requests, answers, failures map[int]map[string][]byte
}

func newMatrixBodies() *matrixBodies {
	b := &matrixBodies{requests: map[int]map[string][]byte{}, answers: map[int]map[string][]byte{}, failures: map[int]map[string][]byte{}}
	for _, size := range bodySizes {
		// What is read stands at the end, so that it is only there if the whole body is.
		b.requests[size] = encoded(padded(size, `{"padding":"`, `","input":"a text","model":"m"}`))
		b.answers[size] = encoded(padded(size, `{"padding":"`, `","model":"m","object":"list","data":[{"object":"embedding",`+
			`"index":0,"embedding":[0.6,0.8]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`))
		b.failures[size] = encoded(padded(size, `{"error":{"type":"a_kind","message":"`, `"}}`))
	}
	return b
}

// padded returns a text of size bytes between head and tail, or a number where that does not fit.
func padded(size int, head, tail string) []byte {
	if size < len(head)+len(tail) {
		return bytes.Repeat([]byte("1"), size)
	}
	block := make([]byte, 16<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(block) // never fails, and is the same each time
	text := hex.AppendEncode(nil, block)
	out := append(make([]byte, 0, size), head...)
	for left := size - len(head) - len(tail); left > 0; left = size - len(out) - len(tail) {
		out = append(out, text[:min(left, len(text))]...)
	}
	return append(out, tail...)
}

// encoded returns body in each content coding. gzip and deflate leave it as large as it is, br and zstd make it small.
func encoded(body []byte) map[string][]byte {
	var gzipped, deflated, brotlied bytes.Buffer
	asGzip, _ := gzip.NewWriterLevel(&gzipped, gzip.NoCompression) // the level is a known one
	asDeflate, _ := zlib.NewWriterLevel(&deflated, zlib.NoCompression)
	for _, w := range []io.WriteCloser{asGzip, asDeflate, brotli.NewWriterLevel(&brotlied, brotli.BestSpeed)} {
		_, _ = w.Write(body) // a bytes.Buffer takes everything
		_ = w.Close()
	}
	return map[string][]byte{
		"": body, "gzip": gzipped.Bytes(), "deflate": deflated.Bytes(), "br": brotlied.Bytes(), "zstd": zstandard(string(body)),
	}
}

// request returns the nth request to the server or tap at base.
func (b *matrixBodies) request(t *testing.T, base string, n int, c combination) *http.Request {
	t.Helper()
	content := b.requests[c.size()][c.coding()]
	var body io.Reader
	switch c.request() {
	case requestWithLength, requestExpecting:
		body = bytes.NewReader(content)
	case requestChunked, requestWithTrailers:
		body = io.MultiReader(bytes.NewReader(content)) // of unknown length
	}
	req, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/v1/embeddings?n=%d", base, n), body)
	require.NoError(t, err)
	req.Header.Set("User-Agent", fmt.Sprint("matrix/", n))
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Te", "trailers")
	req.Header.Set("Cookie", "a=b; c=d")
	if c.coding() != "" {
		req.Header.Set("Accept-Encoding", c.coding())
		if body != nil {
			req.Header.Set("Content-Encoding", c.coding())
		}
	}
	switch c.request() {
	case requestExpecting:
		req.Header.Set("Expect", "100-continue")
	case requestWithTrailers:
		req.Trailer = http.Header{"X-Sum": {"42"}, "X-Other": {"a", "b"}}
	}
	return req
}

// answer answers a request that has been read.
func (b *matrixBodies) answer(w http.ResponseWriter, r *http.Request, c combination) {
	body := b.answers[c.size()][c.coding()]
	if c.status() != http.StatusOK {
		body = b.failures[c.size()][c.coding()]
	}
	h := w.Header()
	parts := 1
	switch c.answer() {
	case answerFlushed:
		parts = 5
	case answerEvents:
		parts = 50
	case answerAfterHints:
		h.Add("Link", "</a>")
		h.Add("Link", "</b>")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
		w.WriteHeader(http.StatusProcessing)
		h.Set("Content-Length", strconv.Itoa(len(body)))
	case answerWithLength:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	case answerWithTrailers:
		h.Set("Trailer", "X-Said")
	case answerThenClose:
		h.Set("Connection", "close")
		if r.ProtoMajor == 1 {
			h.Set("Transfer-Encoding", "identity") // net/http's word for neither chunks nor a length
		}
	}
	h.Set("Content-Type", jsonType)
	if c.answer() == answerEvents {
		h.Set("Content-Type", "text/event-stream")
	}
	if c.coding() != "" {
		h.Set("Content-Encoding", c.coding())
	}
	if c.status() == http.StatusTooManyRequests {
		h.Set("Retry-After", "7")
	}
	w.WriteHeader(c.status())
	for part := range parts {
		_, _ = w.Write(body[len(body)*part/parts : len(body)*(part+1)/parts])
		if parts > 1 || c.answer() >= answerWithTrailers {
			w.(http.Flusher).Flush()
		}
	}
	if c.answer() == answerWithTrailers {
		h.Set("X-Said", "1")
		h.Set(http.TrailerPrefix+"X-Unsaid", "2")
	}
}

// checkEvents checks that each call has left one event, which says what went by.
func (b *matrixBodies) checkEvents(t *testing.T, r *rig, combinations []combination) {
	t.Helper()
	events := map[string]*embedding.Event{}
	for _, lr := range r.waitForEvents(t, len(combinations)) {
		ev := &embedding.Event{}
		require.True(t, ev.ReadLogRecord(lr))
		events[ev.UserAgent] = ev
	}
	malformed := 0
	for n, c := range combinations {
		ev := events[fmt.Sprint("matrix/", n)]
		require.NotNil(t, ev, "%v", c)
		assert.Equal(t, c.status(), ev.StatusCode)
		assert.Equal(t, "/v1/embeddings", ev.URLPath)
		readable := c.size() > 1
		if readable && c.request() != requestEmpty {
			assert.Equal(t, "m", ev.RequestModel, "%v", c)
			assert.Equal(t, []int64{6}, ev.InputCharacters, "%v", c)
		}
		switch {
		case c.status() != http.StatusOK:
			assert.NotEmpty(t, ev.ErrorType, "%v", c)
		case readable:
			assert.Equal(t, []float32{0.6, 0.8}, ev.Vectors, "%v", c)
			assert.Empty(t, ev.ErrorType, "%v", c)
		}
		if c.status() == http.StatusOK && (!readable || c.request() == requestEmpty) {
			malformed++
		}
	}
	want := map[string]int64{}
	if malformed > 0 {
		want["malformed"] = int64(malformed)
	}
	assert.Equal(t, want, r.unanalyzed(t))
	assert.Empty(t, r.dropped(t))
}
