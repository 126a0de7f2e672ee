package failopen

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// smallQueue is an exporter that gives up soon: it takes 20 requests, each of one event.
const smallQueue = `
receivers:
  embedding:
    tap:
      flush_interval: 0s
exporters:
  otlp_http:
    sending_queue:
      queue_size: 20
      num_consumers: 2
`

const calls = 1000

// TestStalledBackend is for a backend that takes requests and does not answer them.
func TestStalledBackend(t *testing.T) {
	s := newSink(t)
	s.listen()
	s.stall()
	k := startStack(t, s, smallQueue)
	k.callAll(0, calls)
	k.eventually("events accepted or dropped", calls, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	assert.Zero(t, s.distinct())
	assert.Equal(t, k.scrape(metricRefused), k.dropped("logs_refused"))
	assert.Equal(t, 20, k.scrape(metricAccepted), "what the queue holds")
	s.release()
	delivered := k.checkCounts(calls)
	assert.Equal(t, k.scrape(metricAccepted), delivered)
}

// TestRefusingBackend is for a backend that answers 503.
func TestRefusingBackend(t *testing.T) {
	s := newSink(t)
	s.listen()
	s.setRefuse(true)
	k := startStack(t, s, smallQueue)
	k.callAll(0, calls)
	k.eventually("events accepted or dropped", calls, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	assert.Zero(t, s.distinct())
	s.setRefuse(false)
	delivered := k.checkCounts(calls)
	assert.Equal(t, k.scrape(metricAccepted), delivered)
	assert.Positive(t, k.dropped("logs_refused"))
}

// TestNoBackend is for a backend that is not there, and comes up later.
func TestNoBackend(t *testing.T) {
	s := newSink(t)
	k := startStack(t, s, smallQueue)
	k.callAll(0, calls)
	k.eventually("events accepted or dropped", calls, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	s.listen()
	delivered := k.checkCounts(calls)
	assert.Equal(t, k.scrape(metricAccepted), delivered)
	assert.Positive(t, k.dropped("logs_refused"))
}
