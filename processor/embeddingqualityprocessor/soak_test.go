package embeddingqualityprocessor

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

// TestSoak judges clean vectors of 2560 dimensions, as many as EMBEDDING_SOAK says, in windows of 8192. None may be flagged, no
// window may alarm, and what is kept of the key stays within 1 MiB. A hundred million take about ten minutes.
func TestSoak(t *testing.T) {
	vectors, err := strconv.Atoi(os.Getenv("EMBEDDING_SOAK"))
	if err != nil {
		t.Skip("EMBEDDING_SOAK is not a number of vectors, e.g. 100000000")
	}
	const dimension, batch, pool, perWindow = 2560, 32, 8192, 8192
	cfg, clock, sink := createDefaultConfig().(*Config), newFakeClock(), new(consumertest.LogsSink)
	cfg.KeepVectors = true
	// A text comes again with the vector that it had: to a processor this is all there ever is to see of a stream.
	s := newSource(dimension, 1)
	stream := make([]plog.Logs, pool/batch)
	for i := range stream {
		stream[i] = logsOf(s.event(batch))
	}
	p, err := newLogsProcessor(processortest.NewNopSettings(metadata.Type), cfg, &factory{clock: clock.clock()}, sink)
	require.NoError(t, err)
	p.reporter.start()
	other := s.event(batch)
	other.RequestModel, other.OutputDimension, other.Vectors = "another", 1, other.Vectors[:batch] // what there is but once
	_, err = p.process(t.Context(), logsOf(other))
	require.NoError(t, err)
	before := heap()
	verdicts := make(map[embedding.Verdict]int)
	judged, most := 0, int64(0)
	for window := 1; judged < vectors; window++ {
		for range perWindow / batch {
			_, err := p.process(t.Context(), stream[s.random.IntN(len(stream))])
			require.NoError(t, err)
			judged += batch
		}
		clock.tick()
		for _, report := range reportsIn(sink.AllLogs()) {
			if report.Key.Model == "another" {
				continue
			}
			require.Zero(t, report.Counts)
			require.False(t, report.Verdict.Alarming(), "%s in window %d", report.Verdict, window)
			verdicts[report.Verdict]++
		}
		sink.Reset()
		if window%100 == 0 {
			most = max(most, heap()-before)
		}
		if window&(window-1) == 0 {
			t.Logf("%d vectors: %d KiB, by its own account %d KiB", judged, (heap()-before)/1024, p.judge.size()/1024)
		}
	}
	most = max(most, heap()-before)
	t.Logf("%d vectors, %v: at most %d KiB", judged, verdicts, most/1024)
	assert.Less(t, most, int64(1<<20))
}
