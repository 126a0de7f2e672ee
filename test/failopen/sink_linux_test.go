package failopen

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// sink is a backend that takes logs over OTLP/HTTP, or does not.
type sink struct {
	t       *testing.T
	address string

	mu      sync.Mutex
	events  map[string]int // how often each event came, by the user agent of its call
	refuse  bool           // answers with 503
	hold    chan struct{}  // requests are not answered before it is closed
	waiting int            // requests that are not answered
}

// newSink returns a sink that nobody can connect to before it listens.
func newSink(t *testing.T) *sink {
	open := make(chan struct{})
	close(open)
	return &sink{t: t, address: collector.Address(t), events: map[string]int{}, hold: open}
}

func (s *sink) url() string { return "http://" + s.address }

func (s *sink) listen() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	require.NoError(s.t, err)
	srv := httptest.NewUnstartedServer(s)
	require.NoError(s.t, srv.Listener.Close())
	srv.Listener = l
	srv.Start()
	s.t.Cleanup(func() {
		s.release()
		srv.CloseClientConnections()
		srv.Close()
	})
}

// stall makes the sink take requests and not answer them, until it is released.
func (s *sink) stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = make(chan struct{})
}

func (s *sink) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.hold:
	default:
		close(s.hold)
	}
}

func (s *sink) setRefuse(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the collector was killed
	}
	s.mu.Lock()
	hold := s.hold
	s.waiting++
	s.mu.Unlock()
	<-hold
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	if s.refuse {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	req := plogotlp.NewExportRequest()
	if !assert.NoError(s.t, req.UnmarshalProto(body)) {
		return
	}
	for _, rl := range req.Logs().ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				var ev embedding.Event
				assert.True(s.t, ev.ReadLogRecord(lr))
				s.events[ev.UserAgent]++
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// distinct returns how many events have come, each counted once.
func (s *sink) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// times returns how often the event of the nth call has come.
func (s *sink) times(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[agent(n)]
}

// stalled returns how many requests are not answered.
func (s *sink) stalled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}
