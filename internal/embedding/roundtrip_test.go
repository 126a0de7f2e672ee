package embedding

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"
)

// observed is later than any call: nothing that is read may come from it while the record has a timestamp.
var observed = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

func TestEventSurvivesLogRecord(t *testing.T) {
	var got Event // reused from event to event, as on the hot path
	rapid.Check(t, func(rt *rapid.T) {
		want := drawEvent(rt)
		lr := plog.NewLogRecord()
		want.WriteLogRecord(lr, observed)
		require.True(rt, got.ReadLogRecord(lr))
		require.Equal(rt, visible(want), visible(got))
	})
}

func TestEventSurvivesSpanWithoutItsVectors(t *testing.T) {
	var got Event
	rapid.Check(t, func(rt *rapid.T) {
		want := drawEvent(rt)
		span := ptrace.NewSpan()
		want.WriteSpan(span)
		require.True(rt, got.ReadSpan(span, nil))
		want.Vectors = nil
		require.Equal(rt, visible(want), visible(got))
	})
}

func TestReportSurvivesLogRecordAndSpan(t *testing.T) {
	var got WindowReport
	rapid.Check(t, func(rt *rapid.T) {
		want := drawReport(rt)
		lr := plog.NewLogRecord()
		want.WriteLogRecord(lr, observed)
		require.True(rt, got.ReadLogRecord(lr))
		require.Equal(rt, want, got)

		span := ptrace.NewSpan()
		want.WriteSpan(span)
		got = WindowReport{}
		require.True(rt, got.ReadSpan(span))
		require.Equal(rt, want, got)
	})
}

func TestCanaryResultSurvivesLogRecord(t *testing.T) {
	var got CanaryResult
	rapid.Check(t, func(rt *rapid.T) {
		want := drawCanaryResult(rt)
		lr := plog.NewLogRecord()
		want.WriteLogRecord(lr, observed)
		require.True(rt, got.ReadLogRecord(lr))
		require.Equal(rt, want, got)
	})
}

func TestRequestsAndReportsAreNotMistakenForEachOther(t *testing.T) {
	var e Event
	var w WindowReport
	var c CanaryResult
	request, report, result := plog.NewLogRecord(), plog.NewLogRecord(), plog.NewLogRecord()
	e.WriteLogRecord(request, observed)
	w.WriteLogRecord(report, observed)
	c.WriteLogRecord(result, observed)
	require.False(t, e.ReadLogRecord(result))
	require.False(t, w.ReadLogRecord(result))
	require.False(t, c.ReadLogRecord(report))
	require.False(t, c.ReadLogRecord(request))
	require.False(t, e.ReadLogRecord(report))
	require.False(t, w.ReadLogRecord(request))
	require.False(t, e.ReadLogRecord(plog.NewLogRecord()))

	requestSpan, reportSpan := ptrace.NewSpan(), ptrace.NewSpan()
	e.WriteSpan(requestSpan)
	w.WriteSpan(reportSpan)
	require.False(t, e.ReadSpan(reportSpan, nil))
	require.False(t, w.ReadSpan(requestSpan))
}

// visible returns what of e is visible from outside, with empty slices alike.
func visible(e Event) Event {
	e.shared, e.own = false, nil
	if len(e.Vectors) == 0 {
		e.Vectors = nil
	}
	if len(e.InputCharacters) == 0 {
		e.InputCharacters = nil
	}
	if len(e.InputFingerprints) == 0 {
		e.InputFingerprints = nil
	}
	if len(e.InputTexts) == 0 {
		e.InputTexts = nil
	}
	return e
}

