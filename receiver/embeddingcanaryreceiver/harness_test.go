package embeddingcanaryreceiver

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

const (
	patience  = 30 * time.Second
	testModel = "m"
	dimension = 64
)

// server is an embedding server whose vectors depend on the letters of texts and on a seed, as if that were the model.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	seed     uint64
	seeds    map[string]uint64                                 // by the address that was called, in place of seed
	before   func(w http.ResponseWriter, r *http.Request) bool // answers in place of the server if it returns true
	requests []*http.Request
	times    []time.Time
	release  chan struct{} // closed when calls that hang shall end
}

func newServer(t testing.TB) *server { return newServerOn(t, "127.0.0.1:0") }

func newServerOn(t testing.TB, address string) *server {
	s := &server{release: make(chan struct{}), seeds: map[string]uint64{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	require.NoError(t, s.Listener.Close())
	var err error
	s.Listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		close(s.release)
		s.Close()
	})
	return s
}

func (s *server) endpoint() string { return s.URL + "/v1/embeddings" }

// set changes the server between two requests.
func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *server) answer(status int, header ...string) {
	s.set(func(s *server) {
		s.before = func(w http.ResponseWriter, _ *http.Request) bool {
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(status)
			return true
		}
	})
}

func (s *server) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests, s.times = append(s.requests, r), append(s.times, time.Now())
	before, seed := s.before, s.seed
	if host, _, err := net.SplitHostPort(r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()); err == nil {
		if own, ok := s.seeds[host]; ok {
			seed = own
		}
	}
	s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if before != nil && before(w, r) {
		return
	}
	var request struct {
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions"`
	}
	_ = json.Unmarshal(body, &request)
	type entry struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	var data []entry
	tokens := 0
	for i, text := range request.Input {
		data = append(data, entry{i, embed(text, seed)})
		tokens += 1 + len(text)/4
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data, "model": testModel, "usage": map[string]int{"prompt_tokens": tokens}})
}

// embed returns a text's vector: the normalised sum of a random vector for each run of four letters.
func embed(text string, seed uint64) []float32 {
	sum := make([]float64, dimension)
	text = "^" + text + "$$$"
	for i := range len(text) - 3 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(text[i : i+4]))
		random := rand.New(rand.NewPCG(h.Sum64(), seed))
		for k := range sum {
			sum[k] += random.NormFloat64()
		}
	}
	norm := 0.0
	for _, x := range sum {
		norm += x * x
	}
	v := make([]float32, dimension)
	for k, x := range sum {
		v[k] = float32(x / math.Sqrt(norm))
	}
	return v
}

// lookup is a resolver whose answers a test sets.
type lookup struct {
	mu    sync.Mutex
	hosts []string
	err   error
}

func (l *lookup) set(err error, hosts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts, l.err = hosts, err
}

func (l *lookup) LookupHost(context.Context, string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hosts, l.err
}

// rig is a receiver made and started through its factory, in pipelines of all signals.
type rig struct {
	t       testing.TB
	cfg     *Config
	metrics *consumertest.MetricsSink
	logs    *consumertest.LogsSink
	traces  *consumertest.TracesSink
	said    *observer.ObservedLogs
	parts   []component.Component
}

// quick makes rounds follow each other as soon as they may.
func quick(cfg *Config) {
	cfg.Interval, cfg.Jitter = minInterval, 0
	cfg.Budget.ServerTime = 1
	cfg.Learning.Rounds = 2
	cfg.Backoff = BackoffConfig{Initial: minInterval, Max: minInterval}
	cfg.Suite = SuiteConfig{Files: []string{filepath.Join("testdata", "texts.yaml")}}
}

func targetAt(endpoint string) TargetConfig {
	t := defaultTarget()
	t.ClientConfig.Endpoint = endpoint
	t.Probe.Model = testModel
	t.Probe.Name = "target"
	t.Probe.MaxTokens = 256 // no long texts: they would be most of a round
	return t
}

