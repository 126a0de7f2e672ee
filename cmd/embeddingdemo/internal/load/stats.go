package load

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Summary is what a load did from start to end.
type Summary struct {
	Seconds float64 `json:"duration_seconds"`

	// Sent requests were answered well (OK) or not (Errors, by status or kind). Dropped ones were due while too
	// many were open and not sent.
	Sent    int64            `json:"sent"`
	OK      int64            `json:"ok"`
	Errors  map[string]int64 `json:"errors"`
	Dropped int64            `json:"dropped"`

	// Inputs are the texts in all requests sent, Vectors those that came back.
	Inputs  int64 `json:"inputs"`
	Vectors int64 `json:"vectors"`

	// PromptTokens is the sum of what the server counted.
	PromptTokens int64 `json:"prompt_tokens"`

	// Tasks are the same figures by task type.
	Tasks map[string]TaskSummary `json:"tasks"`

	// Latency is of answered requests in seconds; quantiles within 2%.
	Latency Latency `json:"latency_seconds"`
}

// TaskSummary is what a load did for one task type.
type TaskSummary struct {
	Sent         int64 `json:"sent"`
	OK           int64 `json:"ok"`
	PromptTokens int64 `json:"prompt_tokens"`
}

// Latency describes a distribution of times in seconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// Interval is what a load did so far, and the latency since it was last asked.
type Interval struct {
	Sent, Errors, Dropped int64
	P95                   float64 // seconds; 0 if nothing was answered
}

// Write prints the summary for people.
func (s Summary) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sent     %d requests with %d texts in %.1f s (%.1f requests/s)\n",
		s.Sent, s.Inputs, s.Seconds, float64(s.Sent)/math.Max(s.Seconds, 1e-9))
	fmt.Fprintf(&b, "ok       %d requests, %d vectors, %d tokens\n", s.OK, s.Vectors, s.PromptTokens)
	failed := s.Sent - s.OK
	fmt.Fprintf(&b, "errors   %d", failed)
	for _, kind := range slices.Sorted(maps.Keys(s.Errors)) {
		fmt.Fprintf(&b, "  %s: %d", kind, s.Errors[kind])
	}
	fmt.Fprintf(&b, "\ndropped  %d\n", s.Dropped)
	fmt.Fprintf(&b, "latency  p50 %s  p95 %s  p99 %s  max %s\n",
		Milliseconds(s.Latency.P50), Milliseconds(s.Latency.P95), Milliseconds(s.Latency.P99), Milliseconds(s.Latency.Max))
	_, err := io.WriteString(w, b.String())
	return err
}

// Milliseconds prints a time in seconds.
func Milliseconds(seconds float64) string { return fmt.Sprintf("%.1f ms", seconds*1000) }

// outcome is what became of one request.
type outcome struct {
	task    string
	inputs  int
	tokens  int64
	latency time.Duration
	failure string // empty for success
}

// stats counts outcomes. It is safe for concurrent use.
type stats struct {
	mu        sync.Mutex
	inFlight  int
	total     Summary
	latencies histogram
	last      histogram // latencies when interval was last called
}

func newStats() *stats {
	return &stats{total: Summary{Errors: map[string]int64{}, Tasks: map[string]TaskSummary{}}}
}

// open counts a request that is about to be sent, or a dropped one if limit requests are open already.
func (s *stats) open(limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight >= limit {
		s.total.Dropped++
		return false
	}
	s.inFlight++
	return true
}

// done counts a request that ended.
func (s *stats) done(o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	task := s.total.Tasks[o.task]
	task.Sent++
	s.total.Sent++
	s.total.Inputs += int64(o.inputs)
	if o.failure == "" {
		task.OK++
		task.PromptTokens += o.tokens
		s.total.OK++
		s.total.Vectors += int64(o.inputs)
		s.total.PromptTokens += o.tokens
	} else {
		s.total.Errors[o.failure]++
	}
	s.total.Tasks[o.task] = task
	if o.failure != errorTransport && o.failure != errorCancelled {
		s.latencies.observe(o.latency.Seconds())
	}
}

// summary returns all figures for a run of the given length.
func (s *stats) summary(run time.Duration) Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.total
	out.Errors, out.Tasks = maps.Clone(out.Errors), maps.Clone(out.Tasks)
	out.Seconds = run.Seconds()
	out.Latency = s.latencies.describe()
	return out
}

func (s *stats) interval() Interval {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.latencies.minus(s.last)
	s.last = s.latencies
	return Interval{
		Sent: s.total.Sent, Errors: s.total.Sent - s.total.OK, Dropped: s.total.Dropped, P95: since.quantile(0.95),
	}
}

const (
	shortest = 1e-5 // seconds; the lower bound of a histogram
	growth   = 1.04 // width of a bucket; its middle is within 2% of all its values
	buckets  = 520  // up to more than an hour
)

// histogram counts times in buckets of constant relative width, so that a run without an end needs no more memory.
type histogram struct {
	counts   [buckets]int64
	n        int64
	sum, max float64
}

func (h *histogram) observe(seconds float64) {
	i := int(math.Log(math.Max(seconds, shortest)/shortest) / math.Log(growth))
	h.counts[min(i, buckets-1)]++
	h.n++
	h.sum += seconds
	h.max = math.Max(h.max, seconds)
}

// minus returns what was observed since an earlier state of h.
func (h histogram) minus(earlier histogram) histogram {
	for i := range h.counts {
		h.counts[i] -= earlier.counts[i]
	}
	h.n -= earlier.n
	h.sum -= earlier.sum
	return h
}

// quantile returns the time below which the share q of all observations lies; 0 without observations.
func (h *histogram) quantile(q float64) float64 {
	rank := int64(math.Ceil(q * float64(h.n)))
	for i, seen := 0, int64(0); i < buckets; i++ {
		if seen += h.counts[i]; seen >= rank && seen > 0 {
			return math.Min(shortest*math.Pow(growth, float64(i)+0.5), h.max)
		}
	}
	return 0
}

func (h *histogram) describe() Latency {
	if h.n == 0 {
		return Latency{}
	}
	return Latency{
		Mean: h.sum / float64(h.n), P50: h.quantile(0.5), P95: h.quantile(0.95), P99: h.quantile(0.99), Max: h.max,
	}
}
