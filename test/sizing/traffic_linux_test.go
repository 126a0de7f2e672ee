//go:build sizing

package sizing

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// traffic is how clients call: at a rate, with so many texts a call, and the encoding that they ask for.
type traffic struct {
	rate     int
	texts    int
	encoding string
}

// send calls the tap for a time and returns how many calls there were. It does not wait for answers before the next call is due.
func (c traffic) send(t *testing.T, tap string, duration time.Duration) int {
	if c.rate == 0 {
		time.Sleep(duration)
		return 0
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	ticker := time.NewTicker(time.Second / time.Duration(c.rate))
	defer ticker.Stop()
	var calls sync.WaitGroup
	var failed atomic.Int64
	sent := 0
	for end := time.Now().Add(duration); time.Now().Before(end); <-ticker.C {
		n := sent
		sent++
		calls.Go(func() {
			if err := c.call(client, tap, n); err != nil {
				failed.Add(1)
			}
		})
	}
	calls.Wait()
	require.Zero(t, failed.Load(), "calls failed: the machine is too slow for %+v", c)
	return sent
}

func (c traffic) call(client *http.Client, tap string, n int) error {
	texts := make([]string, c.texts)
	for i := range texts {
		texts[i] = fmt.Sprintf("a text of the usual length, such as a passage of a document in a store, number %d of call %d, at %d",
			i, n, time.Now().UnixNano())
	}
	body, err := json.Marshal(map[string]any{"model": "qwen3-embedding-4b", "input": texts, "encoding_format": c.encoding})
	if err != nil {
		return err
	}
	resp, err := client.Post("http://"+tap+"/v1/embeddings", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return collector.Answered(resp)
}

// sink is a backend that takes logs and traces, and measures them.
type sink struct {
	address string
	server  *httptest.Server

	mu              sync.Mutex
	compressed      int64 // bytes of bodies with logs
	events, windows records
}

// records are log records of one kind and their size before compression.
type records struct {
	n, bytes int64
}

func startSink(t *testing.T, address string) *sink {
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	s := &sink{address: address}
	s.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: s}}
	s.server.Start()
	t.Cleanup(s.stop)
	return s
}

func (s *sink) stop() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-protobuf")
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/otlp/v1/logs" {
		return
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return
	}
	raw, err := io.ReadAll(unzipped)
	if err != nil {
		return
	}
	req := plogotlp.NewExportRequest()
	if req.UnmarshalProto(raw) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compressed += int64(len(body))
	for _, resource := range req.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				switch record.EventName() {
				case embedding.RequestEventName:
					s.events.add(record)
				case embedding.WindowEventName:
					s.windows.add(record)
				}
			}
		}
	}
}

func (r *records) add(record plog.LogRecord) {
	logs := plog.NewLogs()
	record.CopyTo(logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty())
	r.n++
	r.bytes += int64((&plog.ProtoMarshaler{}).LogsSize(logs))
}

// counts returns what came so far.
func (s *sink) counts() (compressed int64, events, windows records) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compressed, s.events, s.windows
}

// relay passes connections on and counts the bytes that clients send.
type relay struct{ sent atomic.Int64 }

func startRelay(t *testing.T, from, to string) *relay {
	l, err := net.Listen("tcp", from)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	r := &relay{}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			go func() {
				_, _ = io.Copy(io.MultiWriter(server, r), client)
				_ = server.Close()
			}()
		}
	}()
	return r
}

// Write counts.
func (r *relay) Write(p []byte) (int, error) {
	r.sent.Add(int64(len(p)))
	return len(p), nil
}
