package embeddingreceiver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTapSlowReader is for a client that takes a large answer in small pieces.
func TestTapSlowReader(t *testing.T) {
	answer := strings.Repeat("0123456789abcdef", 1<<16)
	forEachWay(t, answerWith(jsonType, []byte(answer)), func(t *testing.T, client *http.Client, r *rig, base string) {
		res, err := client.Post(base+"/v1/embeddings", jsonType, strings.NewReader(oneCall))
		require.NoError(t, err)
		defer res.Body.Close()
		var got bytes.Buffer
		for {
			_, err := io.CopyN(&got, res.Body, 1<<10)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			if got.Len()%(64<<10) == 0 {
				time.Sleep(time.Millisecond) // what makes the client slow; nothing waits for it
			}
		}
		assert.Equal(t, digest([]byte(answer)), digest(got.Bytes()))
		assert.Empty(t, r.waitForEvent(t).ErrorType)
	})
}

// TestTapSlowWriter is for a client whose request comes byte by byte.
func TestTapSlowWriter(t *testing.T) {
	upstream := &recorder{answer: echo}
	r := startReceiver(t, options{upstream: serveUpstream(t, upstream.ServeHTTP).URL})
	conn, in := dialRaw(t, r.tap)
	for _, b := range fmt.Appendf(nil, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(oneCall), oneCall) {
		_, err := conn.Write([]byte{b})
		require.NoError(t, err)
		time.Sleep(200 * time.Microsecond)
	}
	status, body := readAnswer(t, in)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, oneCall, body)
	assert.Equal(t, digest([]byte(oneCall)), upstream.last(t).Body)
	assert.Equal(t, "m", r.waitForEvent(t).RequestModel)

	// As HTTP/2, where each byte is a frame.
	r, base := startBetween(t, side{http2: true}, serveUpstream(t, upstream.ServeHTTP))
	out, sender := io.Pipe()
	go func() {
		for i := range oneCall {
			_, _ = sender.Write([]byte{oneCall[i]}) // an error shows at the other end
		}
		_ = sender.Close()
	}()
	res, err := side{http2: true}.client(t).Post(base+"/v1/embeddings", jsonType, out)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, digest([]byte(oneCall)), upstream.last(t).Body)
	assert.Equal(t, "m", r.waitForEvent(t).RequestModel)
}

// readAnswer reads one answer from a connection.
func readAnswer(t *testing.T, in *bufio.Reader) (status int, body string) {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(content)
}

// TestTapPipelines is for a client that sends requests without waiting for answers.
func TestTapPipelines(t *testing.T) {
	r := startReceiver(t, options{upstream: serveUpstream(t, echo).URL})
	conn, in := dialRaw(t, r.tap)
	const requests = 20
	var all strings.Builder
	for i := range requests {
		body := strings.Repeat(fmt.Sprint(i, " "), 1+i*100)
		path := "/v1/embeddings"
		if i%2 == 1 {
			path = "/other"
		}
		if i%3 == 0 {
			_, _ = fmt.Fprintf(&all, "POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, len(body), body)
		} else {
			_, _ = fmt.Fprintf(&all, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		}
	}
	_, err := io.WriteString(conn, all.String())
	require.NoError(t, err)
	for i := range requests {
		status, body := readAnswer(t, in)
		assert.Equal(t, http.StatusOK, status)
		require.Equal(t, strings.Repeat(fmt.Sprint(i, " "), 1+i*100), body)
	}
	r.waitForEvents(t, requests/2)
}

// TestTapHalfClose is for a client that has closed its half of the connection before the answer. That is all that can be
// seen of a client that has gone, so the tap gives the call up, as uvicorn does.
func TestTapHalfClose(t *testing.T) {
	ended := make(chan struct{})
	upstream := serveUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(ended)
	})
	r := startReceiver(t, options{upstream: upstream.URL})
	conn, in := dialRaw(t, r.tap)
	_, err := fmt.Fprintf(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(oneCall), oneCall)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	<-ended
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF, "no answer")
	ev := r.waitForEvent(t)
	assert.Equal(t, "client_closed_request", ev.ErrorType)
	assert.Equal(t, "m", ev.RequestModel)
}

// TestTapLargeHeaders has headers of 512 KiB both ways, and a request as large as net/http takes by default.
func TestTapLargeHeaders(t *testing.T) {
	large := strings.Repeat("v", 512<<10)
	forEachWay(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Large", r.Header.Get("X-Large"))
		w.Header().Set("X-Length", fmt.Sprint(len(r.Header.Get("X-Larger"))))
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		for _, larger := range []int{0, 500 << 10} {
			req, err := http.NewRequest(http.MethodPost, base+"/v1/embeddings", strings.NewReader(oneCall))
			require.NoError(t, err)
			req.Header.Set("X-Large", large)
			req.Header.Set("X-Larger", strings.Repeat("v", larger))
			res, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, digest([]byte(large)), digest([]byte(res.Header.Get("X-Large"))))
			assert.Equal(t, fmt.Sprint(larger), res.Header.Get("X-Length"))
		}
		r.waitForEvents(t, 2)
	})
}

// TestTapAnswersWithoutBody compares answers that have none, which net/http may give a length or a type.
func TestTapAnswersWithoutBody(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"/length":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1234") },
		"/chunks":  func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"/nothing": func(http.ResponseWriter, *http.Request) {},
		"/204":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"/304": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Etag", `"a"`)
			w.WriteHeader(http.StatusNotModified)
		},
	}
	upstream := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/length" && r.Method != http.MethodHead {
			return // a length that the body does not have
		}
		answers[r.URL.Path](w, r)
	}
	for _, way := range ways {
		t.Run(way.client.String()+" to "+way.server.String(), func(t *testing.T) {
			direct := way.client.serve(t, upstream)
			_, base := startBetween(t, way.client, way.server.serve(t, upstream))
			client := way.client.client(t)
			for path := range answers {
				for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodPost} {
					exchange := func(base string) seen {
						req, err := http.NewRequest(method, base+path, nil)
						require.NoError(t, err)
						answer := call1(t, client, req)
						if answer.Header.Get("Content-Length") == "" && (path == "/204" || path == "/304") {
							answer.Length = 0 // in HTTP/2 net/http says -1 where the end comes in a frame of its own
						}
						return answer
					}
					want := exchange(direct.URL)
					for range 20 { // what depends on which goroutine is first
						require.Equal(t, want, exchange(base), "%s %s", method, path)
					}
				}
			}
		})
	}
}
