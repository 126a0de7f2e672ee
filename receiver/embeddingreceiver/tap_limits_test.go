package embeddingreceiver

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadatatest"
)

const oneCall = `{"model":"m","input":"a"}`

// blockingLogs takes logs only after it is released, or until their context ends.
type blockingLogs struct {
	consumertest.LogsSink
	entered chan struct{}
	release chan struct{}
}

func newBlockingLogs() *blockingLogs {
	return &blockingLogs{entered: make(chan struct{}, 100), release: make(chan struct{})}
}

func (b *blockingLogs) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	b.entered <- struct{}{}
	select {
	case <-b.release:
		return b.LogsSink.ConsumeLogs(ctx, ld)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func smallTap(c *Config) {
	c.Tap.Get().Analysis.Workers = 1
	c.Tap.Get().Analysis.QueueSize = 2
	c.Tap.Get().Analysis.FlushInterval = 0 // the worker waits for the pipeline
}

func TestTapQueueOverflow(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	next := newBlockingLogs()
	r := startReceiver(t, options{upstream: upstream.URL, nextLogs: next, configure: smallTap})
	client := newClient(t)
	call := func() {
		status, _ := post(t, client, r.tap+"/v1/embeddings", oneCall)
		assert.Equal(t, http.StatusOK, status) // whatever becomes of the event
	}
	call()
	<-next.entered // the only worker is busy, and the queue empty
	for range 9 {
		call()
	}
	require.Eventually(t, func() bool { return r.dropped(t)["queue_full"] == 7 }, patience, tick)
	close(next.release)
	require.Eventually(t, func() bool { return next.LogRecordCount() == 3 }, patience, tick)
	require.NoError(t, r.shutdown(t.Context()))
	assert.Equal(t, 3, next.LogRecordCount())
	assert.Equal(t, map[string]int64{"queue_full": 7}, r.dropped(t))
	assert.Equal(t, map[string]int64{"": 10}, r.sum(t, "otelcol_embedding_tap_calls"))
}

func TestTapMemoryLimit(t *testing.T) {
	const perCall = 2 * minBufferSize // a small request and a small answer
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	next := newBlockingLogs()
	r := startReceiver(t, options{upstream: upstream.URL, nextLogs: next, configure: func(c *Config) {
		c.Tap.Get().Analysis.Workers = 1
		c.Tap.Get().Analysis.FlushInterval = 0
		c.Tap.Get().Analysis.CaptureMemoryLimit = 2*perCall + minBufferSize
	}})
	client := newClient(t)
	url := r.tap + "/v1/embeddings"
	post(t, client, url, oneCall)
	<-next.entered
	require.Zero(t, r.capturedMemory(t), "a worker gives memory back before it hands the event on")

	for _, want := range []int64{perCall, 2 * perCall, 2*perCall + minBufferSize, 2*perCall + minBufferSize} {
		post(t, client, url, oneCall)
		require.Eventually(t, func() bool { return r.capturedMemory(t) == want }, patience, tick)
	}
	close(next.release)
	require.Eventually(t, func() bool { return next.LogRecordCount() == 5 }, patience, tick)
	assert.Equal(t, map[string]int64{"memory_limit": 2}, r.unanalyzed(t))
	assert.Zero(t, r.capturedMemory(t))
	assert.Empty(t, r.dropped(t))
}

// TestCaptureKeepsTheEnd writes a body that is lost somewhere, in any parts.
func TestCaptureKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory(1<<20, rapid.IntRange(0, 2000).Draw(t, "body"))
		c := capture{keepsEnd: true}
		if rapid.Bool().Draw(t, "lost from the start") {
			c.lost = reasonCPU
		}
		var after []byte // what was written since the loss
		for range rapid.IntRange(0, 20).Draw(t, "writes") {
			part := rapid.SliceOfN(rapid.Byte(), 0, 1000).Draw(t, "part")
			c.write(m, part, 0)
			if c.lost != "" {
				after = append(after, part...)
			}
		}
		want := after[max(0, len(after)-endSize):]
		if len(c.end) > 2*endSize || !bytes.HasSuffix(c.end, want) {
			t.Fatalf("%d bytes kept of %d", len(c.end), len(after))
		}
		c.release(m)
	})
}

