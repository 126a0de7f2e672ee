package embeddingreceiver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkGone checks that a call that the client gave up is an event, and is counted.
func checkGone(t *testing.T, r *rig, status int) {
	t.Helper()
	ev := r.waitForEvent(t)
	assert.Equal(t, "client_closed_request", ev.ErrorType)
	assert.Equal(t, status, ev.StatusCode)
	assert.Equal(t, map[string]int64{"": 1}, r.sum(t, "otelcol_embedding_tap_calls"))
	assert.Empty(t, r.unanalyzed(t))
	assert.Empty(t, r.dropped(t))
	require.Eventually(t, func() bool { return r.capturedMemory(t) == 0 }, patience, tick)
}

// TestTapClientAbortsDownload is for a client that goes away in the middle of an answer without end.
func TestTapClientAbortsDownload(t *testing.T) {
	ended := make(chan struct{}, 1)
	forEachWay(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<10)) // the context tells when it fails
			w.(http.Flusher).Flush()
		}
		ended <- struct{}{}
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/embeddings", strings.NewReader(oneCall))
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		_, err = io.CopyN(io.Discard, res.Body, 5<<10)
		require.NoError(t, err)
		cancel()
		<-ended
		checkGone(t, r, http.StatusOK)
	})
}

// TestTapClientAbortsUploads is for a client that goes away in the middle of its request.
func TestTapClientAbortsUploads(t *testing.T) {
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	forEachWay(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadFull(r.Body, make([]byte, 10))
		assert.NoError(t, err)
		begun <- struct{}{}
		_, err = io.Copy(io.Discard, r.Body)
		ended <- err
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		out, sender := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/embeddings", out)
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			res, err := client.Do(req)
			if err == nil {
				_ = res.Body.Close()
			}
			done <- err
		}()
		_, err = sender.Write([]byte(`{"model":"m",` + strings.Repeat(" ", 8<<10))) // more than clients keep back
		require.NoError(t, err)
		<-begun
		cancel()
		require.NoError(t, sender.CloseWithError(context.Canceled)) // net/http's client waits for its read of the body
		require.ErrorIs(t, <-done, context.Canceled)
		require.Error(t, <-ended, "the server took half a request for a whole one")
		checkGone(t, r, 0)
	})
}

// TestTapUpstreamAborts is for a server that goes away in the middle of its answer, which must not look like a whole one.
func TestTapUpstreamAborts(t *testing.T) {
	for _, length := range []string{"", "100"} {
		t.Run(fmt.Sprintf("length %q", length), func(t *testing.T) {
			forEachWay(t, func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(w, `{"data":[`)
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}, func(t *testing.T, client *http.Client, r *rig, base string) {
				res, err := client.Post(base+"/v1/embeddings", jsonType, strings.NewReader(oneCall))
				require.NoError(t, err)
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				if res.ProtoMajor == 1 {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				} else {
					require.ErrorContains(t, err, "stream error") // RST_STREAM; the type is net/http's own
				}
				assert.Equal(t, `{"data":[`, string(body))

				ev := r.waitForEvent(t)
				assert.Equal(t, "upstream_aborted", ev.ErrorType)
				assert.Equal(t, http.StatusOK, ev.StatusCode)
				assert.Equal(t, "m", ev.RequestModel)
				assert.Empty(t, r.unanalyzed(t))
			})
		})
	}
}
