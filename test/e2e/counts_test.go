//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// exchange is one recorded call: what the client sent and what it got.
type exchange struct {
	path     string
	header   http.Header
	request  []byte
	status   int
	response []byte
}

// recorder is the client's transport: it gives each call an id, by which the server names its answer, and a trace, and
// keeps what went over the wire.
type recorder struct {
	mu        sync.Mutex
	exchanges []exchange
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	req.Header.Set("X-Request-Id", hex.EncodeToString(id))
	req.Header.Set("traceparent", "00-"+hex.EncodeToString(id)+"-00f067aa0ba902b7-01")
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, exchange{
		path: req.URL.Path, header: req.Header.Clone(), request: sent, status: resp.StatusCode, response: got,
	})
	return resp, nil
}

// TestCountsAreExact sends 1,000 requests of mixed shapes with 50 planted errors through the official Go client. A
// real Prometheus must then show exactly what was sent, and every answer must be the one that the server gives to the
// same request without the tap.
func TestCountsAreExact(t *testing.T) {
	const total = 1000
	s := startStack(t, nil)
	prometheus := startPrometheus(t, s.metrics)
	rec := &recorder{}
	client := openai.NewClient(
		option.WithBaseURL(s.tap+"/v1"), option.WithAPIKey("demo"), option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{Transport: rec}))

	// The server answers the first 20 requests with 500, whatever they are.
	s.fault("errors", map[string]any{"count": 20, "value": 500})
	var mu sync.Mutex
	var tokens, succeeded int64
	statuses := map[int]int{}
	call := func(i int) error {
		resp, err := client.Embeddings.New(context.Background(), request(i))
		mu.Lock()
		defer mu.Unlock()
		var apiErr *openai.Error
		switch {
		case err == nil:
			succeeded++
			tokens += resp.Usage.PromptTokens
		case errors.As(err, &apiErr):
			statuses[apiErr.StatusCode]++
		default:
			return fmt.Errorf("request %d: %w", i, err)
		}
		return nil
	}
	for i := range 20 {
		require.NoError(t, call(i))
	}
	var group errgroup.Group
	group.SetLimit(8)
	for i := 20; i < total; i++ {
		group.Go(func() error { return call(i) })
	}
	require.NoError(t, group.Wait())
	require.Equal(t, map[int]int{500: 20, 400: 15, 404: 15}, statuses, "planted errors")
	require.EqualValues(t, total-50, succeeded)

	prometheus.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v >= total }, "every call counted")
	assert.Equal(t, float64(total), prometheus.value(`sum(embedding_requests_total)`))
	assert.Equal(t, float64(total), prometheus.value(`sum(embedding_request_duration_seconds_count)`))
	assert.Equal(t, float64(20), prometheus.value(`sum(embedding_request_errors_total{status_code="500"})`))
	assert.Equal(t, float64(15), prometheus.value(`sum(embedding_request_errors_total{status_code="400"})`))
	assert.Equal(t, float64(15), prometheus.value(`sum(embedding_request_errors_total{status_code="404"})`))
	assert.Equal(t, float64(50), prometheus.value(`sum(embedding_request_errors_total)`))
	assert.Equal(t, float64(succeeded), prometheus.value(`sum(embedding_input_tokens_count)`))
	assert.Equal(t, float64(tokens), prometheus.value(`sum(embedding_input_tokens_sum)`))

	for _, series := range prometheus.query(`embedding_requests_total`) {
		for label := range series.Labels {
			assert.Contains(t, []string{"__name__", "job", "instance", "model", "task_type"}, label)
		}
	}
	traces := map[string]bool{}
	for _, e := range rec.exchanges {
		traces[e.header.Get("X-Request-Id")] = true
	}
	exemplars := prometheus.exemplars(`embedding_request_duration_seconds_bucket`)
	assert.NotEmpty(t, exemplars)
	for _, id := range exemplars {
		assert.True(t, traces[id], "exemplar with a trace that no client made: %s", id)
	}

	log, err := os.ReadFile(s.requestLog)
	require.NoError(t, err)
	assert.Equal(t, total, bytes.Count(log, []byte(`"eventName":"embedding.request"`)), "one event a call")
	assert.NotContains(t, string(log), `"embedding.vectors"`, "vectors are removed before export")

	require.Len(t, rec.exchanges, total)
	s.heal()
	compared := 0
	for _, e := range rec.exchanges {
		if e.status == http.StatusInternalServerError {
			continue // planted by count: the server would answer this one now
		}
		status, body := s.direct(e)
		require.Equal(t, e.status, status)
		require.True(t, bytes.Equal(e.response, body), "%s: %.200s\nthrough the tap: %.200s", e.request, body, e.response)
		compared++
	}
	assert.Equal(t, total-20, compared)
}

// request makes request i of the mix. Every 65th of those after the first 20 asks for more dimensions than the model
// has, every 65th for a model that is not served: 15 each.
func request(i int) openai.EmbeddingNewParams {
	p := openai.EmbeddingNewParams{Model: model}
	lines := texts(fmt.Sprintf("request %d", i), 1+i%5)
	switch i % 4 {
	case 0:
		p.Input.OfString = param.NewOpt(strings.Repeat(lines[0]+" ", 1+i%13))
	case 1:
		p.Input.OfArrayOfStrings = lines
	case 2:
		p.Input.OfArrayOfTokens = []int64{int64(i), 11, 42, 151643}
	case 3:
		p.Input.OfArrayOfTokenArrays = [][]int64{{int64(i), 1, 2}, {int64(i), 3}, {9}}
	}
	switch i % 3 {
	case 0:
		p.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatFloat
	case 1:
		p.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	}
	if i%7 == 0 {
		p.Dimensions = param.NewOpt(int64(256))
	}
	switch {
	case i >= 20 && (i-20)%65 == 0 && (i-20)/65 < 15:
		p.Dimensions = param.NewOpt(int64(4096))
	case i >= 20 && (i-20)%65 == 1 && (i-20)/65 < 15:
		p.Model = "no-such-model"
	}
	return p
}

// direct sends a recorded request to the server without the tap.
func (s *stack) direct(e exchange) (status int, body []byte) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.server+e.path, bytes.NewReader(e.request))
	require.NoError(s.t, err)
	req.Header = e.header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, body
}
