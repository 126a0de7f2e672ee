package embeddingreceiver

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
)

func flushEvery(interval time.Duration) func(*Config) {
	return func(c *Config) { c.Tap.Get().Analysis.FlushInterval = interval }
}

func TestEventsAreHandedOnTogether(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 8, false)))
	send := func(r *rig, n int) {
		var wg sync.WaitGroup
		client := newClient(t)
		for range n {
			wg.Go(func() { post(t, client, r.tap+"/v1/embeddings", oneCall) })
		}
		wg.Wait()
	}
	const calls = 20

	t.Run("by the interval", func(t *testing.T) {
		r := startReceiver(t, options{upstream: upstream.URL, configure: flushEvery(time.Second)})
		send(r, calls)
		records := r.waitForEvents(t, calls)
		spans := r.waitForSpans(t, calls)
		// Two, where the clock struck in between; on a machine that takes long for twenty calls, a few more.
		assert.Less(t, len(r.logs.AllLogs()), calls/2)
		assert.Less(t, len(r.traces.AllTraces()), calls/2)
		for i := range records {
			assert.Equal(t, records[i].SpanID(), spans[i].SpanID(), "the same calls in the same order")
		}
		resource := r.logs.AllLogs()[0].ResourceLogs()
		require.Equal(t, 1, resource.Len())
		assert.Equal(t, map[string]any{"service.name": "embedding-tap"}, resource.At(0).Resource().Attributes().AsRaw())
	})
	t.Run("each by itself", func(t *testing.T) {
		r := startReceiver(t, options{upstream: upstream.URL, configure: flushEvery(0)})
		send(r, calls)
		r.waitForEvents(t, calls)
		r.waitForSpans(t, calls)
		assert.Len(t, r.logs.AllLogs(), calls)
		assert.Len(t, r.traces.AllTraces(), calls)
	})
	t.Run("before its time when there is much", func(t *testing.T) {
		const dimension, vectors = 2560, 60 // 0.6 MB
		large := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(vectors, dimension, true)))
		r := startReceiver(t, options{upstream: large.URL, noTraces: true, configure: flushEvery(maxFlushInterval)})
		send(r, 4)
		r.waitForEvents(t, 4)
		assert.Len(t, r.logs.AllLogs(), 2)
	})
	t.Run("the rest at shutdown", func(t *testing.T) {
		r := startReceiver(t, options{upstream: upstream.URL, configure: flushEvery(maxFlushInterval)})
		send(r, calls)
		require.NoError(t, r.shutdown(t.Context()))
		r.waitForEvents(t, calls)
		r.waitForSpans(t, calls)
		assert.Len(t, r.logs.AllLogs(), 1)
		assert.Empty(t, r.dropped(t))
	})
	t.Run("all are counted when refused", func(t *testing.T) {
		r := startReceiver(t, options{upstream: upstream.URL, nextLogs: consumertest.NewErr(errors.New("full")),
			nextTraces: consumertest.NewErr(errors.New("full")), configure: flushEvery(maxFlushInterval)})
		send(r, calls)
		require.NoError(t, r.shutdown(t.Context()))
		assert.Equal(t, map[string]int64{"logs_refused": calls, "traces_refused": calls}, r.dropped(t))
	})
}