func drawEvent(t *rapid.T) Event {
	word := rapid.StringMatching(`[a-zA-Z0-9/._-]{0,20}`)
	small := rapid.IntRange(0, 1000)
	e := Event{
		Time:             drawTime(t, "time"),
		Duration:         drawDuration(t, "duration"),
		UpstreamDuration: drawDuration(t, "upstream duration"),

		Provider:      word.Draw(t, "provider"),
		RequestModel:  word.Draw(t, "request model"),
		ResponseModel: word.Draw(t, "response model"),
		TaskType:      rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "task"),
		ServerAddress: word.Draw(t, "address"),
		ServerPort:    rapid.IntRange(0, 65535).Draw(t, "port"),
		URLPath:       word.Draw(t, "path"),
		UserAgent:     word.Draw(t, "agent"),
		Canary:        rapid.Bool().Draw(t, "canary"),
		StatusCode:    rapid.SampledFrom([]int{0, 200, 400, 429, 500, 503}).Draw(t, "status"),
		ErrorType:     rapid.SampledFrom([]string{"", "timeout", "_OTHER"}).Draw(t, "error"),
		RequestID:     word.Draw(t, "request id"),
		ResponseID:    word.Draw(t, "response id"),
		ClientID:      word.Draw(t, "client"),

		HasInputTokens:     rapid.Bool().Draw(t, "has tokens"),
		InputCount:         small.Draw(t, "inputs"),
		InputCharacters:    rapid.SliceOfN(rapid.Int64Range(0, 1e6), 0, 5).Draw(t, "characters"),
		InputFingerprints:  rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "fingerprints"),
		InputWords:         small.Draw(t, "words"),
		InputsEmpty:        small.Draw(t, "empty"),
		InputsDuplicate:    small.Draw(t, "duplicate"),
		InputTexts:         rapid.SliceOfN(word, 0, 3).Draw(t, "texts"),
		TruncateTokens:     small.Draw(t, "truncate"),
		RequestedDimension: small.Draw(t, "requested dimension"),
		EncodingFormat:     rapid.SampledFrom([]string{"", "float", "base64"}).Draw(t, "encoding"),
		ElementType:        rapid.SampledFrom([]string{"", "float16", "ubinary"}).Draw(t, "elements"),
		OutputRagged:       small.Draw(t, "ragged"),
		OutputDimension:    rapid.IntRange(0, 5).Draw(t, "dimension"),

		TraceID:    pcommon.TraceID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "trace")),
		SpanID:     pcommon.SpanID(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "span")),
		TraceFlags: rapid.Uint32Range(0, 255).Draw(t, "flags"),
		HasQuality: rapid.Bool().Draw(t, "has quality"),
	}
	if e.HasInputTokens {
		e.InputTokens = rapid.Int64Range(0, 1e6).Draw(t, "tokens")
		e.TokensUnit = rapid.SampledFrom([]string{UnitToken, UnitCharacter, UnitEstimated}).Draw(t, "unit")
	}
	for _, p := range Phases() {
		*e.Server.Of(p) = drawDuration(t, string(p))
	}
	e.LongestWords = e.InputWords
	if e.InputCount != 1 {
		e.LongestWords = rapid.IntRange(0, e.InputWords).Draw(t, "longest")
	}
	if e.InputCount == 0 {
		e.LongestWords = 0
	}
	e.Request.Anomalies = AnomalySet(rapid.IntRange(0, 1<<len(Anomalies())-1).Draw(t, "anomalies"))
	e.Request.Utilization = rapid.Float64Range(0, 2).Draw(t, "utilization")
	rows := rapid.IntRange(0, 4).Draw(t, "rows")
	e.OutputCount = rows + e.OutputRagged
	e.HasOutput = e.OutputCount > 0 || rapid.Bool().Draw(t, "has output")
	e.OutputReordered = rapid.Bool().Draw(t, "reordered")
	e.Vectors = rapid.SliceOfN(rapid.Float32(), rows*e.OutputDimension, rows*e.OutputDimension).Draw(t, "vectors")
	if e.HasQuality {
		e.Quality = Quality{
			Verdict: drawVerdict(t),
			Vectors: int64(small.Draw(t, "judged")),
			Counts:  drawCounts(t),
			Norm:    drawRange(t, "norm"),
			Cosine:  drawRange(t, "cosine"),
		}
	}
	return e
}

