//go:build linux && cgo

package nvml

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// callRecorder keeps what the calls cost, function by function, for as long as the library lives.
type callRecorder struct {
	mu       sync.Mutex
	counters map[string]*callCounter
}

func newCallRecorder() *callRecorder {
	return &callRecorder{counters: map[string]*callCounter{}}
}

func (r *callRecorder) counter(function string) *callCounter {
	r.mu.Lock()
	defer r.mu.Unlock()
	counter, ok := r.counters[function]
	if !ok {
		counter = &callCounter{function: function}
		r.counters[function] = counter
	}
	return counter
}

func (r *callRecorder) each(each func(CallStats)) {
	r.mu.Lock()
	counters := slices.SortedFunc(maps.Values(r.counters), func(a, b *callCounter) int {
		return cmp.Compare(a.function, b.function)
	})
	r.mu.Unlock()
	now := time.Now()
	for _, counter := range counters {
		// A function that the driver has but that was only looked up so far has no cost to report.
		if stats := counter.stats(now); stats.Calls > 0 || stats.Running > 0 {
			each(stats)
		}
	}
}

// callCounter keeps what the calls of one function cost.
type callCounter struct {
	function string

	mu                         sync.Mutex
	calls, unsupported, failed int64
	duration                   time.Duration
	// running holds when each of the calls that have not returned began, in that order. Equal times need not be told
	// apart.
	running []time.Time
}

// run makes a call and counts it. A panic in go-nvml becomes an error: it must cost one value, not the process.
func (c *callCounter) run(into func() nvml.Return) (err error) {
	began := c.begin()
	defer func() {
		if reason := recover(); reason != nil {
			err = &CallError{Call: c.function, Status: StatusUnknown, Detail: fmt.Sprintf("panic: %v", reason)}
		}
		c.finish(began, err)
	}()
	if ret := into(); ret != nvml.SUCCESS {
		return &CallError{Call: c.function, Status: Status(ret)}
	}
	return nil
}

func (c *callCounter) begin() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := time.Now()
	c.running = append(c.running, began)
	return began
}

func (c *callCounter) finish(began time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	switch {
	case IsUnsupported(err):
		c.unsupported++
	case err != nil:
		c.failed++
	}
	c.duration += time.Since(began)
	at := slices.Index(c.running, began)
	c.running = slices.Delete(c.running, at, at+1)
}

func (c *callCounter) stats(now time.Time) CallStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := CallStats{Function: c.function, Calls: c.calls, Unsupported: c.unsupported, Failed: c.failed, Duration: c.duration}
	if len(c.running) > 0 {
		// A call that began after now counts as running too.
		stats.Running = max(now.Sub(c.running[0]), 1)
	}
	return stats
}
