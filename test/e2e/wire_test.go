//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// wire stands where a client or the tap expects the server, passes every call on to it, and keeps what went over the
// wire of those that ask for embeddings.
type wire struct {
	url    string
	server string // base URL of what answers

	mu        sync.Mutex
	exchanges []exchange
}

func startWire(t *testing.T) *wire {
	w := &wire{}
	front := httptest.NewServer(w)
	t.Cleanup(front.Close)
	w.url = front.URL
	return w
}

// wireTransport adds nothing of its own to a request, and opens no new connection where one is idle.
var wireTransport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256}

func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	e, header, err := w.pass(r)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	if isEmbeddingCall(r) {
		e.header.Del("Connection") // is each side's own
		w.mu.Lock()
		w.exchanges = append(w.exchanges, e)
		w.mu.Unlock()
	}
	maps.Copy(rw.Header(), header)
	rw.WriteHeader(e.status)
	_, _ = rw.Write(e.response)
}

func (w *wire) pass(r *http.Request) (e exchange, header http.Header, err error) {
	e = exchange{path: r.URL.RequestURI(), header: r.Header.Clone()}
	if e.request, err = io.ReadAll(r.Body); err != nil {
		return e, nil, err
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, w.server+e.path, bytes.NewReader(e.request))
	if err != nil {
		return e, nil, err
	}
	req.Header = r.Header
	resp, err := wireTransport.RoundTrip(req)
	if err != nil {
		return e, nil, err
	}
	defer resp.Body.Close()
	e.status = resp.StatusCode
	e.response, err = io.ReadAll(resp.Body)
	return e, resp.Header, err
}

func isEmbeddingCall(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/embeddings") || r.URL.Path == "/api/embed")
}

// calls returns what was kept, in an order that does not depend on when it came.
func (w *wire) calls() []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := slices.Clone(w.exchanges)
	slices.SortStableFunc(calls, func(a, b exchange) int {
		return cmp.Or(
			bytes.Compare(a.request, b.request),
			cmp.Compare(fmt.Sprint(a.header), fmt.Sprint(b.header)), // by name
			cmp.Compare(a.status, b.status))
	})
	return calls
}

// wiredStack is a stack with a wire between the tap and the server, and another one for clients without the tap.
type wiredStack struct {
	*stack
	through, direct *wire
}

func startWiredStack(t *testing.T) *wiredStack {
	s := &wiredStack{through: startWire(t), direct: startWire(t)}
	s.stack = startStack(t, nil, fmt.Sprintf("receivers: {embedding: {tap: {upstream: {endpoint: %q}}}}", s.through.url))
	s.through.server, s.direct.server = s.server, s.server
	return s
}

// report is what a client's script prints when all of its checks have passed.
type report struct {
	Calls     int            // through the tap, each attempt
	TaskTypes map[string]int `json:"task_types"` // calls by task type
}

