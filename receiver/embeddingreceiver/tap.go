package embeddingreceiver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

// tap is the transparent proxy: an HTTP server whose handler passes every request on to the upstream, copies the
// bodies of embedding calls on their way, and queues the copies for its workers.
type tap struct {
	cfg       *TapConfig
	set       component.TelemetrySettings
	telemetry *metadata.TelemetryBuilder
	// lookup finds the API of a call; nil and false mean that the call is none to an embedding server.
	lookup func(method, path string) (dialect.Dialect, bool)

	upstream upstream
	proxy    *httputil.ReverseProxy
	observe  observation
	queue    *queue
	analyzer *analyzer

	server         server
	cancelRequests context.CancelFunc
}

func newTap(
	cfg *TapConfig,
	set component.TelemetrySettings,
	out *output,
	telemetry *metadata.TelemetryBuilder,
	newTexts func() *embedding.TextReader,
	lookup func(method, path string) (dialect.Dialect, bool),
) (*tap, error) {
	base, err := url.Parse(cfg.Upstream.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse upstream::endpoint: %w", err)
	}
	port, err := urlPort(base)
	if err != nil {
		return nil, fmt.Errorf("parse upstream::endpoint: %w", err)
	}
	t := &tap{
		cfg:       cfg,
		set:       set,
		telemetry: telemetry,
		lookup:    lookup,
		upstream:  newUpstream(base),
		observe: observation{
			memory:          newMemory(cfg.Analysis.CaptureMemoryLimit, cfg.Analysis.MaxCapturedBodySize),
			clientIDHeaders: cfg.Analysis.ClientIDHeaders,
			spans:           out.traces != nil,
			continueTrace:   cfg.Analysis.TraceContext == TraceContextContinue,
		},
		queue: newQueue(cfg.Analysis.QueueSize),
	}
	t.analyzer = &analyzer{
		telemetry:     telemetry,
		logger:        set.Logger,
		memory:        t.observe.memory,
		newTexts:      newTexts,
		cfg:           &cfg.Analysis,
		serverAddress: base.Hostname(),
		serverPort:    port,
	}
	t.analyzer.batcher = &batcher{
		out:      out,
		service:  cfg.Analysis.ServiceName,
		interval: cfg.Analysis.FlushInterval,
		drop:     t.analyzer.drop,
	}
	if cfg.Analysis.ShedLoad {
		t.observe.shedder = newShedder(func() {
			t.analyzer.warn("The collector is short of CPU: the tap leaves answers unread; calls are not affected",
				zap.String("reason", string(reasonCPU)))
		})
	}
	return t, nil
}

func (t *tap) start(ctx context.Context, host component.Host) error {
	err := t.telemetry.RegisterEmbeddingTapCapturedMemoryCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(t.observe.memory.used.Load())
		return nil
	})
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	err = t.telemetry.RegisterEmbeddingTapQueueLengthCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(len(t.queue.calls)))
		return nil
	})
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	err = t.telemetry.RegisterEmbeddingTapCaptureRatioCallback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(t.observe.captured())
		return nil
	})
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	if err := t.upstream.connect(ctx, &t.cfg.Upstream, host, t.set.Logger); err != nil {
		return err
	}
	errorLog, err := zap.NewStdLogAt(t.set.Logger, zap.DebugLevel)
	if err != nil {
		return fmt.Errorf("create log of the proxy: %w", err)
	}
	t.proxy = &httputil.ReverseProxy{
		Rewrite:        t.upstream.rewrite,
		Transport:      t.upstream.transport,
		FlushInterval:  -1, // a stream's parts are passed on when they come
		ErrorLog:       errorLog,
		BufferPool:     &copyBuffers{},
		ModifyResponse: noteAnswer,
		ErrorHandler:   answerError,
	}
	if err := t.buildServer(ctx, host); err != nil {
		return err
	}
	if t.observe.shedder != nil {
		t.observe.shedder.start()
	}
	t.analyzer.start(t.cfg.Analysis.Workers, t.queue.calls)
	return t.server.serve(ctx, &t.cfg.ServerConfig, host)
}

