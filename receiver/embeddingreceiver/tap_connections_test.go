package embeddingreceiver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
)

// TestTapManyConnections has a thousand clients with a call in flight at the same time, each on a connection that it keeps
// for the next, and checks that nothing of them is left when they have gone.
func TestTapManyConnections(t *testing.T) {
	const clients, calls = 1000, 3
	var arrived sync.WaitGroup
	release := make(chan chan struct{}, 1)
	upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		arrived.Done()
		gate := <-release
		release <- gate
		<-gate
		_, _ = w.Write(body)
	})
	r := startReceiver(t, options{upstream: upstream.URL, noTraces: true, configure: func(c *Config) {
		c.Tap.Get().Analysis.QueueSize = clients * calls
		c.Tap.Get().Upstream.Keepalive = configoptional.Some(confighttp.KeepaliveClientConfig{
			IdleConnTimeout: 200 * time.Millisecond, MaxIdleConnsPerHost: clients,
		})
	}})
	before := runtime.NumGoroutine()
	conns := make([]net.Conn, clients)
	readers := make([]*bufio.Reader, clients)
	for i := range conns {
		conns[i], readers[i] = dialRaw(t, r.tap)
		require.NoError(t, conns[i].SetDeadline(time.Now().Add(time.Minute))) // many share few cores
	}
	for call := range calls {
		gate := make(chan struct{})
		release <- gate
		arrived.Add(clients)
		for i, conn := range conns {
			body := fmt.Sprintf(`{"model":"m","input":"%d/%d"}`, i, call)
			_, err := fmt.Fprintf(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			require.NoError(t, err)
		}
		arrived.Wait()
		close(gate)
		for i, in := range readers {
			status, body := readAnswer(t, in)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, fmt.Sprintf(`{"model":"m","input":"%d/%d"}`, i, call), body)
		}
		<-release
	}
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	r.waitForEvents(t, clients*calls)
	assert.Empty(t, r.dropped(t))
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+10 }, time.Minute, 10*tick,
		"%d goroutines before the clients came", before)
}

// TestTapManyStreams has 64 calls at the same time on one connection of HTTP/2.
func TestTapManyStreams(t *testing.T) {
	const streams = 64
	var arrived sync.WaitGroup
	forEachWay(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if len(body) == 0 {
			return
		}
		arrived.Done()
		arrived.Wait()
		for range 10 {
			_, _ = w.Write(body)
			w.(http.Flusher).Flush()
		}
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		if !client.Transport.(*http.Transport).Protocols.HTTP1() {
			_, err := client.Get(base + "/connects") // the calls find a connection
			require.NoError(t, err)
			arrived.Add(streams)
			var done sync.WaitGroup
			for i := range streams {
				done.Go(func() { callOnOneConnection(t, client, base, strings.Repeat(fmt.Sprint(i, " "), 2000)) })
			}
			done.Wait()
			r.waitForEvents(t, streams)
			assert.Empty(t, r.dropped(t))
		}
	})
}

// callOnOneConnection makes a call that must find a connection, and whose answer is its body ten times.
func callOnOneConnection(t *testing.T, client *http.Client, base, body string) {
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { assert.True(t, info.Reused) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/embeddings", strings.NewReader(body))
	if !assert.NoError(t, err) {
		return
	}
	res, err := client.Do(req)
	if !assert.NoError(t, err) {
		return
	}
	got, err := io.ReadAll(res.Body)
	assert.NoError(t, errors.Join(err, res.Body.Close()))
	assert.Equal(t, "HTTP/2.0", res.Proto)
	assert.Equal(t, digest([]byte(strings.Repeat(body, 10))), digest(got))
}
