//go:build e2e

package docs

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// site is the set of addresses and folders of one collector. Each stands for the default that the page shows.
type site struct {
	t         *testing.T
	addresses map[string]string // variable -> host:port
	storage   string
}

// defaults are what variables of the configurations stand for where they are not set.
var defaults = map[string]string{
	"EMBEDDING_TAP":      "localhost:8080",
	"EMBEDDING_INGEST":   "localhost:8081",
	"EMBEDDING_METRICS":  "localhost:9464",
	"EMBEDDING_HEALTH":   "localhost:13133",
	"EMBEDDING_UPSTREAM": "localhost:8000",
	"OTLP_GRPC":          "localhost:4317",
	"OTLP_HTTP":          "localhost:4318",
	"LOKI_ENDPOINT":      "localhost:3100",
	"OTLP_ENDPOINT":      "localhost:14318",
	"telemetry":          "localhost:8888",
}

func newSite(t *testing.T) *site {
	s := &site{t: t, addresses: make(map[string]string), storage: filepath.Join(t.TempDir(), "storage")}
	for name := range defaults {
		s.addresses[name] = collector.Address(t)
	}
	return s
}

// environment returns the variables that put a collector on the site's addresses; more go before them.
func (s *site) environment(more ...string) []string {
	host, port, _ := strings.Cut(s.addresses["telemetry"], ":")
	env := []string{
		"EMBEDDING_UPSTREAM=http://" + s.addresses["EMBEDDING_UPSTREAM"],
		"VLLM_TARGET=" + s.addresses["EMBEDDING_UPSTREAM"],
		"LOKI_ENDPOINT=http://" + s.addresses["LOKI_ENDPOINT"] + "/otlp",
		"OTLP_ENDPOINT=http://" + s.addresses["OTLP_ENDPOINT"],
		"EMBEDDING_STORAGE=" + s.storage,
		"EMBEDDING_REQUEST_LOG=" + filepath.Join(s.t.TempDir(), "requests.jsonl"),
		"EMBEDDING_TELEMETRY=" + host,
		"EMBEDDING_TELEMETRY_PORT=" + port,
	}
	for _, name := range []string{"EMBEDDING_TAP", "EMBEDDING_INGEST", "EMBEDDING_METRICS", "EMBEDDING_HEALTH", "OTLP_GRPC", "OTLP_HTTP"} {
		env = append(env, name+"="+s.addresses[name])
	}
	return append(env, more...)
}

// asOnPage puts the default addresses and folders in place of the site's own.
func (s *site) asOnPage(output string) string {
	pairs := []string{s.storage, "/var/lib/otelcol-embedding"}
	for name, address := range s.addresses {
		pairs = append(pairs, address, strings.Replace(defaults[name], "localhost", "127.0.0.1", 1))
	}
	return strings.NewReplacer(pairs...).Replace(output)
}

// start starts a collector with a configuration of config/ and YAML that is merged over it.
func (s *site) start(config string, over ...string) *collector.Process {
	s.t.Helper()
	return collector.Start(s.t, collector.Binary(s.t), s.environment(), arguments(s.t, config, over...)...)
}

func arguments(t *testing.T, config string, over ...string) []string {
	args := []string{"--config", filepath.Join(collector.Root(t), "config", config)}
	for _, text := range over {
		args = append(args, "--config", "yaml:"+text)
	}
	return args
}

// demo starts the demo server where the site's upstream is.
func (s *site) demo() {
	s.t.Helper()
	p := collector.Start(s.t, collector.Demo(s.t), nil, "serve", "--endpoint", s.addresses["EMBEDDING_UPSTREAM"])
	p.WaitHTTP("http://" + s.addresses["EMBEDDING_UPSTREAM"] + "/health")
}

// answers makes a server at one of the site's addresses that answers every call with status.
func (s *site) answers(name string, status int) {
	s.t.Helper()
	server := &http.Server{Addr: s.addresses[name], ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })}
	go func() { _ = server.ListenAndServe() }()
	s.t.Cleanup(func() { _ = server.Close() })
}

// ready waits until the collector is healthy.
func (s *site) ready(p *collector.Process) *collector.Process {
	s.t.Helper()
	p.WaitHTTP("http://" + s.addresses["EMBEDDING_HEALTH"])
	return p
}

// post posts JSON and returns the answer's body.
func (s *site) post(name, path, body string) string {
	s.t.Helper()
	resp, err := http.Post("http://"+s.addresses[name]+path, "application/json", strings.NewReader(body))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var answer bytes.Buffer
	_, err = answer.ReadFrom(resp.Body)
	require.NoError(s.t, err)
	return answer.String()
}

// embed sends a call through the tap and returns the answer's body.
func (s *site) embed() string {
	s.t.Helper()
	return s.post("EMBEDDING_TAP", "/v1/embeddings", `{"model": "qwen3-embedding-4b", "input": "a text"}`)
}
