package embeddingqualityprocessor

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"pgregory.net/rapid"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

func TestVectorsAreRemoved(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 1)
	var got embedding.Event
	require.True(t, got.ReadLogRecord(h.consume(s.event(3))))
	assert.Empty(t, got.Vectors)
	assert.Equal(t, 3, got.OutputCount)
	assert.True(t, got.HasQuality)
}

func TestVectorsAreKept(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.KeepVectors = true }), newSource(testDimension, 1)
	ev := s.event(3)
	var got embedding.Event
	require.True(t, got.ReadLogRecord(h.consume(ev)))
	assert.Equal(t, ev.Vectors, got.Vectors)
	assert.True(t, got.HasQuality)
}

// TestUnjudgedRecords: what is no event, has no vectors or failed goes on without a judgement.
func TestUnjudgedRecords(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 2)
	noVectors := s.event(2)
	noVectors.Vectors = nil
	failed := s.event(1)
	failed.ErrorType, failed.StatusCode, failed.Vectors = "500", 500, nil
	logs := logsOf(noVectors, failed)
	records := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	other := records.AppendEmpty()
	other.Body().SetStr("a line of another application")
	other.Attributes().PutEmptyBytes("embedding.vectors").FromRaw([]byte{1, 2, 3, 4})
	report := embedding.WindowReport{Key: embedding.Key{Model: testModel}, Verdict: embedding.VerdictHealthy}
	report.WriteLogRecord(records.AppendEmpty(), h.clock.time)

	want := plog.NewLogs()
	logs.CopyTo(want)
	require.NoError(t, h.processor.ConsumeLogs(t.Context(), logs))
	require.NoError(t, plogtest.CompareLogs(want, h.sink.AllLogs()[0]))
	assert.Empty(t, h.reports())
}

// TestCanariesAreNotJudged: their vectors are removed like any and belong to no window.
func TestCanariesAreNotJudged(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 1)
	ev := s.event(3)
	ev.Canary = true
	var got embedding.Event
	require.True(t, got.ReadLogRecord(h.consume(ev)))
	assert.True(t, got.Canary)
	assert.Empty(t, got.Vectors)
	assert.False(t, got.HasQuality)
	assert.Empty(t, h.reports())
}

func TestCallsAreJudged(t *testing.T) {
	h, s := newHarness(t, func(c *Config) { c.Models = []ModelConfig{{Name: testModel, MaxTokens: 100}} }), newSource(testDimension, 4)
	judged := func(change func(*embedding.Event)) embedding.RequestQuality {
		ev := s.event(1)
		ev.InputCharacters, ev.InputWords, ev.LongestWords = []int64{200}, 30, 30
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = 50, true, embedding.UnitToken
		change(ev)
		var got embedding.Event
		require.True(t, got.ReadLogRecord(h.consume(ev)))
		return got.Request
	}
	assert.Equal(t, embedding.RequestQuality{Utilization: 0.5}, judged(func(*embedding.Event) {}))
	pinned := judged(func(ev *embedding.Event) { ev.InputTokens = 100 })
	assert.True(t, pinned.Anomalies.Has(embedding.AnomalyTruncated))
	assert.Equal(t, 1.0, pinned.Utilization)
	failed := judged(func(ev *embedding.Event) { ev.StatusCode, ev.InputsEmpty, ev.Vectors = 400, 1, nil })
	assert.True(t, failed.Anomalies.Has(embedding.AnomalyEmptyInput))

	// A model without a limit keeps what was found where it was known.
	before := pinned
	after := judged(func(ev *embedding.Event) { ev.RequestModel, ev.Request = "another", before })
	assert.Equal(t, before, after)
}

// TestFailedCallsLoseVectors: an error that carries vectors is not judged, and does not carry them on.
func TestFailedCallsLoseVectors(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 3)
	ev := s.event(1)
	ev.ErrorType = "timeout"
	var got embedding.Event
	require.True(t, got.ReadLogRecord(h.consume(ev)))
	assert.False(t, got.HasQuality)
	assert.Empty(t, got.Vectors)
}

// TestAnyRecordIsSurvived gives the processor events whose fields contradict each other.
func TestAnyRecordIsSurvived(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.MaxKeys = 4 })
	number := rapid.OneOf(
		rapid.IntRange(-3, 40),
		rapid.SampledFrom([]int{math.MinInt, math.MaxInt, 1 << 32, -1 << 40}),
	)
	rapid.Check(t, func(t *rapid.T) {
		ev := &embedding.Event{
			RequestModel:       rapid.SampledFrom([]string{"", testModel, strings.Repeat("ü", 1<<12)}).Draw(t, "model"),
			TaskType:           rapid.SampledFrom([]string{"", "query"}).Draw(t, "task"),
			ServerAddress:      rapid.SampledFrom([]string{"", "10.0.0.1"}).Draw(t, "address"),
			ServerPort:         number.Draw(t, "port"),
			InputCount:         number.Draw(t, "inputs"),
			InputFingerprints:  rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "fingerprints"),
			RequestedDimension: number.Draw(t, "requested"),
			OutputCount:        number.Draw(t, "outputs"),
			OutputDimension:    number.Draw(t, "dimension"),
			OutputRagged:       number.Draw(t, "ragged"),
		}
		for _, bits := range rapid.SliceOfN(rapid.Uint32(), 0, 100).Draw(t, "vectors") {
			ev.Vectors = append(ev.Vectors, math.Float32frombits(bits))
		}
		h.sink.Reset()
		require.NoError(t, h.processor.ConsumeLogs(h.t.Context(), logsOf(ev)))
		require.Equal(t, 1, h.sink.LogRecordCount())
		var got embedding.Event
		require.True(t, got.ReadLogRecord(h.sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)))
		require.Empty(t, got.Vectors)
		require.LessOrEqual(t, got.Quality.Vectors, int64(maxRagged+100))
	})
	for _, report := range h.reports() {
		require.LessOrEqual(t, len(report.Key.Model), maxNameLength)
	}
	assertNotReported(t, h, "otelcol_processor_embedding_quality_panics")
}

