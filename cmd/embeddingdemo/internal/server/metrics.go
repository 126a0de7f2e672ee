package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metrics are the figures that vLLM exposes for a pooling model. Like vLLM it counts inputs, not calls, and nothing
// for calls that failed.
type metrics struct {
	labels      string // model_name and engine, as text
	maxRequests int

	mu           sync.Mutex
	running      int
	waiting      int
	promptTokens int64
	success      int64
	latency      histogram
	queued       histogram
	tokens       histogram
}

func newMetrics(model string, maxModelLength, maxRequests int) *metrics {
	// vLLM's own buckets: far too coarse for embeddings, and that is what its users have.
	seconds := []float64{0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
	return &metrics{
		labels:      `engine="0",model_name="` + labelEscaper().Replace(model) + `"`,
		maxRequests: maxRequests,
		latency:     newHistogram(seconds...),
		queued:      newHistogram(seconds...),
		tokens:      newHistogram(oneTwoFive(float64(maxModelLength))...),
	}
}

// labelEscaper escapes label values for the text exposition format.
func labelEscaper() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
}

// oneTwoFive returns 1, 2, 5, 10, 20, 50 … up to limit.
func oneTwoFive(limit float64) []float64 {
	var bounds []float64
	for decade := 1.0; ; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if m*decade > limit {
				return bounds
			}
			bounds = append(bounds, m*decade)
		}
	}
}

// move changes the numbers of requests that wait and run.
func (m *metrics) move(waiting, running int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting += waiting
	m.running += running
}

// finish counts the inputs of a call that succeeded after the given time, of which it waited for a while.
func (m *metrics) finish(inputs []input, latency, queued time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range inputs {
		m.success++
		m.promptTokens += int64(in.tokens)
		m.tokens.observe(float64(in.tokens))
		m.latency.observe(latency.Seconds())
		m.queued.observe(queued.Seconds())
	}
}

// ServeHTTP writes the metrics in the Prometheus text format.
func (m *metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	m.single(&b, "num_requests_running", "gauge", "Number of requests in model execution batches.", "", float64(m.running))
	m.single(&b, "num_requests_waiting", "gauge", "Number of requests waiting to be processed.", "", float64(m.waiting))
	m.single(&b, "kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", "",
		float64(m.running)/float64(m.maxRequests))
	m.single(&b, "prompt_tokens_total", "counter", "Number of prefill tokens processed.", "", float64(m.promptTokens))
	m.single(&b, "request_success_total", "counter", "Count of successfully processed requests.", `,finished_reason="stop"`,
		float64(m.success))
	m.histogram(&b, "request_prompt_tokens", "Number of prefill tokens processed.", &m.tokens)
	m.histogram(&b, "e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", &m.latency)
	m.histogram(&b, "request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.", &m.queued)
	_, _ = io.WriteString(w, b.String()) // a scraper that went away is no concern of the server
}

func (m *metrics) single(b *strings.Builder, name, kind, help, labels string, value float64) {
	fmt.Fprintf(b, "# HELP vllm:%s %s\n# TYPE vllm:%s %s\n", name, help, name, kind)
	fmt.Fprintf(b, "vllm:%s{%s%s} %s\n", name, m.labels, labels, formatFloat(value))
}

func (m *metrics) histogram(b *strings.Builder, name, help string, h *histogram) {
	fmt.Fprintf(b, "# HELP vllm:%s %s\n# TYPE vllm:%s histogram\n", name, help, name)
	cumulative := int64(0)
	for i, bound := range h.bounds {
		cumulative += h.counts[i]
		fmt.Fprintf(b, "vllm:%s_bucket{%s,le=\"%s\"} %d\n", name, m.labels, formatFloat(bound), cumulative)
	}
	cumulative += h.counts[len(h.bounds)]
	fmt.Fprintf(b, "vllm:%s_bucket{%s,le=\"+Inf\"} %d\n", name, m.labels, cumulative)
	fmt.Fprintf(b, "vllm:%s_sum{%s} %s\n", name, m.labels, formatFloat(h.sum))
	fmt.Fprintf(b, "vllm:%s_count{%s} %d\n", name, m.labels, cumulative)
}

// formatFloat writes whole numbers with a fraction, as Python's client does.
func formatFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// A histogram counts values by the upper bounds of its buckets.
type histogram struct {
	bounds []float64
	counts []int64 // one more than bounds
	sum    float64
}

func newHistogram(bounds ...float64) histogram {
	return histogram{bounds: bounds, counts: make([]int64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i]++
	h.sum += v
}
