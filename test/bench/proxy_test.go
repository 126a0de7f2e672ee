// Package bench holds benchmarks that span packages, each with its baseline in the same run.
package bench

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
)

// proxyEnv, when set, makes the test binary a plain reverse proxy: the baseline that the tap is measured against, as
// a process of its own so that its CPU time can be told apart.
const proxyEnv = "BENCH_PLAIN_PROXY" // "listen address upstream URL"

func TestMain(m *testing.M) {
	if setting := os.Getenv(proxyEnv); setting != "" {
		var address, upstream string
		if _, err := fmt.Sscan(setting, &address, &upstream); err != nil {
			panic(err)
		}
		target, err := url.Parse(upstream)
		if err != nil {
			panic(err)
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 1024 // as the tap has: else the pool is what is measured
		transport.DisableCompression = true
		proxy := &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport: transport,
		}
		// Without full duplex, net/http closes a request's body when the answer begins. The transport may be about to
		// read that body's end, fails, and breaks off the answer: the plain proxy does not survive a fast server.
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			proxy.ServeHTTP(w, r)
		})
		fmt.Fprintln(os.Stderr, http.ListenAndServe(address, handler))
		os.Exit(1)
	}
	os.Exit(m.Run())
}
