// Package load sends embedding requests as many independent clients would: open loop, in several languages, in
// every form of input, and the same ones again for the same seed.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/texts"
)

// maxAnswerSize bounds an answer in bytes.
const maxAnswerSize = 256 << 20

// grace is how long open requests may take to end once the load is told to stop.
const grace = 2 * time.Second

// What goes wrong besides an error status, as it is counted.
const (
	errorTimeout   = "timeout"
	errorTransport = "transport"
	errorAnswer    = "invalid_answer"
	errorCancelled = "cancelled"
)

// A Load sends requests until its limits are reached. It is used once.
type Load struct {
	config Config
	client *http.Client
	url    string
	texts  *texts.Generator
	stats  *stats
}

// New returns a load. Its requests go through transport, http.DefaultTransport's settings if nil.
func New(config Config, transport http.RoundTripper) (*Load, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = config.Concurrency
		t.MaxIdleConns = config.Concurrency
		transport = t
	}
	return &Load{
		config: config,
		client: &http.Client{Transport: transport},
		url:    strings.TrimRight(config.Target, "/") + "/v1/embeddings",
		texts:  texts.NewGenerator(config.MaxTokens),
		stats:  newStats(),
	}, nil
}

// Run sends requests until the duration or the count is reached or ctx ends, and waits for the answers: as long as
// they take in the first case, a moment in the second.
func (l *Load) Run(ctx context.Context) Summary {
	start := time.Now()
	defer l.client.CloseIdleConnections()

	sending, stop := context.WithCancel(ctx)
	defer stop()
	if l.config.Duration > 0 {
		sending, stop = context.WithDeadline(sending, start.Add(l.config.Duration))
		defer stop()
	}
	open, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	// Only a stop from outside hurries: requests that the limits let through are all answered.
	afterStop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, abort) })
	defer afterStop()

	var requests sync.WaitGroup
	l.arrivals(sending, start, func(n int64) {
		requests.Go(func() { l.send(open, n) })
	})
	requests.Wait()
	return l.stats.summary(time.Since(start))
}

// Snapshot returns the figures up to now and starts the interval figures anew.
func (l *Load) Snapshot() Interval { return l.stats.interval() }

// arrivals calls send for each request when it is due, with its number from 0, unless too many are open.
func (l *Load) arrivals(ctx context.Context, start time.Time, send func(n int64)) {
	rng := rand.New(rand.NewPCG(l.config.Seed, ^uint64(0)))
	due := start
	for n := int64(0); l.config.Count == 0 || n < l.config.Count; {
		gap := 1.0
		if l.config.Arrivals == ArrivalsPoisson {
			gap = rng.ExpFloat64()
		}
		due = due.Add(time.Duration(gap / l.config.Rate * float64(time.Second)))
		if !sleepUntil(ctx, due) {
			return
		}
		if !l.stats.open(l.config.Concurrency) {
			continue
		}
		send(n)
		n++
	}
}

// send sends the nth request and counts what becomes of it.
func (l *Load) send(ctx context.Context, n int64) {
	c, err := l.call(n)
	if err != nil {
		l.stats.done(outcome{failure: errorTransport})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	start := time.Now()
	out := outcome{task: c.task, inputs: c.inputs}
	out.tokens, out.failure = l.exchange(ctx, c)
	out.latency = time.Since(start)
	l.stats.done(out)
}

// exchange returns the tokens that the server counted, or in a word what went wrong.
func (l *Load) exchange(ctx context.Context, c call) (tokens int64, failure string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(c.body))
	if err != nil {
		return 0, errorTransport
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "embeddingdemo")
	request.Header.Set("X-Request-Id", c.id)
	request.Header.Set("Traceparent", c.traceparent)
	response, err := l.client.Do(request)
	if err != nil {
		return 0, failureOf(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerSize))
	switch {
	case err != nil:
		return 0, failureOf(err)
	case response.StatusCode != http.StatusOK:
		return 0, strconv.Itoa(response.StatusCode)
	}
	tokens, err = readAnswer(body, c.inputs)
	if err != nil {
		return 0, errorAnswer
	}
	return tokens, ""
}

// readAnswer checks that an answer has a vector for each input and returns its token count.
func readAnswer(body []byte, inputs int) (int64, error) {
	var answer struct {
		Data []struct {
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
		Usage struct {
			PromptTokens int64 `json:"prompt_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, err
	}
	if len(answer.Data) != inputs {
		return 0, fmt.Errorf("%d vectors for %d inputs", len(answer.Data), inputs)
	}
	for i, d := range answer.Data {
		if len(d.Embedding) < len("[0]") {
			return 0, fmt.Errorf("vector %d is empty", i)
		}
	}
	return answer.Usage.PromptTokens, nil
}

func failureOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errorTimeout
	case errors.Is(err, context.Canceled):
		return errorCancelled
	default:
		return errorTransport
	}
}

// sleepUntil returns false if ctx ends before the time has come.
func sleepUntil(ctx context.Context, due time.Time) bool {
	if ctx.Err() != nil {
		return false
	}
	wait := time.Until(due)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
