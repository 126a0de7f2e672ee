package embedding

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// fullEvent is an event in which every field is set.
func fullEvent() Event {
	e := Event{
		Time:             time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Duration:         125 * time.Millisecond,
		UpstreamDuration: 120 * time.Millisecond,

		Provider:      "vllm",
		RequestModel:  "qwen3-embedding-4b",
		ResponseModel: "Qwen/Qwen3-Embedding-4B",
		TaskType:      "query",
		ServerAddress: "10.0.0.7",
		ServerPort:    8000,
		URLPath:       "/v1/embeddings",
		UserAgent:     "OpenAI/Python 2.0.0",
		StatusCode:    200,
		RequestID:     "1",
		ResponseID:    "embd-1",
		ClientID:      "0123456789abcdef",
		Server: ServerTimings{
			Total: 110 * time.Millisecond, Load: time.Millisecond, Tokenization: 2 * time.Millisecond,
			Queue: 3 * time.Millisecond, Inference: 100 * time.Millisecond,
		},

		InputTokens:       12,
		HasInputTokens:    true,
		TokensUnit:        UnitToken,
		InputCount:        2,
		InputCharacters:   []int64{5, 7},
		InputFingerprints: []byte("0123456789abcdef"),
		InputWords:        3,
		LongestWords:      2,
		InputsEmpty:       1,
		InputsDuplicate:   1,
		InputTexts:        []string{"hello", " "},
		TruncateTokens:    512,

		RequestedDimension: 3,
		EncodingFormat:     "base64",
		ElementType:        "float16",
		OutputCount:        2,
		HasOutput:          true,
		OutputDimension:    3,
		OutputReordered:    true,
		Vectors:            []float32{1, 0, 0, 0, 0.5, -0.5},

		TraceID:    pcommon.TraceID{0: 1, 15: 2},
		SpanID:     pcommon.SpanID{0: 3, 7: 4},
		TraceFlags: 1,

		Quality: Quality{
			Verdict: VerdictInvalidOutput,
			Vectors: 2,
			Counts:  ReasonCounts{Norm: 1},
		},
		HasQuality: true,
		Request:    RequestQuality{Anomalies: 1<<len(Anomalies()) - 1, Utilization: 0.5},
	}
	e.Quality.Norm = Range{Min: math.Sqrt2 / 2, Max: 1, Set: true}
	e.Quality.Cosine = Range{Min: 0.25, Max: 0.5, Set: true}
	return e
}

func fullReport() WindowReport {
	return WindowReport{
		Key:     Key{Model: "qwen3-embedding-4b", TaskType: "query", Dimension: 2560, Replica: "10.0.0.7:8000"},
		Start:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		End:     time.Date(2026, 3, 1, 12, 0, 10, 0, time.UTC),
		Verdict: VerdictHealthy,
		Vectors: 1000,
		Counts:  ReasonCounts{Outlier: 2},
		Norm:    Moments{Mean: 1, StdDev: 0.001, Min: 0.99, Max: 1.01},
		HasNorm: true,
		Drift: &Drift{
			ReferenceVectors: 20000,
			CentroidDistance: 0.01,
			Cosine:           Moments{Mean: 0.55, StdDev: 0.1, Min: 0.2, Max: 0.8},
			CosineQuantiles:  Quantiles{P05: 0.4, P50: 0.56, P95: 0.7},
			MeanShiftZ:       0.3,
			HasMeanShiftZ:    true,
			ReferenceWindows: 200,
			CosineKS:         0.04,
			CosineDivergence: 0.02,
			VarianceShift:    0.01,
			EffectiveRank:    30,
			HasVariances:     true,
		},
		Evidence: []Evidence{{"cosine_tails", 0.4, 0.1}, {"mean_shift", 0.001, 1.1}},
	}
}

// TestWireShape pins what others see: dashboards, queries and other collectors rely on it.
func TestWireShape(t *testing.T) {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	written := time.Date(2026, 3, 1, 12, 0, 11, 0, time.UTC)

	success := fullEvent()
	success.WriteLogRecord(records.AppendEmpty(), written)
	failure := Event{
		Time: success.Time, Duration: 2 * time.Second, RequestModel: "qwen3-embedding-4b",
		StatusCode: 503, ErrorType: "InternalServerError",
	}
	failure.WriteLogRecord(records.AppendEmpty(), written)
	report := fullReport()
	report.WriteLogRecord(records.AppendEmpty(), written)

	path := filepath.Join("testdata", "wire.yaml")
	want, err := golden.ReadLogs(path)
	require.NoError(t, err)
	require.NoError(t, plogtest.CompareLogs(want, logs))
	wanted := want.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	for i, lr := range records.All() { // CompareLogs leaves event names out
		require.Equal(t, wanted.At(i).EventName(), lr.EventName())
	}
}

func TestSeverity(t *testing.T) {
	for _, tt := range []struct {
		event Event
		want  plog.SeverityNumber
	}{
		{Event{StatusCode: 200}, plog.SeverityNumberInfo},
		{Event{}, plog.SeverityNumberInfo},
		{Event{StatusCode: 404, ErrorType: "NotFoundError"}, plog.SeverityNumberWarn},
		{Event{StatusCode: 500}, plog.SeverityNumberError},
		{Event{ErrorType: "timeout"}, plog.SeverityNumberError},
	} {
		lr := plog.NewLogRecord()
		tt.event.WriteLogRecord(lr, observed)
		require.Equal(t, tt.want, lr.SeverityNumber(), "%+v", tt.event)
	}
}

