package embeddingqualityprocessor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/reference"
	"github.com/otelcol-embedding/otelcol-embedding/internal/storages/storagestest"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadatatest"
)

func reportsState(cfg *Config) { cfg.ReportState = true }

func merges(cfg *Config) { cfg.Merge = configoptional.Some(MergeConfig{Wait: 15 * time.Second}) }

func pinnedTo(path string) func(*Config) {
	return func(cfg *Config) {
		cfg.MinVectors = 16
		cfg.Reference.Files = []string{path}
	}
}

// windowLogs ends the window of h and returns its reports as they are sent.
func (h *harness) windowLogs() []plog.Logs {
	h.sink.Reset()
	h.clock.tick()
	return h.sink.AllLogs()
}

// feed passes logs to a gateway, each a copy.
func (h *harness) feed(all []plog.Logs) {
	for _, logs := range all {
		sent := plog.NewLogs()
		logs.CopyTo(sent)
		require.NoError(h.t, h.processor.ConsumeLogs(h.t.Context(), sent))
	}
}

// of returns the event as one that a replica answered.
func of(ev *embedding.Event, replica int) *embedding.Event {
	ev.ServerAddress = fmt.Sprintf("10.0.0.%d", replica+1)
	return ev
}

// TestMergeEqualsOne: what several agents saw, merged in any order and with reports that come twice, is what one processor reports that
// saw all of it, up to rounding.
func TestMergeEqualsOne(t *testing.T) {
	s := newSource(testDimension, 1)
	path, _ := learned(t, s, reference.Header{Model: testModel})
	random := rand.New(rand.NewPCG(1, 2))
	one := newHarness(t, pinnedTo(path))
	agents := make([]*harness, 3)
	for i := range agents {
		agents[i] = newHarness(t, pinnedTo(path), reportsState)
	}
	gateway := newHarness(t, pinnedTo(path), merges)
	var want, got []embedding.WindowReport
	faulty := newSource(testDimension, 9)
	verdicts := make(map[embedding.Verdict]int)
	for i := range drift.MinNull + 60 {
		for range 12 {
			replica := random.IntN(4)
			ev := of(s.event(8), replica)
			switch {
			case i > drift.MinNull+20 && replica == 2:
				copy(ev.Vectors, faulty.event(4).Vectors)
			case i == 7:
				ev.Vectors[3] = 0 // a norm that is not 1
			}
			one.consume(ev)
			agents[random.IntN(len(agents))].consume(ev)
		}
		want = append(want, one.reports()...)
		var sent []plog.Logs
		for _, a := range agents {
			sent = append(sent, a.windowLogs()...)
		}
		sent = append(sent, sent[random.IntN(len(sent))])
		random.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
		gateway.feed(sent)
		got = append(got, gateway.reports()...)
	}
	gateway.sink.Reset()
	gateway.stop()
	got = append(got, reportsIn(gateway.sink.AllLogs())...)
	require.Len(t, got, len(want))
	for i := range want {
		verdicts[want[i].Verdict]++
		assertSameReport(t, &want[i], &got[i])
	}
	for _, verdict := range []embedding.Verdict{
		embedding.VerdictLearning, embedding.VerdictHealthy, embedding.VerdictReplicaFault, embedding.VerdictInvalidOutput,
	} {
		assert.Positive(t, verdicts[verdict], verdict)
	}
}