// TestMemoryReleasesExactly writes bodies of any size in any parts, beyond all limits.
func TestMemoryReleasesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 1<<20).Draw(t, "limit")
		m := newMemory(limit, rapid.IntRange(1, 1<<19).Draw(t, "body"))
		captures := make([]capture, rapid.IntRange(1, 5).Draw(t, "captures"))
		wrote := make([][]byte, len(captures))
		for range rapid.IntRange(0, 30).Draw(t, "writes") {
			i := rapid.IntRange(0, len(captures)-1).Draw(t, "capture")
			part := make([]byte, rapid.IntRange(0, 1<<17).Draw(t, "size"))
			for j := range part {
				part[j] = byte(len(wrote[i]) + j)
			}
			captures[i].write(m, part, rapid.IntRange(0, 1<<18).Draw(t, "hint"))
			wrote[i] = append(wrote[i], part...)
			var sum int64
			for _, c := range captures {
				if c.buf != nil {
					sum += int64(cap(c.buf.data))
				}
			}
			if used := m.used.Load(); used != sum || used > limit {
				t.Fatalf("%d bytes used, limit %d, buffers of %d", used, limit, sum)
			}
			if captures[i].lost == "" && string(captures[i].bytes()) != string(wrote[i]) {
				t.Fatal("the copy differs")
			}
		}
		for i := range captures {
			captures[i].release(m)
			captures[i].release(m) // twice is once
		}
		if used := m.used.Load(); used != 0 {
			t.Fatalf("%d bytes left", used)
		}
	})
}

func TestMemoryConcurrently(t *testing.T) {
	m := newMemory(1<<20, 1<<18)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				var c capture
				for range 5 {
					c.write(m, make([]byte, (i*j*997)%60_000), 0)
				}
				c.release(m)
			}
		})
	}
	wg.Wait()
	assert.Zero(t, m.used.Load())
}

func TestMemoryReuse(t *testing.T) {
	m := newMemory(1<<20, 1<<18)
	part := make([]byte, 10_000)
	allocs := testing.AllocsPerRun(100, func() {
		var c capture
		c.write(m, part, 20_000)
		c.write(m, part, 20_000)
		c.release(m)
	})
	assert.Less(t, allocs, 1.0) // the garbage collector may empty the pool
}

// panicking is an API whose reader has a bug.
type panicking struct {
	dialect.OpenAI
	onRequest bool
}

func (p panicking) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	if p.onRequest {
		ev.RequestModel = "half read"
		panic("a bug")
	}
	return p.OpenAI.ReadRequest(body, texts, ev)
}

func (p panicking) ReadEnd(http.Header, []byte, *embedding.Event) { panic("a bug") }

func (p panicking) ReadResponse(http.Header, []byte, *embedding.Event) error { panic("a bug") }

func newTestTexts() *embedding.TextReader {
	return embedding.NewTextReader(embedding.NewFingerprinter([]byte("key")), nil, nil)
}

