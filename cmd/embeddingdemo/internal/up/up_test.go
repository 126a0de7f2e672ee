package up

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Environment of the test binary when it plays the collector.
const (
	roleVariable   = "EMBEDDINGDEMO_TEST_COLLECTOR"
	healthVariable = "EMBEDDINGDEMO_TEST_HEALTH"
	tapVariable    = "EMBEDDINGDEMO_TEST_TAP"
)

// Roles of the collector.
const (
	roleWell     = "well"
	roleNoStart  = "no-start"
	roleNoHealth = "no-health"
	roleDies     = "dies" // when /die is asked of its health endpoint
	roleStubborn = "stubborn"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playCollector(role))
	}
	goleak.VerifyTestMain(m)
}

// playCollector is a collector as far as up can tell: a tap and a health check.
func playCollector(role string) int {
	fmt.Println("args:", os.Args[1:])
	if role == roleNoStart {
		fmt.Fprintln(os.Stderr, "Error: listen tcp 127.0.0.1:8080: bind: address already in use")
		return 1
	}
	upstream, err := url.Parse(os.Getenv(UpstreamVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	die := make(chan struct{})
	health := http.NewServeMux()
	health.HandleFunc("GET /die", func(http.ResponseWriter, *http.Request) { close(die) })
	if role != roleNoHealth {
		health.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	}
	go func() { fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv(healthVariable), health)) }()
	go func() {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv(tapVariable), httputil.NewSingleHostReverseProxy(upstream)))
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	for {
		select {
		case <-die:
			fmt.Fprintln(os.Stderr, "panic: out of luck")
			return 2
		case <-signals:
			if role == roleStubborn {
				fmt.Fprintln(os.Stderr, "not now")
				continue
			}
			fmt.Println("shutdown complete")
			return 0
		}
	}
}

// freeAddress returns an address at which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func testConfig(t *testing.T, role string) Config {
	t.Helper()
	health, tap := freeAddress(t), freeAddress(t)
	t.Setenv(roleVariable, role)
	t.Setenv(healthVariable, health)
	t.Setenv(tapVariable, tap)
	binary, err := os.Executable()
	require.NoError(t, err)
	config := DefaultConfig()
	config.Collector = binary
	config.CollectorConfig = filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(config.CollectorConfig, nil, 0o600))
	config.CollectorArgs = []string{"--set=a=b"}
	config.CollectorLog = filepath.Join(t.TempDir(), "logs", "collector.log")
	config.Server.Endpoint = "localhost:0"
	config.Tap, config.Health = "http://"+tap, "http://"+health+"/"
	config.Load.Rate = 200
	config.StatusInterval = 20 * time.Millisecond
	return config
}

// output is a writer that can be read while it is written to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// started is a Run in the background.
type started struct {
	out    *output
	cancel context.CancelFunc
	err    chan error
}

func start(t *testing.T, config Config) started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := started{out: &output{}, cancel: cancel, err: make(chan error, 1)}
	go func() { s.err <- Run(ctx, config, s.out) }()
	return s
}

func (s started) awaitOutput(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(s.out.String(), text) }, 30*time.Second,
		10*time.Millisecond, "no %q in %s", text, s.out)
}

func logOf(t *testing.T, config Config) string {
	t.Helper()
	b, err := os.ReadFile(config.CollectorLog)
	require.NoError(t, err)
	return string(b)
}

func TestDemoRunsUntilToldToStop(t *testing.T) {
	config := testConfig(t, roleWell)
	config.Faults = []string{"errors=1,503,3"}
	s := start(t, config)
	s.awaitOutput(t, "3 errors")
	s.cancel()
	require.NoError(t, <-s.err)

	out := s.out.String()
	for _, want := range []string{
		"DEMO DATA", config.Tap + "/v1", config.Metrics, config.Ingest, config.CollectorLog, "/faults",
		"EMBEDDING_UPSTREAM=http://host:8000 make run", "demo load:", "503: 3",
	} {
		assert.Contains(t, out, want)
	}
	log := logOf(t, config)
	assert.Contains(t, log, "args: [--config "+config.CollectorConfig+" --set=a=b]")
	assert.Contains(t, log, "shutdown complete", "the collector was asked to end, not killed")
	assert.NoError(t, portsFree(t.Context(), map[string]string{"tap": config.Tap, "health": config.Health}))
}