// assertSameReport compares reports up to a relative error of 1e-9. p-values far out, which are differences in an exponent, may be
// further apart.
func assertSameReport(t *testing.T, want, got *embedding.WindowReport) {
	t.Helper()
	near := func(want, got float64, tolerance float64, what string) {
		t.Helper()
		assert.InDelta(t, want, got, tolerance*max(1, want), what)
	}
	require.Equal(t, want.Key, got.Key)
	require.Equal(t, want.Start, got.Start)
	assert.Equal(t, want.End, got.End)
	assert.Equal(t, want.Verdict, got.Verdict)
	assert.Equal(t, want.Vectors, got.Vectors)
	assert.Equal(t, want.Counts, got.Counts)
	near(want.Norm.Mean, got.Norm.Mean, 1e-9, "norm")
	near(want.Norm.StdDev, got.Norm.StdDev, 1e-9, "norm")
	assert.Equal(t, want.Norm.Min, got.Norm.Min)
	if assert.Equal(t, want.Drift == nil, got.Drift == nil) && want.Drift != nil {
		near(want.Drift.CentroidDistance, got.Drift.CentroidDistance, 1e-9, "centroid")
		near(want.Drift.MeanShiftZ, got.Drift.MeanShiftZ, 1e-9, "z")
		near(want.Drift.CosineKS, got.Drift.CosineKS, 1e-9, "ks")
		near(want.Drift.CosineDivergence, got.Drift.CosineDivergence, 1e-9, "divergence")
		near(want.Drift.VarianceShift, got.Drift.VarianceShift, 1e-9, "variances")
		near(want.Drift.EffectiveRank, got.Drift.EffectiveRank, 1e-9, "rank")
		assert.Equal(t, want.Drift.ReferenceWindows, got.Drift.ReferenceWindows)
	}
	require.Len(t, got.Evidence, len(want.Evidence))
	for i, e := range want.Evidence {
		assert.Equal(t, e.Statistic, got.Evidence[i].Statistic)
		near(e.P, got.Evidence[i].P, 1e-6, e.Statistic)
		near(e.Share, got.Evidence[i].Share, 1e-6, e.Statistic)
	}
}

// TestMergeOfReferencesApart: where each agent learned for itself, windows cannot be added up. What the agents find can.
func TestMergeOfReferencesApart(t *testing.T) {
	s := newSource(testDimension, 3)
	small := func(cfg *Config) { cfg.MinVectors = 16 }
	agents := []*harness{newHarness(t, small, reportsState), newHarness(t, small, reportsState)}
	gateway := newHarness(t, small, merges)
	step := func() []embedding.WindowReport {
		for i, a := range agents {
			a.consume(of(s.event(30), i))
			gateway.feed(a.windowLogs())
		}
		return gateway.reports()
	}
	seen := func(windows int) map[embedding.Verdict]int {
		verdicts := make(map[embedding.Verdict]int)
		for range windows {
			for _, r := range step() {
				verdicts[r.Verdict]++
			}
		}
		return verdicts
	}
	assert.Equal(t, []embedding.Verdict{embedding.VerdictLearning}, keys(seen(drift.MinNull)))
	seen(6)
	assert.Equal(t, []embedding.Verdict{embedding.VerdictHealthy}, keys(seen(50)))
	s.mean = newSource(testDimension, 4).mean
	seen(10)
	assert.Equal(t, []embedding.Verdict{embedding.VerdictTrafficShift}, keys(seen(10)))
}

// TestMergeFindsReplica: a replica that differs from the others is named, though no agent sees another, nor their references are one.
func TestMergeFindsReplica(t *testing.T) {
	s, wrong := newSource(testDimension, 5), newSource(testDimension, 6)
	small := func(cfg *Config) { cfg.MinVectors = 16 }
	agents := make([]*harness, 3)
	for i := range agents {
		agents[i] = newHarness(t, small, reportsState)
	}
	gateway := newHarness(t, small, merges)
	for i := range 150 {
		for replica, a := range agents {
			ev := of(s.event(40), replica)
			if i > 130 && replica == 1 {
				copy(ev.Vectors, wrong.event(30).Vectors)
			}
			a.consume(ev)
			gateway.feed(a.windowLogs())
		}
		for _, r := range gateway.reports() {
			if r.Verdict == embedding.VerdictReplicaFault {
				assert.Greater(t, i, 130)
				assert.Equal(t, "10.0.0.2:8000", r.Key.Replica)
				return
			}
		}
	}
	assert.Fail(t, "not found")
}

