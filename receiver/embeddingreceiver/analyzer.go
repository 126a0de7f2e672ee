package embeddingreceiver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

// format is what the tap's telemetry is called in the collector's own.
const tapFormat = "tap"

// analyzer makes events of calls, in goroutines of its own.
type analyzer struct {
	batcher       *batcher
	telemetry     *metadata.TelemetryBuilder
	logger        *zap.Logger
	memory        *memory
	newTexts      func() *embedding.TextReader
	cfg           *AnalysisConfig
	serverAddress string
	serverPort    int

	cancel  context.CancelFunc
	workers sync.WaitGroup
	// lastWarning is when something lost was last logged, in Unix nanoseconds.
	lastWarning atomic.Int64
}

// start starts n workers, which end when calls is closed.
func (a *analyzer) start(n int, calls <-chan *call) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.batcher.start(ctx)
	for range n {
		w := &worker{analyzer: a, texts: a.newTexts()}
		a.workers.Go(func() {
			defer w.decoder.close()
			for c := range calls {
				w.process(ctx, c)
			}
		})
	}
}

// shutdown waits for the workers and for the last batch; when ctx ends first it makes them drop what is left.
func (a *analyzer) shutdown(ctx context.Context) {
	defer context.AfterFunc(ctx, a.cancel)()
	a.workers.Wait()
	a.batcher.shutdown()
	a.cancel()
}

// warningInterval is the time for which one warning of lost telemetry stands for all.
const warningInterval = time.Minute

// drop counts n events or spans that were lost.
func (a *analyzer) drop(n int, why reason, err error) {
	a.telemetry.EmbeddingTapDroppedEvents.Add(context.Background(), int64(n), why.attributes())
	a.warn("Events of the tap are dropped; calls are not affected", zap.String("reason", string(why)), zap.Error(err))
}

func (a *analyzer) warn(message string, fields ...zap.Field) {
	now, last := time.Now().UnixNano(), a.lastWarning.Load()
	if now-last < int64(warningInterval) || !a.lastWarning.CompareAndSwap(last, now) {
		return
	}
	a.logger.Warn(message, append(fields, zap.Duration("silent_for", warningInterval))...)
}

// worker makes events of calls, one at a time, and reuses its memory for the next.
type worker struct {
	*analyzer
	event   embedding.Event
	texts   *embedding.TextReader
	decoder contentDecoder
}

func (w *worker) process(ctx context.Context, c *call) {
	begin := time.Now()
	if ctx.Err() != nil {
		c.release(w.memory)
		w.drop(1, reasonShutdown, nil)
		return
	}
	w.describe(c)
	why := w.analyze(c)
	w.complete(c)
	c.release(w.memory)
	if why != "" {
		w.telemetry.EmbeddingTapUnanalyzedCalls.Add(ctx, 1, why.attributes())
	}
	w.judge(c)
	w.emit(ctx, c)
	w.telemetry.EmbeddingTapAnalysisDuration.Record(ctx, time.Since(begin).Seconds())
}

// describe begins the event with what HTTP says of the call.
func (w *worker) describe(c *call) {
	w.event.Reset()
	w.event.Time = c.start
	w.event.Duration = c.duration
	w.event.UpstreamDuration = c.upstream
	w.event.CountVectors = w.cfg.VectorSamplingRatio < 1 && rand.Float64() >= w.cfg.VectorSamplingRatio
	w.event.Provider = w.cfg.Provider
	w.event.ServerAddress = w.serverAddress
	w.event.ServerPort = w.serverPort
	w.event.URLPath = c.path
	w.event.UserAgent = c.userAgent
	w.event.Canary = embedding.IsCanary(c.userAgent)
	w.event.StatusCode = c.status
	w.event.RequestID = c.requestID
	if w.event.RequestID == "" && c.header != nil {
		w.event.RequestID = requestID(c.header) // the server's own
	}
}

// analyze adds what the bodies say. It returns why it could not read all of a call that was served, or nothing: a
// request that the server refused, or an answer that broke off, are no fault of the analysis.
func (w *worker) analyze(c *call) (why reason) {
	defer func() {
		if p := recover(); p != nil {
			w.warn("A body made the tap's analysis panic; its event holds no more than HTTP says",
				zap.String("panic", fmt.Sprint(p)), zap.Stack("stack"))
			w.describe(c) // the reader may have left anything in the event
			why = reasonPanic
		}
	}()
	w.texts.Reset()
	why = w.read(&c.request, c.requestEncoding, func(body []byte) error {
		return c.dialect.ReadRequest(body, w.texts, &w.event)
	})
	if w.event.TaskType == "" {
		w.event.TaskType = w.texts.Task()
	}
	if c.header != nil && c.errorType == "" {
		answer := w.read(&c.response, c.header.Get("Content-Encoding"), func(body []byte) error {
			return c.dialect.ReadResponse(c.header, body, &w.event)
		})
		if why == "" {
			why = answer
		}
		if c.response.lost != "" && succeeded(c.status) && identity(c.header.Get("Content-Encoding")) {
			c.dialect.ReadEnd(c.header, c.response.end, &w.event)
		}
	}
	if c.errorType != "" || !succeeded(c.status) {
		return ""
	}
	return why
}

// complete adds what is known of the client and the server and no body says.
func (w *worker) complete(c *call) {
	if w.event.RequestModel == "" && w.event.ResponseModel == "" {
		w.event.ResponseModel = w.cfg.Model
	}
	if w.event.HasInputTokens {
		w.event.TokensUnit = w.cfg.TokensUnit
	}
	if w.event.ClientID = w.texts.ClientID(c.client); w.event.ClientID == "" {
		w.event.ClientID = w.texts.ClientID(c.peer)
	}
}

// read decodes a body's content encoding and lets reader read the result.
func (w *worker) read(body *capture, encoding string, reader func(body []byte) error) reason {
	if body.lost != "" {
		return body.lost
	}
	decoded, why := w.decoder.decode(body, encoding, w.memory)
	if why != "" {
		return why
	}
	defer decoded.release(w.memory)
	if err := reader(decoded.bytes()); err != nil {
		return reasonMalformed
	}
	return ""
}

// judge gives a call that failed its error type.
func (w *worker) judge(c *call) {
	switch {
	case c.errorType != "":
		w.event.ErrorType = c.errorType
	case !succeeded(c.status) && w.event.ErrorType == "":
		w.event.ErrorType = strconv.Itoa(c.status)
	}
}

func succeeded(status int) bool { return status >= 200 && status < 300 }

// emit hands the event on, as a log record and as a span, where there are pipelines for them.
func (w *worker) emit(ctx context.Context, c *call) {
	w.event.TraceID, w.event.SpanID, w.event.TraceFlags = c.span.traceID, c.span.spanID, uint32(c.span.flags)
	w.batcher.add(ctx, &w.event, c)
}
