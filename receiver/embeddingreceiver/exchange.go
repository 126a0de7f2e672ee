package embeddingreceiver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
)

// maxRequestHint is how much memory a client's Content-Length alone can make the tap take, in bytes.
const maxRequestHint = 256 << 10

// call is what the tap learned of one call, with copies of its bodies. A worker makes the event of it.
type call struct {
	dialect   dialect.Dialect
	start     time.Time
	duration  time.Duration // until the last byte to the client
	upstream  time.Duration // until the last byte from the server, 0 if there was none
	path      string
	userAgent string
	requestID string
	client    string       // what a header says of who called, and
	peer      string       // the address that the call came from: both to be hashed, and never written anywhere
	parent    traceContext // of the client
	span      traceContext // of the tap's span, or the client's where there is none
	wantsSpan bool
	status    int         // as the client saw it, 0 if there was no answer
	errorType string      // what went wrong between the tap and its two sides
	header    http.Header // of the server's answer, nil if there was none

	requestEncoding string
	request         capture
	response        capture
}

func (c *call) release(m *memory) {
	c.request.release(m)
	c.response.release(m)
}

// observation is what all calls of a tap have in common.
type observation struct {
	memory          *memory
	shedder         *shedder // nil where answers are captured whatever the load
	clientIDHeaders []string
	spans           bool // whether calls become spans
	continueTrace   bool // whether those are the parents of the server's
}

// captured returns the share of calls whose answers are captured.
func (o *observation) captured() float64 {
	if o.shedder == nil {
		return 1
	}
	return o.shedder.captured()
}

// exchange is one request and its answer on their way through the tap. It stands between the proxy and the client's
// connection, keeps both sides as they are, and writes down what passes if it is an embedding call.
type exchange struct {
	http.ResponseWriter
	http1  bool // the protocol of the client's connection
	memory *memory
	call   *call // nil for what is no embedding call
	// traceparent is what the server gets in place of the client's, empty where that passes.
	traceparent string

	// The transport may read the request's body after the answer has ended, so mu guards what that touches.
	mu          sync.Mutex
	finished    bool
	answered    bool  // whether the server has
	touched     bool  // whether anybody has asked for the request's body
	requestHint int   // length of the request's body as far as it is known
	uploaded    int64 // bytes of the request's body that have come from the client
	uploadErr   error // how reading the request's body ended, nil before; io.EOF is its end

	unmeasured   bool       // whether the server's answer says nothing of its length
	wrote        bool       // whether any of its body has come
	early        bool       // whether the server answered before the request was read
	reading      sync.Mutex // held while the request's body is read
	responseHint int
	lastByte     time.Time // when the last part of the answer came
	ended        time.Time // when the proxy was done with the answer, zero if it broke off
	writeErr     error
}

// newExchange returns the exchange of a request; d is nil if it is no embedding call.
func newExchange(w http.ResponseWriter, r *http.Request, d dialect.Dialect, o *observation) *exchange {
	x := &exchange{ResponseWriter: w, http1: r.ProtoMajor == 1, memory: o.memory}
	if r.ContentLength == 0 {
		x.uploadErr = io.EOF
	}
	if d == nil {
		return x
	}
	x.call = &call{
		dialect:         d,
		start:           time.Now(),
		path:            r.URL.Path,
		userAgent:       r.UserAgent(),
		requestID:       requestID(r.Header),
		client:          clientOf(r.Header, o.clientIDHeaders),
		peer:            r.RemoteAddr,
		parent:          readTraceContext(r.Header),
		requestEncoding: r.Header.Get("Content-Encoding"),
		response:        capture{keepsEnd: true},
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		x.call.peer = host // whose connections have a port each
	}
	x.call.span, x.call.wantsSpan = x.call.parent.child(o.spans)
	if x.call.wantsSpan && o.continueTrace {
		x.traceparent = x.call.span.String()
	}
	if o.shedder != nil && !o.shedder.capture() {
		x.call.response.lost = reasonCPU
	}
	if r.ContentLength > int64(o.memory.body) {
		x.call.request.lost = reasonBodyTooLarge
	} else {
		x.requestHint = min(int(r.ContentLength), maxRequestHint)
	}
	return x
}

type exchangeKey struct{}

// follow returns r such that the proxy's hooks find x.
func (x *exchange) follow(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
}

// exchangeOf returns the exchange of a request that the proxy passes on.
func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// noteAnswer sees the head of the server's answer; it is the proxy's ModifyResponse.
func noteAnswer(res *http.Response) error {
	var x *exchange
	if res.Request != nil {
		x = exchangeOf(res.Request)
	}
	if x == nil {
		return nil // an upstream middleware made up the answer, or the request: it passes all the same
	}
	x.mu.Lock()
	x.answered = true
	x.mu.Unlock()
	x.unmeasured = res.ContentLength < 0
	if x.http1 && res.StatusCode != http.StatusSwitchingProtocols && !x.uploadEnded() {
		// The server answers before it has read the request, as with 401 or 413. net/http would now take the rest of
		// the body for itself, so that the transport fails and cuts the answer off. It leaves the body alone on a
		// connection that is not kept.
		res.Header.Set("Connection", "close")
		x.early = true
	}
	if res.StatusCode != http.StatusSwitchingProtocols && !x.uploadEnded() {
		res.Body = &earlyAnswer{ReadCloser: res.Body, exchange: x}
	}
	if x.call == nil {
		return nil
	}
	x.call.header, x.call.status = res.Header, res.StatusCode
	switch {
	case res.ContentLength > int64(x.memory.body):
		x.call.response.lost = reasonBodyTooLarge
	case res.ContentLength > 0:
		x.responseHint = int(res.ContentLength)
	}
	return nil
}