func keys(verdicts map[embedding.Verdict]int) []embedding.Verdict {
	var all []embedding.Verdict
	for v := range verdicts {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// TestMergeDrops: what comes late, twice, from the future or cannot be read is dropped, and counted.
func TestMergeDrops(t *testing.T) {
	s := newSource(testDimension, 7)
	host := storagestest.NewHost(t, t.TempDir(), storageID)
	agent := newHarness(t, reportsState)
	gateway := newHarnessOn(t, host, stored, merges, func(cfg *Config) { cfg.MaxKeys = 1 })
	agent.consume(s.event(5))
	sent := agent.windowLogs()
	gateway.clock.tick()
	gateway.feed(sent)
	gateway.feed(sent) // duplicate
	agent.clock.advance(time.Hour)
	agent.windowLogs()
	agent.consume(s.event(1))
	gateway.feed(agent.windowLogs()) // early
	record := recordIn(sent[0])
	state, _ := record.Attributes().Get("embedding.quality.state")
	intact := state.Bytes().AsRaw()
	state.Bytes().FromRaw(intact[:9])
	gateway.feed(sent) // unreadable
	state.Bytes().FromRaw(intact)
	record.Attributes().PutStr("embedding.replica", "another")
	gateway.feed(sent) // full
	gateway.sink.Reset()
	gateway.clock.tick()
	gateway.clock.tick()
	reports := reportsIn(gateway.sink.AllLogs())
	require.Len(t, reports, 1)
	assert.EqualValues(t, 5, reports[0].Vectors)
	record.Attributes().PutStr("embedding.replica", reports[0].Key.Replica)
	gateway.feed(sent) // late

	dropped := func(reasons ...string) {
		var want []metricdata.DataPoint[int64]
		for _, reason := range reasons {
			want = append(want, metricdata.DataPoint[int64]{
				Value: 1, Attributes: attribute.NewSet(attribute.String("reason", reason)),
			})
		}
		metadatatest.AssertEqualProcessorEmbeddingQualityReportsDropped(t, gateway.telemetry, want, metricdatatest.IgnoreTimestamp())
	}
	dropped("duplicate", "early", "unreadable", "full", "late")
	metadatatest.AssertEqualProcessorEmbeddingQualityReportsMerged(t, gateway.telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())

	gateway.stop()
	gateway = newHarnessOn(t, host, stored, merges)
	gateway.clock.advance(30 * time.Second)
	gateway.feed(sent)
	dropped("late") // after a restart too
}

func recordIn(logs plog.Logs) plog.LogRecord {
	return logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

// TestMergePassesOthersOn: reports without state pass, and of a batch what is not merged.
func TestMergePassesOthersOn(t *testing.T) {
	s := newSource(testDimension, 8)
	gateway := newHarness(t, merges)
	plain := newHarness(t)
	plain.consume(s.event(2))
	gateway.feed(plain.windowLogs())
	assert.Equal(t, 1, gateway.sink.LogRecordCount())

	agent := newHarness(t, reportsState)
	agent.consume(s.event(2))
	sent := agent.windowLogs()
	gateway.sink.Reset()
	gateway.feed(sent)
	assert.Empty(t, gateway.sink.AllLogs(), "nothing is left of a batch of reports")
	logsOf(s.event(1)).ResourceLogs().MoveAndAppendTo(sent[0].ResourceLogs())
	gateway.feed(sent)
	assert.Equal(t, 1, gateway.sink.LogRecordCount())
	assert.Equal(t, 1, gateway.sink.AllLogs()[0].ResourceLogs().Len())
}

// TestMergeSpans: in pipelines of traces, reports are spans.
func TestMergeSpans(t *testing.T) {
	agent, sink, clock := newTraces(t, reportsState)
	s, traces := newSource(testDimension, 9), ptrace.NewTraces()
	openInference(traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans(), []string{"one"}, [][]float32{s.vector()})
	require.NoError(t, agent.ConsumeTraces(t.Context(), traces))
	sink.Reset()
	clock.tick()
	sent := sink.AllTraces()
	require.Len(t, sent, 1)
	require.NoError(t, agent.Shutdown(t.Context()))

	gateway, sink, _ := newTraces(t, merges)
	require.NoError(t, gateway.ConsumeTraces(t.Context(), sent[0]))
	assert.Empty(t, sink.AllTraces())
	require.NoError(t, gateway.Shutdown(t.Context()))
	require.Len(t, sink.AllTraces(), 1, "what was reported is judged before the end")
	var report embedding.WindowReport
	require.True(t, report.ReadSpan(sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)))
	assert.EqualValues(t, 1, report.Vectors)
	assert.Nil(t, report.State)
}
