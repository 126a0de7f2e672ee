package embeddingreceiver

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTapGoAway is for a server of HTTP/2 that ends a connection while a request is on its way to it, and says that it has
// not looked at it, as nginx does after some number of requests: the request has to be sent again on the next connection.
func TestTapGoAway(t *testing.T) {
	answer := embeddingsAnswer(1, 8, false)
	upstream := &recorder{answer: answerWith(jsonType, answer)}
	for name, body := range map[string]func(string) io.Reader{
		"length":  func(s string) io.Reader { return strings.NewReader(s) },
		"chunked": func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			url := serveAfterGoAways(t, upstream, 2)
			r := startReceiver(t, options{upstream: url, configure: func(c *Config) {
				c.Tap.Get().Upstream.TLS.InsecureSkipVerify = true
			}})
			for _, request := range []string{oneCall, oneCall + strings.Repeat(" ", 500_000)} {
				res, err := newClient(t).Post(r.tap+"/v1/embeddings", jsonType, body(request))
				require.NoError(t, err)
				defer res.Body.Close()
				got, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, http.StatusOK, res.StatusCode, "%s", got)
				assert.Equal(t, digest(answer), digest(got))
				assert.Equal(t, digest([]byte(request)), upstream.last(t).Body)
			}
			r.waitForEvents(t, 2)
			assert.Empty(t, r.unanalyzed(t), "what was sent again is copied once")
		})
	}
}

// serveAfterGoAways starts a server of HTTP/2 over TLS that ends each of its first connections in the middle of a request,
// and serves on the later ones. It returns its URL.
func serveAfterGoAways(t *testing.T, handler http.Handler, refusals int) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	listener := &goAwayListener{Listener: srv.Listener, t: t, left: refusals, tls: &tls.Config{
		Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"h2"},
	}}
	srv.Listener, srv.EnableHTTP2 = listener, true
	srv.StartTLS()
	t.Cleanup(func() {
		srv.Close()
		listener.refused.Wait()
		assert.Zero(t, listener.left)
	})
	return srv.URL
}

type goAwayListener struct {
	net.Listener
	t       *testing.T
	tls     *tls.Config
	left    int
	refused sync.WaitGroup
}

// Accept implements net.Listener.
func (l *goAwayListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.left == 0 {
			return conn, err
		}
		l.left--
		l.refused.Go(func() {
			conn := tls.Server(conn, l.tls)
			defer conn.Close()
			assert.NoError(l.t, goAway(conn))
		})
	}
}

// goAway reads until the first data of a request has come, and says that no request has been looked at. Frames are those
// of RFC 9113: length in 3 bytes, type, flags, stream in 4 bytes.
func goAway(conn net.Conn) error {
	const preface, head = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 9
	const data, settings, goAway = 0, 4, 7
	if _, err := io.ReadFull(conn, make([]byte, len(preface))); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{0, 0, 0, settings, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	for kind := byte(settings); kind != data; {
		frame := make([]byte, head)
		if _, err := io.ReadFull(conn, frame); err != nil {
			return err
		}
		kind = frame[3]
		if _, err := io.CopyN(io.Discard, conn, int64(frame[0])<<16+int64(frame[1])<<8+int64(frame[2])); err != nil {
			return err
		}
	}
	// The last stream that was looked at is 0, and the reason 0.
	if _, err := conn.Write([]byte{0, 0, 8, goAway, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, conn) // until the other side has gone
	return nil
}
