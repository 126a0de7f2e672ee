package embeddingreceiver

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial connects a client that speaks HTTP/1 to a URL's host, over TLS if the URL says so.
func dial(t *testing.T, base string) net.Conn {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	var conn net.Conn
	if u.Scheme == "https" {
		conn, err = tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	} else {
		conn, err = net.Dial("tcp", u.Host)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// TestTapUpgradesBothWays has a server that speaks first, much from both sides at the same time, and a client that ends its
// half before the server ends the other.
func TestTapUpgradesBothWays(t *testing.T) {
	const size = 1 << 20
	forEachWay(t, func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-Websocket-Accept: x\r\n\r\nhello\n")
		var writing sync.WaitGroup
		writing.Go(func() { _, _ = io.WriteString(conn, strings.Repeat("s", size)) })
		got, err := io.ReadAll(buf)
		assert.NoError(t, err)
		_, _ = io.WriteString(conn, digest(got))
		writing.Wait() // before the connection is closed
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		if !client.Transport.(*http.Transport).Protocols.HTTP1() {
			return // HTTP/2 has no upgrades
		}
		conn := dial(t, base)
		in := bufio.NewReader(conn)
		_, err := io.WriteString(conn, "GET /v1/realtime HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
		assert.Equal(t, "x", res.Header.Get("Sec-Websocket-Accept"))
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "hello\n", line)
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(conn, strings.Repeat("c", size))
			if half, ok := conn.(interface{ CloseWrite() error }); err == nil && ok {
				err = half.CloseWrite()
			}
			sent <- err
		}()
		got, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NoError(t, <-sent)
		want := strings.Repeat("s", size) + digest([]byte(strings.Repeat("c", size)))
		assert.Len(t, got, len(want))
		assert.Equal(t, strings.Count(want, "s"), strings.Count(string(got), "s"))
		assert.True(t, strings.HasSuffix(strings.TrimRight(string(got), "s"), digest([]byte(strings.Repeat("c", size)))))
	})
}

// TestTapOffersOfHTTP2 is for clients that offer HTTP/2 by Upgrade, as Java's do on each first request: the answer comes
// in HTTP/1.1.
func TestTapOffersOfHTTP2(t *testing.T) {
	forEachWay(t, echo, func(t *testing.T, client *http.Client, r *rig, base string) {
		if !client.Transport.(*http.Transport).Protocols.HTTP1() {
			return
		}
		conn := dial(t, base)
		_, err := io.WriteString(conn, "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"+
			"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n\r\nbody")
		require.NoError(t, err)
		status, body := readAnswer(t, bufio.NewReader(conn))
		assert.Equal(t, http.StatusOK, status, body)
		assert.Equal(t, "body", body)
		assert.Empty(t, r.waitForEvent(t).ErrorType)
	})
}
