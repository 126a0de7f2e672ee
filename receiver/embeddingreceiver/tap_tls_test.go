package embeddingreceiver

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
)

// TestTapHTTP2 has HTTP/2 over TLS on both sides of the tap.
func TestTapHTTP2(t *testing.T) {
	answer := embeddingsAnswer(2, 2560, true)
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, oneCall, string(body))
		w.Header().Set("Trailer", "X-Sum")
		w.Header()["Date"] = nil
		_, _ = w.Write(answer)
		w.Header().Set("X-Sum", "42")
	}))
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)

	r := startReceiver(t, options{upstream: upstream.URL, configure: func(c *Config) {
		serveWithTLS(t, c, upstream.TLS.Certificates[0])
		c.Tap.Get().Upstream.TLS.InsecureSkipVerify = true
	}})

	transport := &http.Transport{
		DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	res, err := client.Post(strings.Replace(r.tap, "http:", "https:", 1)+"/v1/embeddings", jsonType, strings.NewReader(oneCall))
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/2.0", res.Proto)
	assert.Equal(t, digest(answer), digest(body))
	assert.Equal(t, http.Header{"X-Sum": {"42"}}, res.Trailer)
	assert.NotContains(t, res.Header, "Date")
	assert.Equal(t, 2, r.waitForEvent(t).OutputCount)
}

// serveWithTLS makes the tap speak TLS with its clients.
func serveWithTLS(t testing.TB, c *Config, certificate tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	encode := func(kind string, der []byte) configopaque.String {
		return configopaque.String(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	own := configtls.NewDefaultServerConfig()
	own.CertPem, own.KeyPem = encode("CERTIFICATE", certificate.Certificate[0]), encode("PRIVATE KEY", key)
	c.Tap.Get().ServerConfig.TLS = configoptional.Some(own)
}