func prepare(t testing.TB, names resolver, endpoint string, configure ...func(*Config)) (*rig, error) {
	cfg := createDefaultConfig().(*Config)
	quick(cfg)
	cfg.Targets = []TargetConfig{targetAt(endpoint)}
	for _, change := range configure {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	core, said := observer.New(zap.InfoLevel)
	set := receivertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	set.BuildInfo.Version = "1.2.3"
	set.ID = component.NewID(metadata.Type) // the same for each start, as the storage has it
	r := &rig{
		t: t, cfg: cfg, metrics: &consumertest.MetricsSink{}, logs: &consumertest.LogsSink{}, traces: &consumertest.TracesSink{}, said: said,
	}
	f := newFactory(&factory{resolver: names, random: func() float64 { return 0 }})
	metrics, err := f.CreateMetrics(t.Context(), set, cfg, r.metrics)
	require.NoError(t, err)
	logs, err := f.CreateLogs(t.Context(), set, cfg, r.logs)
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, cfg, r.traces)
	require.NoError(t, err)
	r.parts = []component.Component{metrics, logs, traces}
	return r, nil
}

func (r *rig) startOn(host component.Host) error {
	var errs error
	for _, part := range r.parts {
		errs = errors.Join(errs, part.Start(r.t.Context(), host))
	}
	r.t.Cleanup(r.stop)
	return errs
}

func (r *rig) stop() {
	for _, part := range r.parts {
		require.NoError(r.t, part.Shutdown(context.Background()))
	}
}

func start(t testing.TB, endpoint string, configure ...func(*Config)) *rig {
	return startWith(t, componenttest.NewNopHost(), nil, endpoint, configure...)
}

func startWith(t testing.TB, host component.Host, names resolver, endpoint string, configure ...func(*Config)) *rig {
	r, err := prepare(t, names, endpoint, configure...)
	require.NoError(t, err)
	require.NoError(t, r.startOn(host))
	return r
}

// results are those of all rounds so far.
func (r *rig) results() []embedding.CanaryResult {
	var all []embedding.CanaryResult
	for _, ld := range r.logs.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, lr := range sl.LogRecords().All() {
					var c embedding.CanaryResult
					require.True(r.t, c.ReadLogRecord(lr))
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// wait returns the first result of a round from now on that is wanted.
func (r *rig) wait(what string, want func(*embedding.CanaryResult) bool) embedding.CanaryResult {
	r.t.Helper()
	return r.waitFrom(len(r.results()), what, want)
}

func (r *rig) waitFrom(seen int, what string, want func(*embedding.CanaryResult) bool) (found embedding.CanaryResult) {
	r.t.Helper()
	var last []embedding.CanaryResult
	require.Eventually(r.t, func() bool {
		last = r.results()[seen:]
		for i := range last {
			if want(&last[i]) {
				found = last[i]
				return true
			}
		}
		return false
	}, patience, 5*time.Millisecond, what)
	return found
}

func (r *rig) waitVerdict(v embedding.CanaryVerdict) embedding.CanaryResult {
	r.t.Helper()
	return r.wait(string(v), func(c *embedding.CanaryResult) bool { return c.Verdict == v })
}

func (r *rig) waitOutcome(o embedding.CanaryOutcome) embedding.CanaryResult {
	r.t.Helper()
	return r.wait(string(o), func(c *embedding.CanaryResult) bool { return c.Outcome == o })
}

// learned waits until there are pins.
func (r *rig) learned() embedding.CanaryResult {
	r.t.Helper()
	return r.waitVerdict(embedding.CanarySame)
}

// latest returns the metrics that were emitted last, by name.
func (r *rig) latest() map[string]pmetric.Metric {
	r.t.Helper()
	all := r.metrics.AllMetrics()
	require.NotEmpty(r.t, all)
	byName := map[string]pmetric.Metric{}
	for _, rm := range all[len(all)-1].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				byName[m.Name()] = m
			}
		}
	}
	return byName
}
