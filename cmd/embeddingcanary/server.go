package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

// server is the flags that say where calls go and what is known of the server.
type server struct {
	endpoint, model, dialect string
	timeout                  time.Duration
	headers                  list
	bearer                   string
	dimensions, encodings    string
	query, document          instruction
	settings                 canary.Settings
	suite                    suiteFlags
}

// instruction is a flag that may be set to nothing.
type instruction struct {
	text string
	set  bool
}

func (i *instruction) String() string { return i.text }

// Set takes the value of the flag. A backslash and an n stand for a line feed, which shells make hard to type.
func (i *instruction) Set(value string) error {
	i.text, i.set = strings.ReplaceAll(value, `\n`, "\n"), true
	return nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ", ") }

// Set adds a value.
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func (s *server) register(flags *flag.FlagSet) {
	flags.StringVar(&s.endpoint, "endpoint", "", "`URL` of the embedding call itself, such as http://localhost:8000/v1/embeddings")
	flags.StringVar(&s.model, "model", "", "`name` of the model to ask for; servers that take none need none")
	flags.StringVar(&s.dialect, "dialect", "", "`API` of the server: "+strings.Join(dialect.Names(), ", ")+"\n(default: as the path of the endpoint has it)")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "longest `time` of a call")
	flags.Var(&s.headers, "header", "`header` of each call, such as 'X-Team: search'; may be given several times")
	flags.StringVar(&s.bearer, "bearer", "", "`name` of the environment variable that holds the API key")
	flags.StringVar(&s.dimensions, "dimensions", "", "Matryoshka `dimensions` to ask for and compare with the cut vectors, such as 256,512")
	flags.StringVar(&s.encodings, "encodings", "", "encoding `formats` to compare with each other\n(default: float,base64 for the dialect openai, else float)")
	flags.IntVar(&s.settings.MaxTokens, "max-tokens", 0, "`length` in tokens of the longest input that the server reads to its end\n(default: found out)")
	flags.Var(&s.query, "query-instruction", "`text` before queries; \\n is a line feed\n(default: as Qwen3-Embedding has it for its models, else none)")
	flags.Var(&s.document, "document-instruction", "`text` before documents")
	flags.BoolVar(&s.settings.Unnormalized, "unnormalized", false, "vectors need not have length 1")
	flags.IntVar(&s.settings.MaxBatch, "max-batch", canary.DefaultMaxBatch, "largest `number` of texts in a call")
	flags.IntVar(&s.settings.TokenBudget, "budget", canary.DefaultTokenBudget, "most `tokens` of a round, as estimated before it is sent")
	s.suite.register(flags)
}

// target is a server that rounds can be sent to.
type target struct {
	plan   *canary.Plan
	client *probe.Client
	// calls and tokens were sent.
	calls int
}

// open reads the texts and makes a plan. Instructions that no flag gives are those of the pins, if there are any.
func (s *server) open(c *invocation, pins *canary.Pins) (*target, error) {
	if s.endpoint == "" {
		return nil, usageErrorf("-endpoint: missing; want the URL of the embedding call, such as http://localhost:8000/v1/embeddings")
	}
	u, err := url.Parse(s.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageErrorf("-endpoint: found %q; want a URL such as http://localhost:8000/v1/embeddings", s.endpoint)
	}
	d, ok := dialect.For(http.MethodPost, u.Path)
	if s.dialect != "" {
		d, ok = dialect.Named(s.dialect)
	}
	switch {
	case !ok && s.dialect != "":
		return nil, usageErrorf("-dialect: found %q; want one of %s", s.dialect, strings.Join(dialect.Names(), ", "))
	case !ok:
		return nil, usageErrorf("-endpoint: found no embedding call at %q; want its path, such as /v1/embeddings, or -dialect", u.Path)
	}
	if err := s.settle(d, pins); err != nil {
		return nil, err
	}
	headers, err := s.header()
	if err != nil {
		return nil, err
	}
	suite, err := s.suite.read()
	if err != nil {
		return nil, err
	}
	plan, err := canary.NewPlan(suite, s.settings)
	if err != nil {
		return nil, err
	}
	client, err := probe.New(&http.Client{Timeout: s.timeout, Transport: &withHeaders{c.transport, headers}},
		probe.Server{URL: u, Dialect: d, Model: s.model})
	if err != nil {
		return nil, err
	}
	return &target{plan: plan, client: client}, nil
}