func TestTapContainsPanics(t *testing.T) {
	for name, onRequest := range map[string]bool{"request": true, "answer": false} {
		t.Run(name, func(t *testing.T) {
			upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
			telemetry := componenttest.NewTelemetry()
			set := metadatatest.NewSettings(telemetry)
			logged, logs := observer.New(zap.WarnLevel)
			set.Logger = zap.New(logged)
			builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
			require.NoError(t, err)
			obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
			require.NoError(t, err)

			r := &rig{logs: &consumertest.LogsSink{}, telemetry: telemetry}
			cfg := defaultTapConfig()
			cfg.ServerConfig.NetAddr.Endpoint = freeAddress(t)
			cfg.Upstream.Endpoint = upstream.URL
			tap, err := newTap(&cfg, set.TelemetrySettings, &output{logs: r.logs, obs: obs}, builder, newTestTexts,
				func(string, string) (dialect.Dialect, bool) { return panicking{onRequest: onRequest}, true })
			require.NoError(t, err)
			require.NoError(t, tap.start(t.Context(), componenttest.NewNopHost()))

			client := newClient(t)
			for range 3 {
				status, body := post(t, client, "http://"+cfg.ServerConfig.NetAddr.Endpoint+"/v1/embeddings", oneCall)
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, string(embeddingsAnswer(1, 8, false)), body)
			}
			for _, lr := range r.waitForEvents(t, 3) {
				var ev embedding.Event
				require.True(t, ev.ReadLogRecord(lr))
				assert.Equal(t, http.StatusOK, ev.StatusCode)
				assert.Equal(t, "/v1/embeddings", ev.URLPath)
				assert.Empty(t, ev.RequestModel)
			}
			require.NoError(t, tap.shutdown(t.Context()))
			assert.Equal(t, map[string]int64{"panic": 3}, r.unanalyzed(t))
			assert.Zero(t, tap.observe.memory.used.Load())
			assert.Equal(t, 1, logs.Len(), "one warning stands for all")
			builder.Shutdown()
			require.NoError(t, telemetry.Shutdown(t.Context()))
		})
	}
}

// newTestWorker returns a worker whose analysis can be called by itself.
func newTestWorker(m *memory) *worker {
	cfg := defaultTapConfig()
	return &worker{
		analyzer: &analyzer{memory: m, cfg: &cfg.Analysis},
		texts:    newTestTexts(),
	}
}

// TestAnalysisAllocatesNothingPerVector compares a batch with a single vector.
func TestAnalysisAllocatesNothingPerVector(t *testing.T) {
	allocations := func(n int, asBase64 bool) float64 {
		m := newMemory(1<<30, 1<<24)
		w := newTestWorker(m)
		c := &call{dialect: dialect.OpenAI{}, status: http.StatusOK, header: http.Header{}}
		request, answer := []byte(oneCall), embeddingsAnswer(n, 256, asBase64)
		return testing.AllocsPerRun(100, func() {
			c.request.write(m, request, 0)
			c.response.write(m, answer, 0)
			w.describe(c)
			if why := w.analyze(c); why != "" {
				t.Fatal(why)
			}
		})
	}
	for _, asBase64 := range []bool{false, true} {
		// The garbage collector may take a pooled buffer meanwhile.
		assert.InDelta(t, allocations(1, asBase64), allocations(64, asBase64), 4)
	}
}

func TestShutdownDrains(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	next := newBlockingLogs()
	r := startReceiver(t, options{upstream: upstream.URL, nextLogs: next, configure: smallTap})
	client := newClient(t)
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	<-next.entered // the worker has it, so that the queue takes two more
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	done := make(chan error)
	go func() { done <- r.shutdown(context.Background()) }()
	close(next.release)
	require.NoError(t, <-done)
	assert.Equal(t, 3, next.LogRecordCount())
	assert.Empty(t, r.dropped(t))
}

func TestShutdownGivesUp(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	next := newBlockingLogs()
	r := startReceiver(t, options{upstream: upstream.URL, nextLogs: next, configure: smallTap})
	client := newClient(t)
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	<-next.entered
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	post(t, client, r.tap+"/v1/embeddings", oneCall)
	// A client has its answer a moment before the tap queues the call.
	require.Eventually(t, func() bool { return r.gauge(t, "otelcol_embedding_tap_queue_length") == 2 }, patience, tick)
	client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.shutdown(ctx) // an error if connections were still open
	assert.Zero(t, next.LogRecordCount())
	assert.Equal(t, map[string]int64{"logs_refused": 1, "shutdown": 2}, r.dropped(t))
	assert.Equal(t, 1, r.traces.SpanCount(), "the call that was being handed on")
}

func TestShutdownCutsOffCalls(t *testing.T) {
	arrived := make(chan struct{})
	upstream := serveUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	r := startReceiver(t, options{upstream: upstream.URL})
	failed := make(chan error)
	go func() {
		res, err := newClient(t).Get(r.tap + "/v1/slow")
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, r.shutdown(ctx), context.Canceled)
	require.Error(t, <-failed)
}