// uploadEnded reports whether the request's body was read to its end.
func (x *exchange) uploadEnded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.uploadErr == io.EOF
}

// untouched reports whether the call is observed, and the server has neither answered nor been sent any of the request's body.
func (x *exchange) untouched() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.call != nil && !x.answered && !x.touched && !x.finished
}

// uploadFailed reports whether the request's body could not be read from the client.
func (x *exchange) uploadFailed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.uploadErr != nil && x.uploadErr != io.EOF
}

// WriteHeader implements http.ResponseWriter. It keeps net/http from adding what the server did not send.
func (x *exchange) WriteHeader(status int) {
	switch {
	case status == http.StatusContinue:
		return // net/http says so itself as soon as the upstream takes the body
	case status >= http.StatusOK:
		header := x.Header()
		for _, name := range [...]string{"Content-Type", "Date"} {
			if _, ok := header[name]; !ok {
				header[name] = nil // neither sent nor made up
			}
		}
		if x.call != nil {
			x.call.status = status // the tap's own, where the server did not answer
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// flushEmpty ends an answer without a body whose length the server has not said: net/http, which sees that it is empty,
// would give it a Content-Length.
func (x *exchange) flushEmpty() {
	if x.unmeasured && !x.wrote {
		_ = http.NewResponseController(x.ResponseWriter).Flush() // fails where the client is gone
	}
}

// Write implements http.ResponseWriter. The proxy calls it with each part of the answer as it comes.
func (x *exchange) Write(p []byte) (int, error) {
	x.wrote = true
	if x.call != nil && x.call.header != nil {
		x.lastByte = time.Now()
		x.call.response.write(x.memory, p, x.responseHint)
	}
	n, err := x.ResponseWriter.Write(p)
	if err != nil {
		x.writeErr = err
	}
	return n, err
}

// Unwrap lets http.ResponseController find what the connection can do, such as flushing and switching protocols.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// earlyAnswer is the body of an answer that began before the request was read. To close it, a transport of HTTP/2 waits
// until it is done with the request's body. A client that has seen the answer may send no more of that, and wait for the
// answer's end itself.
type earlyAnswer struct {
	io.ReadCloser
	exchange *exchange
}

// Close implements io.Closer. It ends the reading of the request's body.
func (a *earlyAnswer) Close() error {
	if x := a.exchange; !x.uploadEnded() {
		deadline := time.Now()
		if x.http1 {
			deadline = deadline.Add(lingerTime) // it is the whole connection's; see linger
		}
		_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(deadline) // without it the wait is longer
	}
	return a.ReadCloser.Close()
}

// What the tap takes in after an early answer, at most.
const (
	lingerTime = 500 * time.Millisecond
	lingerSize = 256 << 10
)

// linger takes in what the client still sends after an early answer. When a connection is closed with something unread,
// the system throws away what the client has not read yet of the answer. And what comes says what was asked for.
func (x *exchange) linger(body io.Reader) {
	if !x.early {
		return
	}
	client := http.NewResponseController(x.ResponseWriter)
	if client.Flush() != nil || client.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return // nobody to wait for
	}
	x.reading.Lock() // until the deadline at most: the transport may be at it still
	defer x.reading.Unlock()
	_, _ = io.CopyN(lateRequest{x}, body, lingerSize) // the connection is closed whatever comes
}

// lateRequest takes in the part of a request's body that the server did not wait for.
type lateRequest struct{ exchange *exchange }

// Write implements io.Writer.
func (l lateRequest) Write(p []byte) (int, error) {
	x := l.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call != nil {
		x.call.request.write(x.memory, p, x.requestHint)
	}
	return len(p), nil
}

// finish ends the observation of a call. passed is whether the proxy got to the end of the answer.
func (x *exchange) finish(ctx context.Context, passed bool) *call {
	x.mu.Lock()
	x.finished = true
	x.mu.Unlock()

	c := x.call
	if x.ended.IsZero() {
		x.ended = time.Now()
	}
	c.duration = x.ended.Sub(c.start)
	if !x.lastByte.IsZero() {
		c.upstream = x.lastByte.Sub(c.start)
	} else if c.header != nil {
		c.upstream = c.duration // an answer without a body
	}
	if !passed && c.errorType == "" {
		switch err := ctx.Err(); {
		case errors.Is(err, context.DeadlineExceeded):
			c.errorType = errorTimeout
		case err != nil || x.writeErr != nil:
			c.errorType = errorClientClosed
		default:
			c.errorType = errorUpstreamAborted
		}
	}
	return c
}
