package embeddingcanaryreceiver

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const one, two, three = "127.0.0.1", "127.0.0.2", "127.0.0.3"

// startReplicas starts a receiver whose target has several addresses of one server.
func startReplicas(t *testing.T, s *server, names *lookup, configure ...func(*Config)) *rig {
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	if c, err := net.DialTimeout("tcp", net.JoinHostPort(two, u.Port()), time.Second); err == nil {
		require.NoError(t, c.Close())
	} else {
		t.Skip("this system has one loopback address: ", err)
	}
	resolve := func(cfg *Config) { cfg.Targets[0].Probe.Resolve = true }
	return startWith(t, componenttest.NewNopHost(), names, "http://embeddings.example:"+u.Port()+"/v1/embeddings",
		append(configure, resolve)...)
}

// of is whether a result is of a replica and has a verdict.
func of(address string, verdict embedding.CanaryVerdict) func(*embedding.CanaryResult) bool {
	return func(c *embedding.CanaryResult) bool { return c.ServerAddress == address && c.Verdict == verdict }
}

// TestReplicas: each address is probed by itself and asked by the name, and the one whose vectors change is named.
func TestReplicas(t *testing.T) {
	s, names := newServerOn(t, "0.0.0.0:0"), &lookup{}
	names.set(nil, one, two, three)
	r := startReplicas(t, s, names)
	for _, address := range []string{one, two, three} {
		r.waitFrom(0, address, of(address, embedding.CanarySame))
	}
	s.set(func(s *server) {
		for _, request := range s.requests {
			assert.Equal(t, "embeddings.example", (&url.URL{Host: request.Host}).Hostname())
		}
		s.seeds[two] = 1
	})
	r.wait("the changed replica", of(two, embedding.CanaryOtherModel))
	r.wait("another", of(one, embedding.CanarySame))
	for _, c := range r.results() {
		if c.ServerAddress != two {
			assert.False(t, c.Verdict.Alarming())
		}
	}
}

// TestReplicaThatDiffersWhileLearning: pins are those of the replicas that agree.
func TestReplicaThatDiffersWhileLearning(t *testing.T) {
	s, names := newServerOn(t, "0.0.0.0:0"), &lookup{}
	s.seeds[three] = 1
	names.set(nil, one, two, three)
	r := startReplicas(t, s, names, func(cfg *Config) { cfg.Learning.Rounds = 6 }) // time to see them differ
	r.waitFrom(0, "the one that differs", func(c *embedding.CanaryResult) bool {
		return c.ServerAddress == three && c.Verdict == embedding.CanaryUnstable && c.Reasons[0] == checkReplica
	})
	r.waitFrom(0, "one that agrees", of(one, embedding.CanarySame))
	r.waitFrom(0, "the one that differs", of(three, embedding.CanaryOtherModel))
}

// TestReplicasThatDisagree: nobody can tell which is right, so that nothing is pinned until they agree.
func TestReplicasThatDisagree(t *testing.T) {
	s, names := newServerOn(t, "0.0.0.0:0"), &lookup{}
	s.seeds[two] = 1
	names.set(nil, one, two)
	r := startReplicas(t, s, names)
	for range 8 {
		r.wait("a round", func(c *embedding.CanaryResult) bool { return c.Pins == "" && c.Verdict != embedding.CanarySame })
	}
	s.set(func(s *server) { s.seeds[two] = 0 })
	r.learned()
}

// TestReplicaThatDoesNotAnswer: it does not hold up the others.
func TestReplicaThatDoesNotAnswer(t *testing.T) {
	s, names := newServer(t), &lookup{} // on one address alone
	names.set(nil, one, two)
	r := startReplicasUnchecked(t, s, names)
	r.waitFrom(0, "the one that answers", of(one, embedding.CanarySame))
	down := r.waitFrom(0, "the other", func(c *embedding.CanaryResult) bool { return c.ServerAddress == two })
	assert.Equal(t, embedding.CanaryUnreachable, down.Outcome)
}

func startReplicasUnchecked(t *testing.T, s *server, names *lookup) *rig {
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return startWith(t, componenttest.NewNopHost(), names, "http://embeddings.example:"+u.Port()+"/v1/embeddings",
		func(cfg *Config) {
			cfg.Targets[0].Probe.Resolve, cfg.Targets[0].ClientConfig.Timeout = true, time.Second
		})
}

// TestReplicasComeAndGo: they are probed as long as the name has their address.
func TestReplicasComeAndGo(t *testing.T) {
	s, names := newServerOn(t, "0.0.0.0:0"), &lookup{}
	names.set(nil, one)
	r := startReplicas(t, s, names)
	r.waitFrom(0, one, of(one, embedding.CanarySame))

	names.set(nil, one, two)
	r.wait(two, of(two, embedding.CanarySame))
	replicas := func() int64 { return r.latest()["embedding.canary.replicas"].Gauge().DataPoints().At(0).IntValue() }
	require.Eventually(t, func() bool { return replicas() == 2 }, patience, 5*time.Millisecond)

	names.set(nil, two)
	require.Eventually(t, func() bool { return replicas() == 1 }, patience, 5*time.Millisecond)
	require.NotEmpty(t, r.said.FilterMessage("A replica has gone").All())
	seen := len(r.results())
	r.wait("the rounds of the other", of(two, embedding.CanarySame))
	for _, c := range r.results()[seen+1:] {
		assert.Equal(t, two, c.ServerAddress)
	}

	names.set(errors.New("no such host"))
	require.Eventually(t, func() bool { return r.said.FilterMessageSnippet("cannot be looked up").Len() == 1 }, patience, 5*time.Millisecond)
	r.wait("those that are known", of(two, embedding.CanarySame))
	names.set(nil, one, two)
	back := r.wait("the one that was there before", of(one, embedding.CanarySame))
	assert.Greater(t, back.Round, int64(1), "its rounds are counted on")
	require.Len(t, r.said.FilterMessage("The name can be looked up again").All(), 1)
}

// TestNoAddress: a name without addresses is a server that cannot be reached.
func TestNoAddress(t *testing.T) {
	names := &lookup{}
	r := startWith(t, componenttest.NewNopHost(), names, "http://nobody.invalid:8000/v1/embeddings",
		func(cfg *Config) { cfg.Targets[0].Probe.Resolve = true })
	got := r.waitFrom(0, "unreachable", func(c *embedding.CanaryResult) bool { return c.Outcome == embedding.CanaryUnreachable })
	assert.Equal(t, "name_not_found", got.ErrorType)
	assert.Equal(t, "nobody.invalid", got.ServerAddress)
	assert.Equal(t, 8000, got.ServerPort)
}

// TestReplicaByTLS: the certificate is checked against the name, though the connection goes to an address.
func TestReplicaByTLS(t *testing.T) {
	s := newServer(t)
	var asked string
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.set(func(*server) { asked = r.TLS.ServerName })
		s.serve(w, r)
	}))
	t.Cleanup(secure.Close)
	u, err := url.Parse(secure.URL)
	require.NoError(t, err)
	names := &lookup{}
	names.set(nil, one)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	r := startWith(t, componenttest.NewNopHost(), names, "https://example.com:"+u.Port()+"/v1/embeddings", func(cfg *Config) {
		cfg.Targets[0].Probe.Resolve = true
		cfg.Targets[0].ClientConfig.TLS.CAPem = configopaque.String(certificate)
	})
	got := r.learned()
	assert.Equal(t, one, got.ServerAddress)
	s.set(func(*server) { assert.Equal(t, "example.com", asked) }) // the name that httptest's certificate is for
}