func TestLifecycle(t *testing.T) {
	factory := NewFactory()
	newConfig := func() *Config {
		cfg := createDefaultConfig().(*Config)
		tap := cfg.Tap.GetOrInsertDefault()
		tap.ServerConfig.NetAddr.Endpoint = freeAddress(t)
		tap.Upstream.Endpoint = "http://localhost:8000"
		cfg.Ingest.GetOrInsertDefault().ServerConfig.NetAddr.Endpoint = freeAddress(t)
		return cfg
	}
	create := func(cfg *Config) component.Component {
		r, err := factory.CreateLogs(t.Context(), metadatatest.NewSettings(componenttest.NewTelemetry()), cfg, consumertest.NewNop())
		require.NoError(t, err)
		return r
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()

	t.Run("shutdown before start", func(t *testing.T) {
		r := create(newConfig())
		require.NoError(t, r.Shutdown(t.Context()))
		require.NoError(t, r.Shutdown(cancelled))
	})
	t.Run("shutdown twice", func(t *testing.T) {
		r := create(newConfig())
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, r.Shutdown(t.Context()))
		require.NoError(t, r.Shutdown(t.Context()))
	})
	t.Run("shutdown at once", func(t *testing.T) {
		r := create(newConfig())
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		_ = r.Shutdown(cancelled) // an error if the server was not done yet
	})
	t.Run("start again with the same configuration", func(t *testing.T) {
		cfg := newConfig()
		for range 2 {
			r := create(cfg)
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
			require.NoError(t, r.Shutdown(t.Context()))
		}
	})
	t.Run("the port is taken", func(t *testing.T) {
		first, second := newConfig(), newConfig()
		second.Ingest.Get().ServerConfig.NetAddr.Endpoint = first.Ingest.Get().ServerConfig.NetAddr.Endpoint
		a, b := create(first), create(second)
		require.NoError(t, a.Start(t.Context(), componenttest.NewNopHost()))
		err := b.Start(t.Context(), componenttest.NewNopHost())
		require.ErrorContains(t, err, "ingest: listen on "+first.Ingest.Get().ServerConfig.NetAddr.Endpoint)
		require.NoError(t, b.Shutdown(t.Context()))
		require.NoError(t, a.Shutdown(t.Context()))
	})
	t.Run("one for logs and traces", func(t *testing.T) {
		cfg := newConfig()
		set := metadatatest.NewSettings(componenttest.NewTelemetry())
		logs, err := factory.CreateLogs(t.Context(), set, cfg, consumertest.NewNop())
		require.NoError(t, err)
		traces, err := factory.CreateTraces(t.Context(), set, cfg, consumertest.NewNop())
		require.NoError(t, err)
		assert.Same(t, logs, traces)
		other, err := factory.CreateLogs(t.Context(), set, newConfig(), consumertest.NewNop())
		require.NoError(t, err)
		assert.NotSame(t, logs, other)
		require.NoError(t, logs.Shutdown(t.Context()))
		require.NoError(t, other.Shutdown(t.Context()))
	})
	t.Run("ingest without logs", func(t *testing.T) {
		r, err := factory.CreateTraces(t.Context(), metadatatest.NewSettings(componenttest.NewTelemetry()), newConfig(), consumertest.NewNop())
		require.NoError(t, err)
		require.ErrorContains(t, r.Start(t.Context(), componenttest.NewNopHost()), "ingest: needs the receiver in a logs pipeline")
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

func TestFingerprintKeys(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	fingerprints := func(key string) string {
		r := startReceiver(t, options{upstream: upstream.URL, configure: func(c *Config) {
			c.FingerprintKey = ""
			if key != "" {
				c.FingerprintKey = "k"
			}
		}})
		post(t, newClient(t), r.tap+"/v1/embeddings", oneCall)
		return string(r.waitForEvent(t).InputFingerprints)
	}
	assert.Equal(t, fingerprints("k"), fingerprints("k"))
	assert.NotEqual(t, fingerprints(""), fingerprints(""), "without a key each process has its own")
	assert.Equal(t, embedding.FingerprintSize, len(fingerprints("")))
}