func (t *tap) buildServer(ctx context.Context, host component.Host) error {
	cfg := t.cfg.ServerConfig
	// An empty list, unlike none, makes confighttp leave request bodies and Content-Encoding alone.
	cfg.CompressionAlgorithms = []string{}
	set := t.set
	// The tap makes its own span of a call; a second one for the same would be noise and cost time.
	set.TracerProvider, set.MeterProvider = tracenoop.NewTracerProvider(), metricnoop.NewMeterProvider()
	srv, err := cfg.ToServer(ctx, host.GetExtensions(), set, t)
	if err != nil {
		return fmt.Errorf("create server: %w", err)
	}
	srv.DisableGeneralOptionsHandler = true // OPTIONS * is for the upstream to answer
	if !cfg.TLS.HasValue() {
		// net/http leaves HTTP/2 without TLS out unless told, and clients with prior knowledge get no answer then.
		srv.Protocols = new(http.Protocols)
		srv.Protocols.SetHTTP1(true)
		srv.Protocols.SetUnencryptedHTTP2(true)
	}
	// Connections that switched protocols are not the server's any more: they end when their requests' context does.
	requests, cancel := context.WithCancel(context.Background())
	t.cancelRequests = cancel
	srv.BaseContext = func(net.Listener) context.Context { return requests }
	t.server.http = srv
	return nil
}

// ServeHTTP passes r on to the upstream and its answer back.
func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if timeout := t.cfg.Upstream.Timeout; timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	d, _ := t.lookup(r.Method, r.URL.Path)
	x := newExchange(w, r, d, &t.observe)
	t.pass(x, x.follow(r))
}

// pass passes the request on and the answer back. It panics with http.ErrAbortHandler when the answer breaks off.
func (t *tap) pass(x *exchange, r *http.Request) {
	passed := false
	if x.call != nil {
		t.telemetry.EmbeddingTapCalls.Add(r.Context(), 1)
		defer func() {
			call := x.finish(r.Context(), passed)
			if why := t.queue.offer(call); why != "" {
				call.release(t.observe.memory)
				t.analyzer.drop(1, why, nil)
			}
		}()
	}
	t.proxy.ServeHTTP(x, r)
	x.flushEmpty()
	passed, x.ended = true, time.Now()
	x.linger(r.Body)
}

// shutdown stops the server, then waits until the workers have handed on what was queued. When ctx ends first, the
// rest is dropped.
func (t *tap) shutdown(ctx context.Context) error {
	if t.server.http == nil {
		return nil // never got as far
	}
	err := t.server.shutdown(ctx)
	t.cancelRequests()
	if t.observe.shedder != nil {
		t.observe.shedder.stop()
	}
	t.queue.close()
	t.analyzer.shutdown(ctx)
	t.upstream.close()
	return err
}

// queue holds the calls that wait for a worker.
type queue struct {
	mu     sync.RWMutex // guards closed against offers of handlers that outlast the server's shutdown
	closed bool
	calls  chan *call
}

func newQueue(size int) *queue { return &queue{calls: make(chan *call, size)} }

// offer queues c without waiting. It returns why it could not, or nothing.
func (q *queue) offer(c *call) reason {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return reasonShutdown
	}
	select {
	case q.calls <- c:
		return ""
	default:
		return reasonQueueFull
	}
}

// close ends the queue once; what it holds can still be received.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.calls)
	}
}

// copyBuffers lends the buffers through which answers are copied.
type copyBuffers struct{ pool sync.Pool }

const copyBufferSize = 32 << 10

func (c *copyBuffers) Get() []byte {
	if b, ok := c.pool.Get().(*[copyBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, copyBufferSize)
}

func (c *copyBuffers) Put(b []byte) { c.pool.Put((*[copyBufferSize]byte)(b)) }
