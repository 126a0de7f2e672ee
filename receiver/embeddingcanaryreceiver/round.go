package embeddingcanaryreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

// errorInternal is the error type of a round that a fault of the canary itself has ended.
const errorInternal = "internal"

// flagSampled marks a trace that is recorded.
const flagSampled = 1

// round is one round while its calls are made.
type round struct {
	start, end time.Time
	// calls, tokens and errors are what was sent, and what went wrong, by error type.
	calls, tokens int64
	errors        map[string]int64
	// busy is for how long calls were running that were answered.
	busy time.Duration
	// measured is what a complete round found.
	measured *canary.Measurement
	// failure is what ended the round, nil for a complete one.
	failure *probe.Failure
	spans   []embedding.Event
}

// probe sends the calls of a round, one after the other, until one fails. The error is that of ctx, or says that the plan has a
// call that the API has not.
func (r *replica) probe(ctx context.Context, number int64) (*round, error) {
	plan := r.target.pins.plan.Round(number)
	now := &round{start: time.Now(), errors: map[string]int64{}}
	trace := embedding.NewTraceID()
	for i, call := range plan.Calls() {
		var ev embedding.Event
		if r.target.out.traces != nil {
			ev.TraceID, ev.SpanID, ev.TraceFlags = trace, embedding.NewSpanID(), flagSampled
		}
		answer, err := r.client.Answer(ctx, call, &ev)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		now.called(&ev, r.target.out.traces != nil)
		if errors.As(err, &now.failure) {
			break
		}
		if err != nil {
			return nil, err
		}
		plan.Take(i, answer)
	}
	now.end = time.Now()
	if now.failure == nil {
		now.measured = plan.Measure()
	}
	return now, nil
}

// called counts a call.
func (r *round) called(ev *embedding.Event, spans bool) {
	r.calls++
	if ev.HasInputTokens && ev.TokensUnit == embedding.UnitToken {
		r.tokens += ev.InputTokens
	}
	if ev.ErrorType != "" {
		r.errors[ev.ErrorType]++
	}
	if ev.StatusCode != 0 {
		r.busy += ev.Duration
	}
	if spans {
		// The vectors stay with the answer.
		ev.Vectors = nil
		r.spans = append(r.spans, *ev)
	}
}

// ended is what the pace has to know of the round.
func (r *round) ended() ended {
	e := ended{start: r.start, end: r.end, busy: r.busy, complete: r.failure == nil}
	if f := r.failure; f != nil {
		e.spare, e.retryAfter = f.Outcome == embedding.CanaryOverloaded || f.Hang(), f.RetryAfter
	}
	return e
}

// result is the round without what it says of vectors.
func (r *round) result() embedding.CanaryResult {
	c := embedding.CanaryResult{
		End: r.end, Duration: r.end.Sub(r.start), Calls: r.calls, Tokens: r.tokens, Outcome: embedding.CanaryComplete,
	}
	if r.failure != nil {
		c.Outcome, c.ErrorType = r.failure.Outcome, r.failure.ErrorType
	}
	return c
}

// write adds what a verdict says to a result.
func write(v canary.Verdict, c *embedding.CanaryResult) {
	c.Verdict, c.Reasons, c.Checks, c.Skipped = v.Verdict, v.Reasons, v.Checks, v.Skipped
	c.CosineMin, c.CosineMedian, c.CosineMean, c.HasCosine = v.CosineMin, v.CosineMedian, v.CosineMean, v.HasCosine
}

// timestamp is an instant as telemetry has it.
func timestamp(t time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(t) }
