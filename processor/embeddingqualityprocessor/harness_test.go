package embeddingqualityprocessor

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

// testModel is the model of events unless a test says otherwise.
const testModel = "qwen3-embedding-4b"

// fakeClock is a clock that tests move.
type fakeClock struct {
	running sync.Mutex // while f runs, and while it is set

	mu   sync.Mutex
	time time.Time
	f    func()
}

func newFakeClock() *fakeClock {
	return &fakeClock{time: time.Unix(1_700_000_000, 0).UTC(), f: func() {}}
}

func (c *fakeClock) clock() clock {
	return clock{
		now: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.time
		},
		every: func(_ time.Duration, f func()) func() {
			c.set(f)
			return func() { c.set(func() {}) }
		},
	}
}

func (c *fakeClock) set(f func()) {
	c.running.Lock()
	defer c.running.Unlock()
	c.f = f
}

// tick ends the window and returns when its report was sent.
func (c *fakeClock) tick() {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	c.time = c.time.Add(10 * time.Second)
	c.mu.Unlock()
	c.f()
}

// advance moves the time without ending a window.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// harness is a started processor between a test and a sink.
type harness struct {
	t         testing.TB
	cfg       *Config
	id        component.ID
	clock     *fakeClock
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	processor processor.Logs
	sink      *consumertest.LogsSink
	stopped   bool
}

// newHarness starts a processor that learns from as few vectors as it can, unless configured otherwise.
func newHarness(t testing.TB, configure ...func(*Config)) *harness {
	return newHarnessOn(t, componenttest.NewNopHost(), configure...)
}

func newHarnessOn(t testing.TB, host component.Host, configure ...func(*Config)) *harness {
	h := prepareHarness(t, configure...)
	require.NoError(t, h.processor.Start(t.Context(), host))
	t.Cleanup(h.stop)
	return h
}

// prepareHarness returns one whose processor was not started.
func prepareHarness(t testing.TB, configure ...func(*Config)) *harness {
	h := &harness{
		t:         t,
		id:        component.MustNewID("embedding_quality"),
		clock:     newFakeClock(),
		telemetry: componenttest.NewTelemetry(),
		sink:      new(consumertest.LogsSink),
	}
	f := newFactory(h.clock.clock())
	h.cfg = f.CreateDefaultConfig().(*Config)
	h.cfg.Reference.Vectors = 64
	for _, c := range configure {
		c(h.cfg)
	}
	require.NoError(t, h.cfg.Validate())
	settings := metadatatest.NewSettings(h.telemetry)
	settings.ID = h.id
	settings.Logger, h.logs = observed()
	var err error
	h.processor, err = f.CreateLogs(t.Context(), settings, h.cfg, h.sink)
	require.NoError(t, err)
	return h
}

// stop shuts the processor down, once.
func (h *harness) stop() {
	if h.stopped {
		return
	}
	h.stopped = true
	ctx := context.Background() // that of the test has ended
	require.NoError(h.t, h.processor.Shutdown(ctx))
	require.NoError(h.t, h.telemetry.Shutdown(ctx))
}

// consume passes an event through the processor and returns its record as it came out.
func (h *harness) consume(ev *embedding.Event) plog.LogRecord {
	h.sink.Reset()
	require.NoError(h.t, h.processor.ConsumeLogs(h.t.Context(), logsOf(ev)))
	require.Equal(h.t, 1, h.sink.LogRecordCount())
	return h.sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

// judge returns the judgement of an event.
func (h *harness) judge(ev *embedding.Event) embedding.Quality {
	var got embedding.Event
	require.True(h.t, got.ReadLogRecord(h.consume(ev)))
	require.True(h.t, got.HasQuality)
	return got.Quality
}

// reports ends the window and returns its reports.
func (h *harness) reports() []embedding.WindowReport {
	h.sink.Reset()
	h.clock.tick()
	return reportsIn(h.sink.AllLogs())
}

func reportsIn(all []plog.Logs) []embedding.WindowReport {
	var reports []embedding.WindowReport
	for _, logs := range all {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					var report embedding.WindowReport
					if report.ReadLogRecord(record) {
						reports = append(reports, report)
					}
				}
			}
		}
	}
	return reports
}

func logsOf(events ...*embedding.Event) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, ev := range events {
		ev.WriteLogRecord(records.AppendEmpty(), ev.Time)
	}
	return logs
}

// source makes unit vectors around a mean, each for another text.
type source struct {
	random *rand.Rand
	mean   []float64
	spread []float64 // around the mean; nil is 1 in every element
	texts  uint64
}

func newSource(dimension int, seed uint64) *source {
	s := &source{random: rand.New(rand.NewPCG(seed, 0)), mean: make([]float64, dimension)}
	for i := range s.mean {
		s.mean[i] = 0.7 * s.random.NormFloat64()
	}
	return s
}

func (s *source) vector() []float32 {
	x := make([]float32, len(s.mean))
	for i := range x {
		deviation := s.random.NormFloat64()
		if s.spread != nil {
			deviation *= s.spread[i]
		}
		x[i] = float32(s.mean[i] + deviation)
	}
	return scaled(x, 1)
}

// text returns the fingerprint of a text that was not seen before.
func (s *source) text() []byte {
	s.texts++
	return binary.BigEndian.AppendUint64(nil, s.texts)
}

// event returns a call for n texts.
func (s *source) event(n int) *embedding.Event {
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = s.vector()
	}
	return s.answer(vectors...)
}

// answer returns a call for as many texts, answered with the given vectors of equal length.
func (s *source) answer(vectors ...[]float32) *embedding.Event {
	ev := &embedding.Event{
		Time:            time.Unix(1_700_000_000, 0),
		Provider:        "vllm",
		RequestModel:    testModel,
		ServerAddress:   "10.0.0.1",
		ServerPort:      8000,
		StatusCode:      200,
		InputCount:      len(vectors),
		OutputCount:     len(vectors),
		OutputDimension: len(vectors[0]),
	}
	for _, x := range vectors {
		ev.InputFingerprints = append(ev.InputFingerprints, s.text()...)
		ev.Vectors = append(ev.Vectors, x...)
	}
	return ev
}

// scaled returns x scaled to the given norm.
func scaled(x []float32, norm float64) []float32 {
	squared := 0.0
	for _, v := range x {
		squared += float64(v) * float64(v)
	}
	dst := make([]float32, len(x))
	for i, v := range x {
		dst[i] = float32(float64(v) * norm / math.Sqrt(squared))
	}
	return dst
}

func with(x []float32, i int, v float64) []float32 {
	x[i] = float32(v)
	return x
}
