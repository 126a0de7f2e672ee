//go:build e2e

package hosts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t: t, cert: cert, key: key, file: writePEM(t, "CERTIFICATE", der)}
}

// issue returns the files of a certificate for a name and of its key, as environment.
func (a *authority) issue(name string) []string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	return []string{"TLS_CERT=" + writePEM(a.t, "CERTIFICATE", der), "TLS_KEY=" + writePEM(a.t, "PRIVATE KEY", private)}
}

func writePEM(t *testing.T, kind string, der []byte) string {
	return writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func writeFile(t *testing.T, content string) string {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// documented returns the YAML in docs/deployment/hosts.md that begins with a comment of its name.
func documented(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(collector.Root(t), "docs", "deployment", "hosts.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "```yaml\n# "+name+"\n")
	require.True(t, found, "docs/deployment/hosts.md has no YAML named %s", name)
	yaml, _, _ := strings.Cut(after, "```")
	return yaml
}

// TestSecure: a gateway that asks for certificates and a token, as docs/deployment/hosts.md has it. It takes what an agent sends that has
// both; agents that lack one say in their logs what is wrong.
func TestSecure(t *testing.T) {
	n := newNetwork(t)
	backend := startBackend(t)
	ours, others := newAuthority(t), newAuthority(t)
	token := writeFile(t, "right")
	g := n.newGateway("gateway-1", documented(t, "gateway-secure.yaml"),
		append(ours.issue("gateway-1"), "TLS_CA="+ours.file, "GATEWAY_TOKEN_FILE="+token)...)
	g.start()

	for _, c := range []struct {
		name  string
		env   []string
		wrong string // what the agent's log says; empty if nothing is wrong
	}{
		{"right", append(ours.issue("agent"), "TLS_CA="+ours.file, "GATEWAY_TOKEN_FILE="+token), ""},
		{"wrong-ca", append(ours.issue("agent"), "TLS_CA="+others.file, "GATEWAY_TOKEN_FILE="+token),
			"x509: certificate signed by unknown authority"},
		{"wrong-cert", append(others.issue("agent"), "TLS_CA="+ours.file, "GATEWAY_TOKEN_FILE="+token),
			"tls: unknown certificate authority"},
		{"wrong-token", append(ours.issue("agent"), "TLS_CA="+ours.file, "GATEWAY_TOKEN_FILE="+writeFile(t, "wrong")),
			"Unauthenticated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := n.newAgent(c.name, mainModel, documented(t, "agent-secure.yaml"), []string{"agent.yaml", "spread.yaml"},
				append(c.env, oneGateway, "GATEWAY_INSECURE=false")...)
			a.start()
			require.NoError(t, a.startServer(mainModel, 8000, 8080).call(c.name, 0))
			if c.wrong == "" {
				require.Eventually(t, func() bool {
					came, _ := backend.count([]string{c.name})
					return came == 1 && len(find(g.metrics(), "host_name=")) > 0
				}, time.Minute, 100*time.Millisecond, "event and metrics come")
				assert.NotContains(t, a.process.Output(), "Exporting failed")
				return
			}
			require.Eventually(t, func() bool { return strings.Contains(a.process.Output(), c.wrong) }, time.Minute, 100*time.Millisecond)
			came, _ := backend.count([]string{c.name})
			assert.Zero(t, came)
		})
	}
}
