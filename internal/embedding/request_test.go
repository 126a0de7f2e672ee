package embedding

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"
)

// served is a call of one text that shows nothing.
func served() Event {
	return Event{
		StatusCode: 200, InputCount: 1, InputCharacters: []int64{40}, InputWords: 8, LongestWords: 8,
		InputTokens: 11, HasInputTokens: true, TokensUnit: UnitToken,
		OutputCount: 1, HasOutput: true, OutputDimension: 4,
	}
}

func TestJudgeRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		change      func(*Event)
		maxTokens   int
		want        []Anomaly
		utilization float64
	}{
		"nothing":        {change: func(*Event) {}},
		"far from limit": {change: func(*Event) {}, maxTokens: 44, utilization: 0.25},
		"at the model's limit": {change: func(e *Event) { e.InputTokens = 512 }, maxTokens: 512,
			want: []Anomaly{AnomalyTruncated}, utilization: 1},
		"at the client's limit": {change: func(e *Event) { e.TruncateTokens = 11 }, want: []Anomaly{AnomalyTruncated}},
		"the model's limit is lower": {change: func(e *Event) { e.TruncateTokens, e.InputTokens = 1000, 512 },
			maxTokens: 512, want: []Anomaly{AnomalyTruncated}, utilization: 1},
		"the client's limit is lower": {change: func(e *Event) { e.TruncateTokens = 11 }, maxTokens: 44,
			want: []Anomaly{AnomalyTruncated}, utilization: 0.25},
		"fewer tokens than words": {change: func(e *Event) { e.InputWords, e.LongestWords = 12, 12 },
			want: []Anomaly{AnomalyTruncated}},
		"as many tokens as words": {change: func(e *Event) { e.InputWords, e.LongestWords = 11, 11 }},
		"more words than the model takes": {change: func(e *Event) {
			e.InputWords, e.LongestWords, e.HasInputTokens = 600, 513, false
		}, maxTokens: 512, want: []Anomaly{AnomalyTruncated}},
		"every input at the limit": {change: func(e *Event) {
			e.InputCount, e.OutputCount, e.InputTokens, e.InputCharacters = 3, 3, 3*512, []int64{4000, 4000, 4000}
		}, maxTokens: 512, want: []Anomaly{AnomalyTruncated}, utilization: 1},
		"one input of three at the limit, perhaps": {change: func(e *Event) {
			e.InputCount, e.OutputCount, e.InputTokens, e.InputCharacters = 3, 3, 612, []int64{500, 4000, 500}
		}, maxTokens: 1000, utilization: 0.4896},
		"no tokens":  {change: func(e *Event) { e.InputTokens = 0 }, maxTokens: 512},
		"characters": {change: func(e *Event) { e.InputTokens, e.TokensUnit = 5, UnitCharacter }, maxTokens: 512},
		"token ids": {change: func(e *Event) {
			e.InputCount, e.OutputCount, e.InputCharacters = 2, 2, []int64{0, 0}
		}, maxTokens: 512},
		"another dimension": {change: func(e *Event) { e.RequestedDimension = 3 }, want: []Anomaly{AnomalyDimensionMismatch}},
		"that dimension":    {change: func(e *Event) { e.RequestedDimension = 4 }},
		"vectors unread":    {change: func(e *Event) { e.RequestedDimension, e.OutputDimension, e.HasOutput, e.OutputCount = 3, 0, false, 0 }},
		"too few vectors":   {change: func(e *Event) { e.OutputCount = 0 }, want: []Anomaly{AnomalyCountMismatch}},
		"too many vectors":  {change: func(e *Event) { e.OutputCount = 2 }, want: []Anomaly{AnomalyCountMismatch}},
		"inputs unread":     {change: func(e *Event) { e.InputCount, e.InputCharacters, e.InputWords = 0, nil, 0 }},
		"other order":       {change: func(e *Event) { e.OutputReordered = true }, want: []Anomaly{AnomalyIndexOrder}},
		"empty and again": {change: func(e *Event) { e.InputsEmpty, e.InputsDuplicate = 1, 1 },
			want: []Anomaly{AnomalyEmptyInput, AnomalyDuplicateInput}},
		"failed": {change: func(e *Event) {
			e.StatusCode, e.OutputCount, e.OutputReordered, e.InputsEmpty, e.InputWords = 400, 0, true, 1, 99
		}, maxTokens: 5, want: []Anomaly{AnomalyEmptyInput}},
	} {
		t.Run(name, func(t *testing.T) {
			ev := served()
			tt.change(&ev)
			got := ev.JudgeRequest(tt.maxTokens)
			var found []Anomaly
			for _, a := range Anomalies() {
				if got.Anomalies.Has(a) {
					found = append(found, a)
				}
			}
			require.Equal(t, tt.want, found)
			require.InDelta(t, tt.utilization, got.Utilization, 1e-9)
		})
	}
}

// TestKnowingTheLimitFindsMore is what lets a reader without the limit judge again.
func TestKnowingTheLimitFindsMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ev := drawEvent(rt)
		without := ev.JudgeRequest(0).Anomalies
		with := ev.JudgeRequest(rapid.IntRange(1, 2000).Draw(rt, "limit")).Anomalies
		require.Equal(rt, without, without&with)
	})
}

func TestRequestQualityReplaces(t *testing.T) {
	lr := plog.NewLogRecord()
	ev := served()
	ev.Request = RequestQuality{Utilization: 0.5}
	ev.Request.Anomalies.add(AnomalyTruncated, true)
	ev.WriteLogRecord(lr, observed)
	var got Event
	require.True(t, got.ReadLogRecord(lr))
	require.Equal(t, ev.Request, got.Request)

	(&RequestQuality{}).Write(lr.Attributes())
	require.True(t, got.ReadLogRecord(lr))
	require.Zero(t, got.Request)
	require.False(t, got.Request.Anomalies.Has("unheard of"))
}
