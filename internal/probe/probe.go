// Package probe calls embedding servers as a canary does: marked as no user's call, without any retry, and with what went
// wrong told apart by what it says of the server.
package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// maxAnswer is the size in bytes up to which answers are read, several times that of any that a canary asks for.
const maxAnswer = 64 << 20

// Server is where calls go.
type Server struct {
	// URL is that of the embedding call.
	URL *url.URL
	// Address is the host and port to connect to in place of the URL's, which stays the name that the server is asked by. The
	// HTTP client has to check certificates against that name.
	Address string
	// Dialect is the API.
	Dialect dialect.Dialect
	// Model is the model to ask for.
	Model string
	// Version goes into the user agent.
	Version string
}

// Client makes calls to one server.
type Client struct {
	http   *http.Client
	server Server
	agent  string
	host   string
	port   int
}

// New returns a client that sends its calls through c.
func New(c *http.Client, s Server) (*Client, error) {
	address := s.Address
	if address == "" {
		address = HostPort(s.URL)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("address: port %q is no number", port)
	}
	direct := *c
	// What answers has to be the server that is named, not where it sends others.
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: &direct, server: s, agent: UserAgent(s.Version), host: host, port: number}, nil
}

// Server returns the host and port that calls go to.
func (c *Client) Server() (host string, port int) { return c.host, c.port }

// UserAgent returns the user agent of canaries of this version.
func UserAgent(version string) string {
	if version == "" {
		return embedding.CanaryAgent
	}
	return embedding.CanaryAgent + "/" + version
}

// HostPort returns the host and port of u, the port being that of its scheme where it names none.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Do sends a call and fills ev with what became of it. If ev has a trace and a span id, the server is told. The error is a
// *Failure if the call failed, that of ctx if ctx was cancelled, and any other if there is no such call in the server's API.
func (c *Client) Do(ctx context.Context, r dialect.Request, ev *embedding.Event) error {
	r.Model, r.User = c.server.Model, embedding.CanaryAgent
	body, err := c.server.Dialect.WriteRequest(&r)
	if err != nil {
		return err
	}
	req, err := c.newRequest(ctx, body, ev)
	if err != nil {
		return err
	}
	if err := c.server.Dialect.ReadRequest(body, nil, ev); err != nil {
		return err
	}
	ev.RequestModel = r.Model // some APIs have no place for it
	ev.ServerAddress, ev.ServerPort, ev.URLPath = c.host, c.port, c.server.URL.Path
	ev.UserAgent, ev.Canary = c.agent, true
	ev.Time = time.Now()
	header, answer, err := c.send(req, ev)
	ev.Duration = time.Since(ev.Time)
	if err == nil {
		err = c.read(header, answer, ev)
	}
	if cause := ctx.Err(); err != nil && errors.Is(cause, context.Canceled) {
		return cause
	}
	var f *Failure
	if errors.As(err, &f) {
		ev.ErrorType = f.ErrorType
	}
	return err
}

func (c *Client) newRequest(ctx context.Context, body []byte, ev *embedding.Event) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.URL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.server.Address != "" {
		req.Host = c.server.URL.Host
		req.URL.Host = c.server.Address
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	// net/http sends a request again whose idle connection was just being closed if it knows that this does no harm. A list
	// without values says so and is not sent.
	req.Header["Idempotency-Key"] = []string{}
	if !ev.TraceID.IsEmpty() && !ev.SpanID.IsEmpty() {
		req.Header.Set("Traceparent", fmt.Sprintf("00-%x-%x-%02x", ev.TraceID[:], ev.SpanID[:], ev.TraceFlags))
	}
	return req, nil
}

// send returns the answer to a request, whatever its status.
func (c *Client) send(req *http.Request, ev *embedding.Event) (http.Header, []byte, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, unreachable(err)
	}
	defer res.Body.Close()
	ev.StatusCode = res.StatusCode
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, unreachable(err)
	case len(body) > maxAnswer:
		return nil, nil, &Failure{Outcome: embedding.CanaryFailed, ErrorType: ErrorAnswerTooLarge, Status: res.StatusCode,
			err: fmt.Errorf("answer of more than %d bytes", maxAnswer)}
	}
	return res.Header, body, nil
}

// read reads the answer into ev.
func (c *Client) read(header http.Header, body []byte, ev *embedding.Event) error {
	err := c.server.Dialect.ReadResponse(header, body, ev)
	if ev.StatusCode < 200 || ev.StatusCode > 299 {
		return refused(header, ev)
	}
	if err != nil {
		return &Failure{Outcome: embedding.CanaryFailed, ErrorType: ErrorMalformedAnswer, Status: ev.StatusCode, err: err}
	}
	return nil
}