// settle fills in what no flag gives.
func (s *server) settle(d dialect.Dialect, pins *canary.Pins) error {
	if pins != nil {
		s.model = cmp.Or(s.model, pins.Model)
	}
	s.settings.QueryInstruction, s.settings.DocumentInstruction = canary.Instructions(s.model)
	if pins != nil {
		s.settings.QueryInstruction, s.settings.DocumentInstruction = pins.QueryInstruction, pins.DocumentInstruction
	}
	if s.query.set {
		s.settings.QueryInstruction = s.query.text
	}
	if s.document.set {
		s.settings.DocumentInstruction = s.document.text
	}
	if s.dimensions != "" {
		for part := range strings.SplitSeq(s.dimensions, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(part))
			if err != nil || n < 1 {
				return usageErrorf("-dimensions: found %q; want whole numbers such as 256,512", part)
			}
			s.settings.Dimensions = append(s.settings.Dimensions, n)
		}
	}
	s.settings.Encodings = []string{dialect.EncodingFloat}
	if _, ok := d.(dialect.OpenAI); ok {
		s.settings.Encodings = append(s.settings.Encodings, dialect.EncodingBase64)
	}
	if s.encodings != "" {
		s.settings.Encodings = nil
		for part := range strings.SplitSeq(s.encodings, ",") {
			part = strings.TrimSpace(part)
			if part != dialect.EncodingFloat && part != dialect.EncodingBase64 {
				return usageErrorf("-encodings: found %q; want %s and %s", part, dialect.EncodingFloat, dialect.EncodingBase64)
			}
			s.settings.Encodings = append(s.settings.Encodings, part)
		}
	}
	s.settings.Salt = uint64(time.Now().UnixNano())
	return nil
}

// header returns the headers of every call.
func (s *server) header() (http.Header, error) {
	headers := http.Header{}
	for _, h := range s.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, usageErrorf("-header: found %q; want a name and a value, such as 'X-Team: search'", h)
		}
		headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if s.bearer != "" {
		key := os.Getenv(s.bearer)
		if key == "" {
			return nil, usageErrorf("-bearer: found nothing in the environment variable %s; want the API key there", s.bearer)
		}
		headers.Set("Authorization", "Bearer "+key)
	}
	return headers, nil
}

// withHeaders adds headers to requests.
type withHeaders struct {
	http.RoundTripper
	headers http.Header
}

// RoundTrip sends a request with the headers.
func (t *withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.headers {
		r.Header[name] = values
	}
	return t.RoundTripper.RoundTrip(r)
}

// interruptible returns a context that ends when the user interrupts the program.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// round sends a round.
func (s *target) round(ctx context.Context, n int64) (*canary.Measurement, error) {
	r := s.plan.Round(n)
	for i, call := range r.Calls() {
		var ev embedding.Event
		answer, err := s.client.Answer(ctx, call, &ev)
		if err != nil {
			host, port := s.client.Server()
			var f *probe.Failure
			if errors.As(err, &f) {
				return nil, fmt.Errorf("%s:%d: the call %s: %s (%s): %w", host, port, call.Check, f.Outcome, f.ErrorType, err)
			}
			return nil, fmt.Errorf("%s:%d: the call %s: %w", host, port, call.Check, err)
		}
		s.calls++
		r.Take(i, answer)
	}
	return r.Measure(), nil
}