// python runs a script of test/clients and returns its report.
func python(t *testing.T, interpreter string, env []string, script string, args ...string) report {
	t.Helper()
	cmd := exec.Command(interpreter, append([]string{script}, args...)...)
	cmd.Dir = filepath.Join(collector.Root(t), "test", "clients")
	cmd.Env = append(append(os.Environ(), loopbackOnly...), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", out, &stderr)
	var r report
	require.NoError(t, json.Unmarshal(out, &r), string(out))
	require.Positive(t, r.Calls)
	return r
}

// loopbackOnly keeps Python's HTTP libraries from a proxy that the environment names.
var loopbackOnly = []string{"NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost"}

// assertUnseen checks that the server got through the tap exactly what it got without: the same headers and the same
// bytes.
func (s *wiredStack) assertUnseen() {
	s.t.Helper()
	through, direct := s.through.calls(), s.direct.calls()
	require.Equal(s.t, len(direct), len(through), "calls that reached the server")
	statuses := map[int]int{} // of concurrent requests, a planted error hits any
	for i := range through {
		require.Equal(s.t, direct[i].path, through[i].path)
		require.Equal(s.t, direct[i].header, through[i].header, "%.200s", direct[i].request)
		require.True(s.t, bytes.Equal(direct[i].request, through[i].request),
			"%.200s\nthrough the tap: %.200s", direct[i].request, through[i].request)
		statuses[through[i].status]++
		statuses[direct[i].status]--
	}
	for status, n := range statuses {
		require.Zero(s.t, n, "status %d through the tap more often than directly", status)
	}
}

// assertEvents waits for the events of what the server got through the tap, and checks that there is one for each
// call and says what went over the wire. It returns the events.
func (s *wiredStack) assertEvents(want report) []embedding.Event {
	s.t.Helper()
	calls := s.through.calls()
	require.Equal(s.t, want.Calls, len(calls), "calls that reached the server")
	prometheus := startPrometheus(s.t, s.metrics)
	prometheus.eventually(`sum(embedding_requests_total)`,
		func(v float64) bool { return v >= float64(want.Calls) }, "every call counted")
	assert.Equal(s.t, float64(want.Calls), prometheus.value(`sum(embedding_requests_total)`))
	failed := 0
	expected := make([]summary, 0, len(calls))
	for _, e := range calls {
		expected = append(expected, summarize(s.t, e))
		if e.status >= 400 {
			failed++
		}
	}
	assert.Equal(s.t, float64(failed), prometheus.value(`sum(embedding_request_errors_total)`))

	events := s.events(want.Calls)
	logged := make([]summary, 0, len(events))
	taskTypes := map[string]int{}
	for _, e := range events {
		taskTypes[e.Task()]++
		logged = append(logged, summary{
			trace: e.TraceID.String(), userAgent: e.UserAgent, path: e.URLPath, model: e.Model(), id: e.ResponseID,
			status: e.StatusCode, inputs: e.InputCount, tokens: int(e.InputTokens), vectors: e.OutputCount,
			dimension: e.OutputDimension, failed: e.Failed(),
		})
	}
	assert.Equal(s.t, want.TaskTypes, taskTypes)
	surplus := tally(logged)
	for _, e := range expected {
		surplus[e]--
	}
	maps.DeleteFunc(surplus, func(_ summary, n int) bool { return n == 0 })
	assert.Empty(s.t, surplus, "events that differ from what went over the wire, and calls (-1) without theirs")
	return events
}

// events reads the request log once it holds n events.
func (s *stack) events(n int) []embedding.Event {
	s.t.Helper()
	var events []embedding.Event
	deadline := time.Now().Add(30 * time.Second)
	for {
		log, err := os.ReadFile(s.requestLog)
		require.NoError(s.t, err)
		events = events[:0]
		for line := range bytes.Lines(log) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				break // is still being written
			}
			batch, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
			require.NoError(s.t, err)
			for _, resource := range batch.ResourceLogs().All() {
				for _, scope := range resource.ScopeLogs().All() {
					for _, record := range scope.LogRecords().All() {
						var e embedding.Event
						if e.ReadLogRecord(record) {
							events = append(events, e)
						}
					}
				}
			}
		}
		if len(events) >= n || time.Now().After(deadline) {
			require.Equal(s.t, n, len(events), "events in the request log")
			return events
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// summary is what an event must say of a call, as far as the wire shows it.
type summary struct {
	trace, userAgent, path, model, id          string
	status, inputs, tokens, vectors, dimension int
	failed                                     bool
}

// summarize reads a call by its own means, as the APIs of OpenAI and of Ollama say.
func summarize(t *testing.T, e exchange) summary {
	t.Helper()
	var request struct {
		Model string
		Input any
	}
	require.NoError(t, json.Unmarshal(e.request, &request))
	s := summary{
		userAgent: e.header.Get("User-Agent"), model: request.Model, status: e.status, inputs: 1,
		failed: e.status >= 400,
	}
	s.path, _, _ = strings.Cut(e.path, "?")
	if traceparent := strings.Split(e.header.Get("Traceparent"), "-"); len(traceparent) == 4 {
		s.trace = traceparent[1]
	}
	if list, ok := request.Input.([]any); ok {
		if _, isToken := list[0].(float64); !isToken {
			s.inputs = len(list)
		}
	}
	if s.failed {
		return s
	}
	var answer struct {
		ID    string
		Model string
		Data  []struct {
			Embedding any
		}
		Embeddings [][]float32
		Usage      struct {
			Tokens int `json:"prompt_tokens"`
		}
		Tokens int `json:"prompt_eval_count"`
	}
	require.NoError(t, json.Unmarshal(e.response, &answer))
	s.model = cmp.Or(s.model, answer.Model) // Azure has the name in the path
	s.id = answer.ID
	s.tokens = answer.Usage.Tokens + answer.Tokens
	s.vectors = len(answer.Data) + len(answer.Embeddings)
	for _, d := range answer.Data {
		switch vector := d.Embedding.(type) {
		case []any:
			s.dimension = len(vector)
		case string: // base64 of four bytes a number
			s.dimension = len(strings.TrimRight(vector, "=")) * 3 / 4 / 4
		}
	}
	for _, vector := range answer.Embeddings {
		s.dimension = len(vector)
	}
	return s
}

// tally counts equal summaries.
func tally(summaries []summary) map[summary]int {
	counts := make(map[summary]int, len(summaries))
	for _, s := range summaries {
		counts[s]++
	}
	return counts
}