func drawReport(t *rapid.T) WindowReport {
	number := rapid.Float64Range(-1e3, 1e3)
	w := WindowReport{
		Key: Key{
			Model:     rapid.StringMatching(`[a-z|]{0,9}`).Draw(t, "model"),
			TaskType:  rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "task"),
			Dimension: rapid.IntRange(0, 4096).Draw(t, "dimension"),
			Replica:   rapid.StringMatching(`[a-z:0-9]{0,9}`).Draw(t, "replica"),
		},
		Start:   drawTime(t, "start"),
		Verdict: drawVerdict(t),
		Vectors: rapid.Int64Range(0, 1e6).Draw(t, "vectors"),
		Counts:  drawCounts(t),
		HasNorm: rapid.Bool().Draw(t, "has norm"),
		Canary:  rapid.SampledFrom(append(CanaryVerdicts(), "")).Draw(t, "canary"),
	}
	w.End = w.Start.Add(drawDuration(t, "window"))
	moments := func() Moments {
		return Moments{
			Mean: number.Draw(t, "mean"), StdDev: number.Draw(t, "stddev"),
			Min: number.Draw(t, "min"), Max: number.Draw(t, "max"),
		}
	}
	if w.HasNorm {
		w.Norm = moments()
	}
	if rapid.Bool().Draw(t, "has drift") {
		w.Drift = &Drift{
			ReferenceVectors: rapid.Int64Range(0, 1e6).Draw(t, "reference"),
			CentroidDistance: number.Draw(t, "distance"),
			Cosine:           moments(),
			CosineQuantiles: Quantiles{
				P05: number.Draw(t, "p05"), P50: number.Draw(t, "p50"), P95: number.Draw(t, "p95"),
			},
			HasMeanShiftZ:    rapid.Bool().Draw(t, "has z"),
			ReferenceWindows: rapid.Int64Range(0, 200).Draw(t, "windows"),
			CosineKS:         number.Draw(t, "ks"),
			CosineDivergence: number.Draw(t, "divergence"),
			HasVariances:     rapid.Bool().Draw(t, "has variances"),
		}
		if w.Drift.HasVariances {
			w.Drift.VarianceShift, w.Drift.EffectiveRank = number.Draw(t, "shift"), number.Draw(t, "rank")
		}
		if w.Drift.HasMeanShiftZ {
			w.Drift.MeanShiftZ = number.Draw(t, "z")
		}
	}
	if rapid.Bool().Draw(t, "has repeats") {
		w.Repeats = &Repeats{
			Count:      rapid.Int64Range(0, 1e6).Draw(t, "repeats"),
			Mismatches: rapid.Int64Range(0, 1e6).Draw(t, "mismatches"),
			MinCosine:  number.Draw(t, "cosine"),
		}
	}
	if rapid.Bool().Draw(t, "has state") {
		w.State = &WindowState{
			Reporter:        rapid.String().Draw(t, "reporter"),
			ReferenceDigest: rapid.StringMatching("([0-9a-f]{32})?").Draw(t, "digest"),
			Fresh:           rapid.Bool().Draw(t, "fresh"),
		}
		if rapid.Bool().Draw(t, "has bytes") {
			w.State.Window, w.State.Repeats = []byte{1, 2}, []byte{3}
		}
	}
	for _, statistic := range []string{"a", "mean_shift", StatisticReplica} {
		if rapid.Bool().Draw(t, statistic) {
			w.Evidence = append(w.Evidence, Evidence{
				Statistic: statistic, P: number.Draw(t, "p"), Share: number.Draw(t, "share"),
			})
		}
	}
	return w
}

