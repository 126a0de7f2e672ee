package embeddingreceiver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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

// TestTapKnowsTheModelOfAnUnreachableServer: the calls that a server does not get are counted as its own, not under unknown, as if
// nobody called it any more. The client has its answer no later for that.
func TestTapKnowsTheModelOfAnUnreachableServer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, upstream := range map[string]string{"http": gone.URL, "https": strings.Replace(gone.URL, "http", "https", 1)} {
		t.Run(name, func(t *testing.T) {
			for _, input := range []string{"a", strings.Repeat("a", 200<<10)} {
				r := startReceiver(t, options{upstream: upstream})
				status, _ := post(t, newClient(t), r.tap+"/v1/embeddings", `{"input":"`+input+`","model":"m"}`)
				assert.Equal(t, http.StatusBadGateway, status)
				ev := r.waitForEvent(t)
				assert.Equal(t, "upstream_unreachable", ev.ErrorType)
				assert.Equal(t, "m", ev.RequestModel)
				assert.Equal(t, []int64{int64(len(input))}, ev.InputCharacters)
				assert.Empty(t, r.unanalyzed(t))
			}

			// A client that wants to be asked for the body has its answer without it.
			conn, answers := dialRaw(t, startReceiver(t, options{upstream: upstream}).tap)
			_, err := io.WriteString(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
			require.NoError(t, err)
			answer, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusBadGateway, answer.StatusCode)
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
