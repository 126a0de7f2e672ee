package embeddingreceiver

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// side is how one end of the tap speaks.
type side struct{ tls, http2 bool }

func (s side) String() string {
	switch {
	case s.tls && s.http2:
		return "h2"
	case s.tls:
		return "https"
	case s.http2:
		return "h2c"
	}
	return "http"
}

// proto is what the other end says it has been spoken to in.
func (s side) proto() string {
	if s.http2 {
		return "HTTP/2.0"
	}
	return "HTTP/1.1"
}

func (s side) protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(!s.http2)
	p.SetHTTP2(s.http2 && s.tls)
	p.SetUnencryptedHTTP2(s.http2 && !s.tls)
	return &p
}

// client returns a client that speaks so and no other way, and adds nothing to what a test says.
func (s side) client(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Protocols: s.protocols(), DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		ExpectContinueTimeout: patience, // for ever, as far as a test goes
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// serve starts a server that speaks so, and HTTP/1 too if it speaks HTTP/2.
func (s side) serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.Protocols = s.protocols()
	srv.Config.Protocols.SetHTTP1(true)
	if s.tls {
		srv.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
		if s.http2 {
			srv.TLS.NextProtos = []string{"h2", "http/1.1"}
		}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

// ways are the pairs of sides that a tap can stand between. It speaks HTTP/2 to a server that offers it over TLS.
var ways = []struct{ client, server side }{
	{client: side{}, server: side{}},
	{client: side{http2: true}, server: side{}},
	{client: side{tls: true}, server: side{tls: true}},
	{client: side{tls: true, http2: true}, server: side{tls: true, http2: true}},
	{client: side{}, server: side{tls: true, http2: true}},
	{client: side{http2: true}, server: side{tls: true, http2: true}},
	{client: side{tls: true}, server: side{tls: true, http2: true}},
	{client: side{tls: true, http2: true}, server: side{}},
}

// forEachWay runs a test of what lies between a client and a server in every pair of protocols. The client that it is
// given speaks as its side does; base is the tap's URL.
func forEachWay(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, client *http.Client, r *rig, base string)) {
	for _, way := range ways {
		t.Run(way.client.String()+" to "+way.server.String(), func(t *testing.T) {
			r, base := startBetween(t, way.client, way.server.serve(t, handler))
			test(t, way.client.client(t), r, base)
		})
	}
}

// startBetween starts a tap that takes what client speaks, in front of a server. It returns the tap's URL too.
func startBetween(t *testing.T, client side, server *httptest.Server) (*rig, string) {
	t.Helper()
	r := startReceiver(t, options{upstream: server.URL, configure: func(c *Config) {
		c.Tap.Get().Upstream.TLS.InsecureSkipVerify = true
		if client.tls {
			serveWithTLS(t, c, testCertificate(t))
		}
	}})
	if client.tls {
		return r, strings.Replace(r.tap, "http:", "https:", 1)
	}
	return r, r.tap
}

// testCertificate returns that of httptest's servers.
func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	return srv.TLS.Certificates[0]
}

// TestTapShutdownHTTP2 stops the receiver under clients that keep their connection, with a call in flight on it.
func TestTapShutdownHTTP2(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	forEachWay(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		w.(http.Flusher).Flush()
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		status := make(chan int, 1)
		for range 2 { // the second one on the connection that the first one leaves
			go func() {
				res, err := client.Post(base+"/v1/embeddings", jsonType, strings.NewReader(oneCall))
				if !assert.NoError(t, err) {
					status <- 0
					return
				}
				// To its end: what is closed before is a call that the client has given up, and shutdown does not wait for it.
				_, err = io.Copy(io.Discard, res.Body)
				assert.NoError(t, err)
				assert.NoError(t, res.Body.Close())
				status <- res.StatusCode
			}()
			<-arrived
			if r.logs.LogRecordCount() == 0 {
				release <- struct{}{}
				assert.Equal(t, http.StatusOK, <-status)
				r.waitForEvents(t, 1)
			}
		}
		ended := make(chan error, 1)
		go func() { ended <- r.shutdown(t.Context()) }()
		release <- struct{}{}
		assert.Equal(t, http.StatusOK, <-status)
		require.NoError(t, <-ended)
		r.waitForEvents(t, 2)
		assert.Empty(t, r.dropped(t))
	})
}

// TestTapEarlyAnswersEachWay is for servers that answer before they have read the request, as with 413.
func TestTapEarlyAnswersEachWay(t *testing.T) {
	answer := []byte(strings.Repeat("x", 1<<20))
	forEachWay(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = w.Write(answer)
	}, func(t *testing.T, client *http.Client, r *rig, base string) {
		for n, size := range []int{1, 10_000, 200_000, 1 << 20} {
			res, err := client.Post(base+"/v1/embeddings", jsonType, strings.NewReader(strings.Repeat("x", size)))
			require.NoError(t, err, "%d bytes", size)
			got, err := io.ReadAll(res.Body)
			require.NoError(t, errors.Join(err, res.Body.Close()), "%d bytes", size)
			assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
			assert.Equal(t, digest(answer), digest(got))
			r.waitForEvents(t, n+1)
		}
	})
}