func drawCanaryResult(t *rapid.T) CanaryResult {
	word := rapid.StringMatching(`[a-z0-9_.]{0,12}`)
	words := func(label string) []string {
		if list := rapid.SliceOfN(word, 0, 3).Draw(t, label); len(list) > 0 {
			return list
		}
		return nil
	}
	number := rapid.Float64Range(-1, 1)
	c := CanaryResult{
		Target: word.Draw(t, "target"), Model: word.Draw(t, "model"), ResponseModel: word.Draw(t, "answered by"),
		ServerAddress: word.Draw(t, "address"), ServerPort: rapid.IntRange(0, 65535).Draw(t, "port"),
		Dimension: rapid.IntRange(0, 4096).Draw(t, "dimension"),
		Round:     rapid.Int64Range(1, 1e6).Draw(t, "round"),
		End:       drawTime(t, "end"), Duration: drawDuration(t, "duration"),
		Calls: rapid.Int64Range(0, 1e3).Draw(t, "calls"), Tokens: rapid.Int64Range(0, 1e6).Draw(t, "tokens"),
		Outcome:   rapid.SampledFrom(CanaryOutcomes()).Draw(t, "outcome"),
		ErrorType: word.Draw(t, "error"),
		Reasons:   words("reasons"), Skipped: words("skipped"),
		HasCosine: rapid.Bool().Draw(t, "has cosine"),
	}
	if c.Outcome == CanaryComplete {
		c.Verdict = rapid.SampledFrom(CanaryVerdicts()).Draw(t, "verdict")
	}
	if rapid.Bool().Draw(t, "pinned") {
		c.Pins, c.Pinned = "a", drawTime(t, "pinned at").Truncate(time.Second)
	}
	if c.HasCosine {
		c.CosineMin, c.CosineMedian, c.CosineMean = number.Draw(t, "min"), number.Draw(t, "median"), number.Draw(t, "mean")
	}
	for _, name := range []string{"norm", "recall_at_1", "repeat"} {
		if rapid.Bool().Draw(t, name) {
			c.Checks = append(c.Checks, CanaryCheck{name, number.Draw(t, "value")})
		}
	}
	return c
}

func drawTime(t *rapid.T, label string) time.Time {
	return time.Unix(0, rapid.Int64Range(1, 2e18).Draw(t, label)).UTC()
}

func drawDuration(t *rapid.T, label string) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, label))
}

func drawVerdict(t *rapid.T) Verdict {
	return rapid.SampledFrom(Verdicts()).Draw(t, "verdict")
}

func drawCounts(t *rapid.T) ReasonCounts {
	var c ReasonCounts
	for _, r := range Reasons() {
		*c.Of(r) = rapid.Int64Range(0, 50).Draw(t, string(r))
	}
	return c
}

func drawRange(t *rapid.T, label string) Range {
	var r Range
	if rapid.Bool().Draw(t, "has "+label) {
		r.Add(rapid.Float64Range(-2, 2).Draw(t, label))
		r.Add(rapid.Float64Range(-2, 2).Draw(t, label))
	}
	return r
}

func TestNumbersThatCanNotBeRead(t *testing.T) {
	value := func(set func(pcommon.Value)) pcommon.Value {
		v := pcommon.NewValueEmpty()
		set(v)
		return v
	}
	number := func(x float64) pcommon.Value { return value(func(v pcommon.Value) { v.SetDouble(x) }) }
	for name, tt := range map[string]struct {
		value    pcommon.Value
		count    int64
		duration time.Duration
	}{
		"nan":          {number(math.NaN()), 0, 0},
		"infinity":     {number(math.Inf(1)), maxCount, maxDuration},
		"-infinity":    {number(math.Inf(-1)), 0, 0},
		"negative":     {number(-1), 0, 0},
		"huge":         {number(1e300), maxCount, maxDuration},
		"largest int":  {value(func(v pcommon.Value) { v.SetInt(math.MaxInt64) }), maxCount, maxDuration},
		"smallest int": {value(func(v pcommon.Value) { v.SetInt(math.MinInt64) }), 0, 0},
		"double":       {number(3), 3, 3 * time.Second},
		"int":          {value(func(v pcommon.Value) { v.SetInt(3) }), 3, 3 * time.Second},
		"string":       {value(func(v pcommon.Value) { v.SetStr("3") }), 0, 0},
		"empty":        {pcommon.NewValueEmpty(), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.count, asCount(tt.value))
			require.Equal(t, tt.duration, seconds(tt.value))
		})
	}
}
