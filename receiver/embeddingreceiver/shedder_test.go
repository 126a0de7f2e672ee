package embeddingreceiver

import (
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestShedderFindsItsShare(t *testing.T) {
	began := 0
	s := newShedder(func() { began++ })
	require.Equal(t, 1.0, s.captured())
	s.adjust(minWaits-1, minWaits-1) // too few to tell
	s.adjust(1000, 99)
	for range burst - 1 {
		s.adjust(1000, 100)
	}
	require.Equal(t, 1.0, s.captured(), "a burst is for the queue")
	s.adjust(1000, 0)
	for range burst - 1 {
		s.adjust(1000, 1000)
	}
	require.Equal(t, 1.0, s.captured(), "another one")
	s.adjust(1000, 100)
	require.Equal(t, 0.5, s.captured())
	for range 20 {
		s.adjust(1000, 900)
	}
	require.Equal(t, minCaptured, s.captured(), "some are captured whatever happens")
	require.Equal(t, 1, began)
	for range 20 {
		s.adjust(1000, 0)
	}
	require.InDelta(t, 1, s.captured(), 1e-9)
	require.LessOrEqual(t, s.captured(), 1.0)
	s.adjust(0, 0)
	for range burst {
		s.adjust(1000, 1000)
	}
	require.Equal(t, 2, began, "each time anew")
}

func TestShedderCapturesItsShare(t *testing.T) {
	s := newShedder(func() {})
	for range burst + 1 {
		s.adjust(1000, 1000)
	}
	const calls = 10_000
	captured := 0
	for range calls {
		if s.capture() {
			captured++
		}
	}
	assert.InDelta(t, 0.25*calls, captured, 6*43.3) // six standard deviations
}

// TestShedderSeesWaits makes goroutines wait for a CPU for real.
func TestShedderSeesWaits(t *testing.T) {
	s := newShedder(func() {})
	s.waits()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 20 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; { // more than a chance
					}
					runtime.Gosched()
				}
			}
		})
	}
	var all, long uint64
	require.Eventually(t, func() bool {
		a, l := s.waits()
		all, long = all+a, long+l
		return all >= 10*minWaits
	}, patience, 20*time.Millisecond)
	close(stop)
	wg.Wait()
	assert.Greater(t, float64(long), busyShare*float64(all))
}

// TestShedCallsAreCounted: what is not read is counted, and all that does not take reading is on the event.
func TestShedCallsAreCounted(t *testing.T) {
	const calls = 200
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 2560, false)))
	r := startReceiver(t, options{upstream: upstream.URL, noTraces: true, configure: func(c *Config) {
		c.Tap.Get().Analysis.MaxCapturedBodySize = 4096 // the same to an event as a shortage of CPU, and certain
	}})
	client := newClient(t)
	for range calls {
		status, _ := post(t, client, r.tap+"/v1/embeddings", `{"model":"m","input":["a","b"]}`)
		require.Equal(t, http.StatusOK, status)
	}
	for _, lr := range r.waitForEvents(t, calls) {
		var ev embedding.Event
		require.True(t, ev.ReadLogRecord(lr))
		assert.Equal(t, "m", ev.RequestModel)
		assert.Equal(t, 2, ev.InputCount)
		assert.Equal(t, int64(10), ev.InputTokens, "the end of the answer says so")
		assert.Empty(t, ev.Vectors)
		assert.False(t, ev.HasOutput)
	}
	assert.Equal(t, map[string]int64{"body_too_large": calls}, r.unanalyzed(t))
}

func TestCaptureRatioIsShown(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	for _, shed := range []bool{false, true} {
		r := startReceiver(t, options{upstream: upstream.URL, configure: func(c *Config) { c.Tap.Get().Analysis.ShedLoad = shed }})
		m, err := r.telemetry.GetMetric("otelcol_embedding_tap_capture_ratio")
		require.NoError(t, err)
		ratio := m.Data.(metricdata.Gauge[float64]).DataPoints[0].Value
		assert.True(t, ratio > 0 && ratio <= 1, ratio)
		if !shed {
			assert.Equal(t, 1.0, ratio)
		}
	}
}
