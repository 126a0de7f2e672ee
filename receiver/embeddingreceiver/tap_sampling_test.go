package embeddingreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestVectorSampling: every call is an event that says all, and some carry the vectors.
func TestVectorSampling(t *testing.T) {
	const calls = 400
	for _, ratio := range []float64{0, 0.25, 1} {
		upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 8, false)))
		r := startReceiver(t, options{upstream: upstream.URL, noTraces: true, configure: func(c *Config) {
			c.Tap.Get().Analysis.VectorSamplingRatio = ratio
		}})
		client := newClient(t)
		for range calls {
			post(t, client, r.tap+"/v1/embeddings", `{"model":"m","input":["a","b"]}`)
		}
		with := 0
		for _, lr := range r.waitForEvents(t, calls) {
			var ev embedding.Event
			require.True(t, ev.ReadLogRecord(lr))
			assert.Equal(t, 2, ev.OutputCount)
			assert.Equal(t, 8, ev.OutputDimension)
			assert.Equal(t, int64(10), ev.InputTokens)
			if len(ev.Vectors) > 0 {
				with++
				assert.Len(t, ev.Vectors, 16)
			}
		}
		// Six standard deviations of a binomial: about one run in 10⁹ would fail by chance.
		spread := 6 * 8.66
		assert.InDelta(t, ratio*calls, with, map[bool]float64{true: spread, false: 0}[ratio > 0 && ratio < 1], ratio)
		assert.Empty(t, r.unanalyzed(t))
	}
}