func TestTimeFallsBackToObserved(t *testing.T) {
	written := fullEvent()
	lr := plog.NewLogRecord()
	written.WriteLogRecord(lr, written.Time.Add(written.Duration))
	lr.SetTimestamp(0)
	var read Event
	require.True(t, read.ReadLogRecord(lr))
	require.Equal(t, written.Time, read.Time)
}

func TestReadSharesVectorsAndReuseNeverWritesThem(t *testing.T) {
	require.True(t, byteSliceOpen, "pdata's layout changed: vectors are copied for every event")
	written := fullEvent()
	lr := plog.NewLogRecord()
	written.WriteLogRecord(lr, observed)
	inRecord := func() []byte {
		v, ok := lr.Attributes().Get(attrVectors)
		require.True(t, ok)
		return rawBytes(v.Bytes())
	}

	var e Event
	require.True(t, e.ReadLogRecord(lr))
	require.Equal(t, written.Vectors, e.Vectors)
	inRecord()[3] = 0x40 // the sign and exponent byte of 1: now 4
	inRecord()[2] = 0x80
	require.Equal(t, float32(4), e.Vectors[0], "the vectors are a copy")

	before := append([]byte(nil), inRecord()...)
	e.Reset()
	e.Vectors = append(e.Vectors, 7, 7, 7, 7, 7, 7)
	require.True(t, e.ReadLogRecord(lr))
	e.Vectors = append(e.Vectors, 8)
	e.Reset()
	e.Vectors = append(e.Vectors, 9, 9, 9, 9, 9, 9)
	require.Equal(t, before, inRecord())
}

func TestRawBytesFallsBackToACopy(t *testing.T) {
	open := byteSliceOpen
	defer func() { byteSliceOpen = open }()
	s := pcommon.NewByteSlice()
	s.FromRaw([]byte{1, 2, 3, 4})
	byteSliceOpen = true
	direct := rawBytes(s)
	byteSliceOpen = false
	require.Equal(t, direct, rawBytes(s))
}

func TestReadingAllocatesNothing(t *testing.T) {
	written := fullEvent()
	written.OutputCount, written.OutputDimension = 8, 2560
	written.Vectors = make([]float32, 8*2560)
	lr := plog.NewLogRecord()
	written.WriteLogRecord(lr, observed)
	var e Event
	e.ReadLogRecord(lr) // grows the reused buffers
	require.Zero(t, testing.AllocsPerRun(100, func() { e.ReadLogRecord(lr) }))
}

func TestVectorRows(t *testing.T) {
	require.Equal(t, 2, (&Event{OutputDimension: 3, Vectors: make([]float32, 6)}).VectorRows())
	require.Zero(t, (&Event{Vectors: make([]float32, 6)}).VectorRows())
	require.Zero(t, (&Event{OutputDimension: -3, Vectors: make([]float32, 6)}).VectorRows())
}

func TestFingerprintOfRow(t *testing.T) {
	e := fullEvent()
	got, ok := e.Fingerprint(1)
	require.True(t, ok)
	require.Equal(t, Fingerprint([]byte("89abcdef")), got)
	for _, i := range []int{-1, 2, math.MaxInt} {
		_, ok = e.Fingerprint(i)
		require.False(t, ok, i)
	}
	e.OutputRagged = 1
	_, ok = e.Fingerprint(1)
	require.False(t, ok, "rows of a ragged answer can not be matched to texts")
}

func TestNewJudgementReplacesTheOld(t *testing.T) {
	e := fullEvent()
	lr := plog.NewLogRecord()
	e.WriteLogRecord(lr, observed)
	better := Quality{Verdict: VerdictHealthy, Vectors: 2}
	better.Write(lr.Attributes())
	require.True(t, e.ReadLogRecord(lr))
	require.Equal(t, better, e.Quality)
	_, ok := lr.Attributes().Get(attrReasons)
	require.False(t, ok, "reasons of the old judgement are left")
}

func TestReasonsHaveCounts(t *testing.T) {
	var c ReasonCounts
	for i, r := range Reasons() {
		*c.Of(r) = int64(1) << i
	}
	require.Equal(t, int64(0b011111), c.Invalid(), "all but the outliers")
	require.Nil(t, c.Of("unheard of"))
}

func TestRemoveVectors(t *testing.T) {
	attrs := pcommon.NewMap()
	attrs.PutEmptyBytes(attrVectors)
	attrs.PutEmptySlice("embedding.embeddings.0.embedding.vector")
	attrs.PutStr("embedding.embeddings.0.embedding.text", "kept: it is not ours to remove")
	attrs.PutStr("some.vector", "kept")
	RemoveVectors(attrs)
	require.Equal(t, 2, attrs.Len())
	_, ok := attrs.Get("some.vector")
	require.True(t, ok)
}

func BenchmarkReadLogRecord(b *testing.B) {
	written := fullEvent()
	written.OutputCount, written.OutputDimension = 1, 2560
	written.Vectors = make([]float32, 2560)
	lr := plog.NewLogRecord()
	written.WriteLogRecord(lr, observed)
	var e Event
	b.ReportAllocs()
	for b.Loop() {
		e.ReadLogRecord(lr)
	}
}

func BenchmarkWriteLogRecord(b *testing.B) {
	written := fullEvent()
	written.OutputCount, written.OutputDimension = 1, 2560
	written.Vectors = make([]float32, 2560)
	b.ReportAllocs()
	for b.Loop() {
		written.WriteLogRecord(plog.NewLogRecord(), observed)
	}
}
