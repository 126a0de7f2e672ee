package embeddingreceiver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

// serveEarly answers each request as soon as it has read the head of it, and returns its URL. (net/http reads the rest first
// where that is short.)
func serveEarly(t *testing.T, answer string) string {
	upstream, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	var conns sync.WaitGroup
	t.Cleanup(func() {
		_ = upstream.Close()
		conns.Wait()
	})
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
				_, _ = io.WriteString(conn, answer)
				_, _ = io.Copy(io.Discard, in)
			})
		}
	}()
	return "http://" + upstream.Addr().String()
}

// TestTapEarlyAnswers is for servers that answer before they have read the request, as with 401 or 413: the answer must
// arrive, and whole.
func TestTapEarlyAnswers(t *testing.T) {
	answer := strings.Repeat("x", 4<<20)
	upstream := serveEarly(t, fmt.Sprintf("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer))
	r := startReceiver(t, options{upstream: upstream})
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

// TestTapEarlyAnswerKeepsTheRequest is for what a client sends once it has been refused: that says what it had asked for.
func TestTapEarlyAnswerKeepsTheRequest(t *testing.T) {
	r := startReceiver(t, options{
		upstream: serveEarly(t, "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.tap, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	body := `{"model":"m","input":["one","two"]}`
	_, err = fmt.Fprintf(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: tap\r\nContent-Length: %d\r\n\r\n", len(body))
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 401 Unauthorized\r\n", line)
	_, err = io.WriteString(conn, body)
	require.NoError(t, err)
	ev := r.waitForEvent(t)
	assert.Equal(t, "m", ev.RequestModel)
	assert.Equal(t, 2, ev.InputCount)
	assert.Equal(t, http.StatusUnauthorized, ev.StatusCode)
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
