package embeddingqualityprocessor

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/ptracetest"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/processor/embeddingqualityprocessor/internal/metadata"
)

func newTraces(t *testing.T, configure ...func(*Config)) (processor.Traces, *consumertest.TracesSink, *fakeClock) {
	clock, sink := newFakeClock(), new(consumertest.TracesSink)
	f := newFactory(clock.clock())
	cfg := f.CreateDefaultConfig().(*Config)
	for _, c := range configure {
		c(cfg)
	}
	p, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	return p, sink, clock
}

// openInference adds a span as OpenInference's instrumentations write it, with one text for each vector.
func openInference(spans ptrace.SpanSlice, texts []string, vectors [][]float32) {
	span := spans.AppendEmpty()
	span.SetName("CreateEmbeddings")
	attrs := span.Attributes()
	attrs.PutStr("openinference.span.kind", "EMBEDDING")
	attrs.PutStr("embedding.model_name", testModel)
	for i, text := range texts {
		attrs.PutStr(fmt.Sprintf("embedding.embeddings.%d.embedding.text", i), text)
		list := attrs.PutEmptySlice(fmt.Sprintf("embedding.embeddings.%d.embedding.vector", i))
		for _, v := range vectors[i] {
			list.AppendEmpty().SetDouble(float64(v))
		}
	}
}

func TestOpenInferenceSpans(t *testing.T) {
	for _, key := range []configopaque.String{"", "a key"} {
		p, sink, clock := newTraces(t, func(c *Config) { c.FingerprintKey = key })
		s := newSource(testDimension, 1)
		x, y := s.vector(), s.vector()
		traces := ptrace.NewTraces()
		spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		openInference(spans, []string{"one", "two", "one"}, [][]float32{x, y, x})
		openInference(spans, []string{"three"}, [][]float32{x})
		require.NoError(t, p.ConsumeTraces(t.Context(), traces))

		spans = sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		var first, second embedding.Event
		require.True(t, first.ReadSpan(spans.At(0), nil))
		assert.Equal(t, embedding.Quality{
			Verdict: embedding.VerdictLearning, Vectors: 3, Norm: first.Quality.Norm,
		}, first.Quality)
		assert.Empty(t, first.Vectors)
		text, ok := spans.At(0).Attributes().Get("embedding.embeddings.1.embedding.text")
		require.True(t, ok)
		assert.Equal(t, "two", text.Str())

		require.True(t, second.ReadSpan(spans.At(1), nil))
		assert.Equal(t, embedding.ReasonCounts{Duplicate: 1}, second.Quality.Counts)
		assert.Equal(t, embedding.VerdictInvalidOutput, second.Quality.Verdict)

		clock.tick()
		require.NoError(t, p.Shutdown(t.Context()))
		require.Len(t, sink.AllTraces(), 2)
		report := sink.AllTraces()[1]
		span := report.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		round(span.Attributes())
		file := filepath.Join("testdata", "spans", "expected.yaml")
		if updateGolden() {
			require.NoError(t, golden.WriteTracesToFile(file, report))
		}
		expected, err := golden.ReadTraces(file)
		require.NoError(t, err)
		require.NoError(t, ptracetest.CompareTraces(expected, report,
			ptracetest.IgnoreTraceID(), ptracetest.IgnoreSpanID()))
		assert.False(t, span.TraceID().IsEmpty())
		assert.False(t, span.SpanID().IsEmpty())
	}
}

// TestReceiverSpansAreSkipped: the calls that the embedding receiver saw arrive as log records too.
func TestReceiverSpansAreSkipped(t *testing.T) {
	p, sink, clock := newTraces(t)
	traces := ptrace.NewTraces()
	scope := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	scope.Scope().SetName(embedding.ReceiverScope)
	openInference(scope.Spans(), []string{"one"}, [][]float32{newSource(testDimension, 1).vector()})
	want := ptrace.NewTraces()
	traces.CopyTo(want)
	require.NoError(t, p.ConsumeTraces(t.Context(), traces))
	clock.tick()
	require.NoError(t, p.Shutdown(t.Context()))
	require.Len(t, sink.AllTraces(), 1)
	require.NoError(t, ptracetest.CompareTraces(want, sink.AllTraces()[0]))
}