func TestUpstreamOfTheUsersOwn(t *testing.T) {
	config := testConfig(t, roleWell)
	var mu sync.Mutex
	var paths []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
	}))
	defer upstream.Close()
	config.Upstream = upstream.URL + "/v1/"
	config.Server.Endpoint = "nowhere" // would fail if a demo server was started
	s := start(t, config)
	s.awaitOutput(t, "Ctrl-C")
	assert.Contains(t, s.out.String(), "watching "+upstream.URL+"\n")
	assert.NotContains(t, s.out.String(), "DEMO")

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(config.Tap + "/v1/models")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	s.cancel()
	require.NoError(t, <-s.err)
	assert.Equal(t, []string{"/v1/models"}, paths, "only what the user sent")
}

func TestCollectorThatDoesNotStart(t *testing.T) {
	config := testConfig(t, roleNoStart)
	err := <-start(t, config).err
	require.ErrorContains(t, err, "the collector ended at its start (exit status 1)")
	assert.ErrorContains(t, err, "address already in use")
	assert.ErrorContains(t, err, config.CollectorLog)
}

func TestCollectorThatIsNeverReady(t *testing.T) {
	config := testConfig(t, roleNoHealth)
	config.StartTimeout = 300 * time.Millisecond
	err := <-start(t, config).err
	require.ErrorContains(t, err, "not ready within 300ms")
	assert.ErrorContains(t, err, config.Health)
}

func TestStopDuringTheStart(t *testing.T) {
	config := testConfig(t, roleNoHealth)
	s := start(t, config)
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(config.CollectorLog)
		return err == nil && strings.Contains(string(b), "args:")
	}, 30*time.Second, time.Millisecond)
	s.cancel()
	require.NoError(t, <-s.err)
}

func TestCollectorThatDies(t *testing.T) {
	config := testConfig(t, roleDies)
	s := start(t, config)
	s.awaitOutput(t, "demo load: ")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Get(config.Health + "die"); err == nil { // or it died before it answered
		require.NoError(t, response.Body.Close())
	}
	err := <-s.err
	require.ErrorContains(t, err, "the collector ended unexpectedly (exit status 2)")
	assert.ErrorContains(t, err, "panic: out of luck")
}

func TestCollectorThatDoesNotEnd(t *testing.T) {
	config := testConfig(t, roleStubborn)
	config.StopTimeout = 300 * time.Millisecond
	s := start(t, config)
	s.awaitOutput(t, "demo load: ")
	s.cancel()
	require.NoError(t, <-s.err)
	assert.Contains(t, s.out.String(), "did not end within 300ms and was killed")
	assert.Contains(t, logOf(t, config), "not now")
}

func TestPortInUse(t *testing.T) {
	config := testConfig(t, roleWell)
	l, err := net.Listen("tcp", strings.TrimPrefix(config.Tap, "http://"))
	require.NoError(t, err)
	defer l.Close()
	require.ErrorContains(t, <-start(t, config).err, "tap: something listens at "+config.Tap+" already")
	assert.NoFileExists(t, config.CollectorLog, "nothing was started")
}

func TestWrongDemoSettings(t *testing.T) {
	config := testConfig(t, roleWell)
	config.Faults = []string{"nowhere=1"}
	require.ErrorContains(t, <-start(t, config).err, "demo server: fault: unknown fault")

	config = testConfig(t, roleWell)
	config.Load.Rate = 0
	require.ErrorContains(t, <-start(t, config).err, "rate: is 0")
}

func TestCollectorIsNoProgram(t *testing.T) {
	config := testConfig(t, roleWell)
	config.Collector = config.CollectorConfig
	require.ErrorContains(t, <-start(t, config).err, "starting the collector")
}

func TestValidate(t *testing.T) {
	err := Config{Collector: "no/such/file", Upstream: "host:8000", Tap: "x"}.Validate()
	for _, flag := range []string{
		"collector", "config", "collector-log", "upstream", "tap", "metrics", "ingest", "health", "start-timeout",
		"stop-timeout", "status-interval",
	} {
		assert.ErrorContains(t, err, flag+": ")
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	assert.Contains(t, tail(path), "no such file")

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.Equal(t, "  ", tail(path))

	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat(strings.Repeat("x", 1000)+"\n", 100)+"end\n"), 0o600))
	got := strings.Split(tail(path), "\n")
	assert.LessOrEqual(t, len(got), tailLines)
	assert.Equal(t, "  end", got[len(got)-1])

	lines := slices.Repeat([]string{"line"}, 50)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	assert.Len(t, strings.Split(tail(path), "\n"), tailLines)
}