// TestExtremeVectorsStayFinite: vectors at the ends of float32 make reports of finite numbers.
func TestExtremeVectorsStayFinite(t *testing.T) {
	h, s := newHarness(t), newSource(testDimension, 4)
	for i := range 200 {
		x := s.vector()
		for j := range x {
			x[j] *= []float32{1e-38, 1e38}[i%2]
		}
		h.judge(s.answer(x))
	}
	h.sink.Reset()
	h.clock.tick()
	record := h.sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	for name, v := range record.Attributes().All() {
		assert.False(t, math.IsNaN(v.Double()) || math.IsInf(v.Double(), 0), name)
	}
}

// TestConcurrentUse has many senders on few keys while windows end: every vector is reported exactly once.
func TestConcurrentUse(t *testing.T) {
	h := newHarness(t)
	const senders, calls, batch = 8, 50, 4
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			s := newSource(testDimension, 5)
			s.texts = uint64(i) << 32
			s.random.Uint64()
			for range i {
				s.vector()
			}
			for call := range calls {
				ev := s.event(batch)
				ev.ServerPort += call % 2
				assert.NoError(t, h.processor.ConsumeLogs(t.Context(), logsOf(ev)))
			}
		})
	}
	for range 20 {
		h.clock.tick()
	}
	wg.Wait()
	h.clock.tick()
	total := int64(0)
	for _, report := range reportsIn(h.sink.AllLogs()) {
		total += report.Vectors
	}
	assert.EqualValues(t, senders*calls*batch, total)
	assertNotReported(t, h, "otelcol_processor_embedding_quality_panics")
}

// TestPanicIsContained breaks a processor from inside: records go on unjudged, without vectors, and windows end.
func TestPanicIsContained(t *testing.T) {
	tel := componenttest.NewTelemetry()
	p, err := newLogsProcessor(metadatatest.NewSettings(tel), createDefaultConfig().(*Config), &factory{clock: newFakeClock().clock()}, nil)
	require.NoError(t, err)
	s := newSource(testDimension, 6)
	_, err = p.process(t.Context(), logsOf(s.event(1)))
	require.NoError(t, err)

	p.judge.profiles = nil
	logs, err := p.process(t.Context(), logsOf(s.event(1), s.event(1)))
	require.NoError(t, err)
	require.Equal(t, 2, logs.LogRecordCount())
	for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		var got embedding.Event
		require.True(t, got.ReadLogRecord(record))
		assert.False(t, got.HasQuality)
		assert.Empty(t, got.Vectors)
	}
	p.reporter.report(t.Context(), false) // to a next component that is nil
	metadatatest.AssertEqualProcessorEmbeddingQualityPanics(t, tel,
		[]metricdata.DataPoint[int64]{{Value: 3}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, tel.Shutdown(t.Context()))
}

// generationSize is that of validity.Duplicates.
const generationSize = 1024

// TestMemoryOfKey: a key at 2560 dimensions stays within 1 MiB with every store full, while it learns and afterwards.
func TestMemoryOfKey(t *testing.T) {
	for name, tt := range map[string]struct{ reference, windows int }{
		"first half":   {1 << 20, 0},
		"second half":  {2*3*generationSize - 2, 0},
		"learned":      {1000, 0},
		"many windows": {1000, 2100},
	} {
		t.Run(name, func(t *testing.T) { testMemoryOfKey(t, tt.reference, tt.windows) })
	}
}

func testMemoryOfKey(t *testing.T, reference, windows int) {
	const keys, dimension = 2, 2560
	h := newHarness(t, func(c *Config) { c.Reference.Vectors, c.MinVectors = reference, drift.MinReplica })
	ev := newSource(dimension, 7).answer(make([]float32, dimension))
	fill := func(model string, from, to int) {
		ev.RequestModel = model
		for i := from; i < to; i++ {
			binary.BigEndian.PutUint64(ev.InputFingerprints, uint64(i))
			clear(ev.Vectors)
			ev.Vectors[0], ev.Vectors[1+i%(dimension-1)] = 1, float32(1+i) // as many directions as there can be
			counts := h.judge(ev).Counts
			require.Zero(t, counts.Invalid())
		}
	}
	fill("another", 0, 1) // what there is but once
	before := heap()
	for key := range keys {
		fill(fmt.Sprint("model-", key), 0, 3*generationSize)
	}
	for range windows {
		for key := range keys {
			fill(fmt.Sprint("model-", key), 0, drift.MinReplica)
		}
		h.reports()
	}
	for key := range keys {
		fill(fmt.Sprint("model-", key), 0, 3*generationSize)
	}
	h.sink.Reset()
	perKey := (heap() - before) / keys
	got, err := h.telemetry.GetMetric("otelcol_processor_embedding_quality_memory")
	require.NoError(t, err)
	reported := got.Data.(metricdata.Sum[int64]).DataPoints[0].Value / keys
	t.Logf("%d KiB a key, %d KiB reported", perKey/1024, reported/1024)
	assert.InEpsilon(t, perKey, reported, 0.15)
	assert.Less(t, perKey, int64(1<<20))
	assert.Greater(t, perKey, int64(64*dimension*4), "the measurement sees the vectors that are kept")
}
