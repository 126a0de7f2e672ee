package embeddingreceiver

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
