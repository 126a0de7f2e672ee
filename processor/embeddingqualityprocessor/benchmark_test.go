package embeddingqualityprocessor

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// newLearned returns a processor that has learned the reference of what s makes, and that keeps vectors, so that a
// record can be judged again and again.
func newLearned(tb testing.TB, s *source) *logsProcessor {
	cfg := createDefaultConfig().(*Config)
	cfg.KeepVectors = true
	p, err := newLogsProcessor(processortest.NewNopSettings(metadata.Type), cfg, &factory{clock: newFakeClock().clock()},
		consumertest.NewNop())
	require.NoError(tb, err)
	_, err = p.process(tb.Context(), logsOf(s.event(cfg.Reference.Vectors)))
	require.NoError(tb, err)
	return p
}

// TestNothingIsAllocatedPerVector: a call with 32 vectors allocates as often as a call with one. The fewest of many
// calls are compared: the end of a window, a collection that empties the pools, and the race detector, which drops a
// part of what a sync.Pool is given, allocate in some calls, vectors would in every one.
func TestNothingIsAllocatedPerVector(t *testing.T) {
	s := newSource(2560, 1)
	p := newLearned(t, s)
	allocations := func(vectors int) float64 {
		logs := logsOf(s.event(vectors))
		fewest := math.Inf(1)
		for range 100 {
			fewest = min(fewest, testing.AllocsPerRun(1, func() { _, _ = p.process(t.Context(), logs) }))
		}
		return fewest
	}
	one := allocations(1)
	assert.Equal(t, one, allocations(32))
	assert.Less(t, one, 20.0)
}

// BenchmarkLogs judges vectors of 2560 dimensions in a stream that does not fit in a cache. The baseline copies the
// same vectors once.
func BenchmarkLogs(b *testing.B) {
	const dimension, streamBytes = 2560, 128 << 20
	for _, batch := range []int{1, 32} {
		s := newSource(dimension, 1)
		p := newLearned(b, s)
		events := make([]*embedding.Event, streamBytes/(4*dimension*batch))
		stream := make([]plog.Logs, len(events))
		for i := range stream {
			events[i] = s.event(batch)
			stream[i] = logsOf(events[i])
		}
		report := func(b *testing.B) {
			b.SetBytes(int64(4 * dimension * batch))
			b.ReportAllocs()
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
		}
		b.Run(fmt.Sprintf("judge/%dx%d", batch, dimension), func(b *testing.B) {
			i := 0
			for b.Loop() {
				_, _ = p.process(b.Context(), stream[i%len(stream)])
				i++
			}
			report(b)
		})
		b.Run(fmt.Sprintf("copy/%dx%d", batch, dimension), func(b *testing.B) {
			dst := make([]float32, batch*dimension)
			i := 0
			for b.Loop() {
				copy(dst, events[i%len(events)].Vectors)
				i++
			}
			report(b)
		})
	}
}
