package failopen

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOverload has a worker that is stuck in the pipeline, a short queue, and bodies too large for the memory: each call
// passes, and what becomes of each event can be told beforehand.
func TestOverload(t *testing.T) {
	const limit, queued, all = 4 << 20, 5, 20
	s := newSink(t)
	s.listen()
	s.stall()
	k := startStack(t, s, `
receivers:
  embedding:
    tap:
      workers: 1
      queue_size: 5
      flush_interval: 0s # the worker itself hands events on
      capture_memory_limit: 4194304
exporters:
  otlp_http:
    sending_queue:
      enabled: false
`)
	const size = 1<<20 - 1000 // with what is around it one buffer of 1 MiB, to which the copy grows from 512 KiB
	require.NoError(t, k.call(0, size))
	k.eventually("requests that wait in the sink, from the only worker", 1, s.stalled)
	for n := 1; n < all; n++ {
		require.NoError(t, k.call(n, size))
		assert.LessOrEqual(t, k.scrape(metricMemory), limit)
	}
	k.eventually("events for which the queue was full", all-1-queued, func() int { return k.dropped("queue_full") })
	// While a fourth copy grows, there are three of 1 MiB, its own half and its own whole, which is too much; an answer
	// and another one of 8 KiB are there for each of the calls.
	copied := 3
	assert.Equal(t, copied<<20+queued*8<<10, k.scrape(metricMemory))
	s.release()
	assert.Equal(t, 1+queued, k.checkCounts(all))
	assert.Equal(t, queued-copied, k.scrape(metricUnanalyzed, `reason="memory_limit"`))
	assert.Equal(t, queued-copied, k.scrape(metricUnanalyzed))
	assert.Equal(t, all-1-queued, k.dropped("queue_full"))
}

// TestMemoryLimiter is for a collector that has no memory left for telemetry.
func TestMemoryLimiter(t *testing.T) {
	s := newSink(t)
	s.listen()
	k := startStack(t, s, `
processors:
  memory_limiter:
    check_interval: 100ms
    limit_mib: 2
    spike_limit_mib: 1
service:
  pipelines:
    logs:
      processors: [memory_limiter]
`)
	// It refuses from its first look at the memory on.
	probes := 0
	require.Eventually(t, func() bool {
		probes--
		return k.call(probes, 100) == nil && k.dropped("logs_refused") > 0
	}, patience, tick)
	k.eventually("probes that were delivered or dropped", -probes, func() int { return s.distinct() + k.dropped("logs_refused") })
	refused, passed := k.dropped("logs_refused"), s.distinct()
	k.callAll(0, calls)
	k.checkCounts(calls - probes)
	assert.Equal(t, calls, k.dropped("logs_refused")-refused)
	assert.Equal(t, passed, s.distinct())
}
