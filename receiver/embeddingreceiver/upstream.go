package embeddingreceiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.uber.org/zap"
)

// Values of error.type for what went wrong between the tap and its two sides.
const (
	errorUnreachable     = "upstream_unreachable"
	errorUpstreamAborted = "upstream_aborted"
	errorTimeout         = "timeout"
	errorClientClosed    = "client_closed_request"
	errorRequestTooLarge = "request_too_large"
)

// upstream is the embedding server as the tap reaches it.
type upstream struct {
	base *url.URL
	// path and rawPath go before the client's path, as it is and percent-encoded.
	path, rawPath string

	client    *http.Client
	transport http.RoundTripper
	// identity is whether a request without Accept-Encoding must be given one, lest the transport asks for gzip and
	// undoes it.
	identity bool
}

func newUpstream(base *url.URL) upstream {
	return upstream{
		base:    base,
		path:    strings.TrimSuffix(base.Path, "/"),
		rawPath: strings.TrimSuffix(base.EscapedPath(), "/"),
	}
}

// connect builds the transport. It connects to nothing yet.
func (u *upstream) connect(ctx context.Context, cfg *confighttp.ClientConfig, host component.Host, logger *zap.Logger) error {
	// Without providers confighttp adds no instrumentation: that would send a traceparent in place of the client's.
	client, err := cfg.ToClient(ctx, host.GetExtensions(), component.TelemetrySettings{Logger: logger})
	if err != nil {
		return fmt.Errorf("create upstream client: %w", err)
	}
	u.client, u.transport = client, client.Transport
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.DisableCompression = true
	} else {
		u.identity = true // headers, authentication or middleware wrap the transport, and it cannot be told
	}
	return nil
}

func (u *upstream) close() {
	if u.client != nil {
		u.client.CloseIdleConnections()
	}
}

// forwarding are the headers that httputil.ReverseProxy takes away from the client's request.
var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// rewrite turns the client's request to the tap into the same request to the upstream.
func (u *upstream) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = u.base.Scheme, u.base.Host
	out.Host = "" // that of the URL, as if the client had called the upstream itself

	out.URL.Path = u.path + in.URL.Path
	if u.path != u.rawPath || in.URL.RawPath != "" {
		out.URL.RawPath = u.rawPath + in.URL.EscapedPath()
	}
	// A path that Go would encode differently is passed on as it came.
	path, _, _ := strings.Cut(in.RequestURI, "?")
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && path != in.URL.EscapedPath() {
		out.URL.Opaque = u.rawPath + path
	}
	out.URL.RawQuery = in.URL.RawQuery

	if strings.EqualFold(out.Header.Get("Upgrade"), "h2c") {
		// Java's clients offer HTTP/2 with each first request. The offer is for this connection alone: its settings
		// have not been passed on, and a transport that speaks HTTP/2 itself refuses to send it.
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}

	for _, name := range forwarding {
		if values, ok := in.Header[name]; ok {
			out.Header[name] = values
		}
	}
	x := exchangeOf(in)
	if x.traceparent != "" {
		out.Header.Set(traceparentHeader, x.traceparent)
		if !x.call.parent.valid() {
			out.Header.Del(tracestateHeader) // it belongs to a trace that nobody can tell
		}
	}
	if u.identity && out.Header.Get("Accept-Encoding") == "" {
		out.Header.Set("Accept-Encoding", "identity")
	}
	if out.Body != nil {
		body := &requestBody{ReadCloser: out.Body, length: out.ContentLength, exchange: x, asked: in.Header.Get("Expect") != ""}
		out.Body = body
		if u.base.Scheme == "https" {
			out.GetBody = body.repeater(in.Body)
		}
	}
	// The same map, because the values come only after the body.
	out.Trailer = in.Trailer
}

// answerError answers a client whose request got no answer from the upstream; it is the proxy's ErrorHandler.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	status, errorType, message := explain(r.Context(), err)
	x := exchangeOf(r)
	if x.uploadFailed() && errorType != errorRequestTooLarge {
		status, errorType = 0, errorClientClosed
	}
	if x.call != nil {
		x.call.errorType = errorType
	}
	if status == 0 {
		panic(http.ErrAbortHandler) // nobody is there to read an answer
	}
	// The shape of OpenAI's errors, which clients turn into exceptions of their own.
	body, _ := json.Marshal(map[string]any{"error": map[string]any{ // strings and numbers always marshal
		"message": message,
		"type":    errorType,
		"param":   nil,
		"code":    status,
	}})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone by now
}

// explain returns the status, error.type and message for a client whose request failed with err; the status is 0 if the
// client itself went away.
func explain(ctx context.Context, err error) (status int, errorType, message string) {
	var tooLarge *http.MaxBytesError
	var netErr net.Error
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, errorRequestTooLarge,
			fmt.Sprintf("The embedding tap accepts request bodies of up to %d bytes.", tooLarge.Limit)
	case errors.Is(ctx.Err(), context.Canceled):
		return 0, errorClientClosed, ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return http.StatusGatewayTimeout, errorTimeout, "The embedding server did not answer in time."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return http.StatusBadGateway, errorUpstreamAborted,
			"The embedding server closed the connection without an answer."
	default:
		return http.StatusBadGateway, errorUnreachable, "The embedding server cannot be reached: " + err.Error()
	}
}