// TestSpansWithoutVectors: spans that follow the GenAI conventions or OpenLLMetry carry none, and go on as they are.
func TestSpansWithoutVectors(t *testing.T) {
	p, sink, _ := newTraces(t)
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	spans.AppendEmpty().Attributes().PutStr("gen_ai.operation.name", "embeddings")
	spans.AppendEmpty().Attributes().PutStr("llm.request.type", "embedding")
	spans.AppendEmpty().SetName("GET /")
	want := ptrace.NewTraces()
	traces.CopyTo(want)
	require.NoError(t, p.ConsumeTraces(t.Context(), traces))
	require.NoError(t, p.Shutdown(t.Context()))
	require.Len(t, sink.AllTraces(), 1)
	require.NoError(t, ptracetest.CompareTraces(want, sink.AllTraces()[0]))
}

// TestReceiverSpansAreMarked: what was found wrong in a call's record is written on its span, by the processor of traces with the same
// configuration. Calls without a fault, and calls of others, stay as they are.
func TestReceiverSpansAreMarked(t *testing.T) {
	f := newFactory(newFakeClock().clock())
	cfg := f.CreateDefaultConfig().(*Config)
	ofTraces := func(cfg *Config) (processor.Traces, *consumertest.TracesSink) {
		sink := new(consumertest.TracesSink)
		p, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
		return p, sink
	}
	logs, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, new(consumertest.LogsSink))
	require.NoError(t, err)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, logs.Shutdown(context.Background())) })
	traces, sink := ofTraces(cfg)
	other, otherSink := ofTraces(f.CreateDefaultConfig().(*Config))

	s := newSource(testDimension, 1)
	good, bad := s.answer(s.vector()), s.answer(make([]float32, testDimension))
	for _, ev := range []*embedding.Event{good, bad} {
		ev.TraceID, ev.SpanID = embedding.NewTraceID(), embedding.NewSpanID()
	}
	require.NoError(t, logs.ConsumeLogs(t.Context(), logsOf(good, bad)))
	spansOf := func() ptrace.Traces {
		traces := ptrace.NewTraces()
		scope := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
		scope.Scope().SetName(embedding.ReceiverScope)
		good.WriteSpan(scope.Spans().AppendEmpty())
		bad.WriteSpan(scope.Spans().AppendEmpty())
		return traces
	}
	require.NoError(t, traces.ConsumeTraces(t.Context(), spansOf()))
	require.NoError(t, other.ConsumeTraces(t.Context(), spansOf()))

	verdictsIn := func(sink *consumertest.TracesSink) (found []string) {
		for _, span := range sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			verdict, ok := span.Attributes().AsRaw()["embedding.quality.verdict"].(string)
			found = append(found, verdict)
			assert.Equal(t, verdict != "", ok)
		}
		return found
	}
	assert.Equal(t, []string{"", "invalid_output"}, verdictsIn(sink))
	reasons := sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes().AsRaw()["embedding.quality.reasons"]
	assert.Equal(t, []any{"zero"}, reasons)
	assert.Equal(t, []string{"", ""}, verdictsIn(otherSink), "another configuration, another processor")
}

// TestVerdictsAreBounded: calls whose spans never come take no more memory than maxVerdicts of them.
func TestVerdictsAreBounded(t *testing.T) {
	p, err := newLogsProcessor(processortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), &factory{clock: newFakeClock().clock()},
		new(consumertest.LogsSink))
	require.NoError(t, err)
	for range 2 * maxVerdicts {
		ev := embedding.Event{TraceID: embedding.NewTraceID(), SpanID: embedding.NewSpanID()}
		p.judge.verdicts.add(&ev, &embedding.Quality{Verdict: embedding.VerdictInvalidOutput})
	}
	assert.Equal(t, maxVerdicts, p.judge.verdicts.bySpan.len())
}
