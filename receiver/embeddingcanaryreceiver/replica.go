package embeddingcanaryreceiver

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

// replica is one server of a target, with the rounds at it.
type replica struct {
	target *target
	// address is the host and port that the replica is called by.
	address string
	client  *probe.Client
	pace    *pace
	logger  *zap.Logger
	rounds  int64

	tally tally // guarded by target.mu
}

// run makes round after round until ctx ends.
func (r *replica) run(ctx context.Context) {
	next := time.Now().Add(r.pace.first())
	for sleep(ctx, time.Until(next)) {
		var ok bool
		if next, ok = r.round(ctx); !ok {
			return
		}
	}
}

// sleep waits, and reports whether ctx is still good.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// round makes a round and returns when the next begins. It is false where ctx has ended.
func (r *replica) round(ctx context.Context) (next time.Time, ok bool) {
	r.rounds++
	now, err := r.attempt(ctx)
	if ctx.Err() != nil {
		return next, false
	}
	if err != nil {
		end := time.Now()
		now = &round{start: end, end: end, failure: r.fault(err)}
	}
	result := now.result()
	result.Target, result.Model, result.Round = r.target.name, r.target.model, r.rounds
	result.ServerAddress, result.ServerPort = r.client.Server()
	var worst []canary.TextCosine
	if now.measured != nil {
		verdict, err := r.judge(ctx, now.measured, &result)
		if err != nil {
			result.Outcome, result.ErrorType, result.Verdict = embedding.CanaryFailed, errorInternal, ""
		}
		worst = verdict.Worst
	} else {
		r.target.pins.incomplete(r.address)
	}
	next = r.pace.next(now.ended())
	r.say(now, &result, worst, time.Until(next))
	r.target.done(ctx, r, now, &result)
	return next, true
}

// fault is the failure of a round that never got to the server.
func (r *replica) fault(err error) *probe.Failure {
	r.logger.Error("A round could not be made", zap.Error(err))
	return &probe.Failure{Outcome: embedding.CanaryFailed, ErrorType: errorInternal}
}

func (r *replica) attempt(ctx context.Context) (now *round, err error) {
	defer contain(r.logger, &err)
	return r.probe(ctx, r.rounds)
}

func (r *replica) judge(ctx context.Context, m *canary.Measurement, c *embedding.CanaryResult) (v canary.Verdict, err error) {
	defer contain(r.logger, &err)
	v, pins := r.target.pins.judge(ctx, r.address, m)
	write(v, c)
	c.Dimension, c.ResponseModel = m.Dimension, m.Model
	if pins != nil {
		c.Pins, c.Pinned = pins.Digest(), pins.Created
	}
	return v, nil
}

// say logs what has changed since the round before. Rounds that are as the ones before are in metrics and log records.
func (r *replica) say(now *round, c *embedding.CanaryResult, worst []canary.TextCosine, next time.Duration) {
	before, first := r.tally.latest, r.tally.latest.Round == 0
	fields := []zap.Field{zap.Int64("round", c.Round), zap.Duration("next_round_in", next.Round(time.Millisecond))}
	if c.Outcome != embedding.CanaryComplete {
		if first || before.Outcome != c.Outcome || before.ErrorType != c.ErrorType {
			r.logger.Warn(explain(c.Outcome), append(fields, zap.String("outcome", string(c.Outcome)),
				zap.String("error_type", c.ErrorType), zap.NamedError("error", now.cause()))...)
		}
		return
	}
	if !first && before.Outcome != embedding.CanaryComplete {
		r.logger.Info("The server answers again", append(fields, zap.String("before", string(before.Outcome)))...)
	}
	if last := r.tally.complete.Verdict; last != c.Verdict {
		fields = append(fields, zap.String("verdict", string(c.Verdict)), zap.String("before", string(last)),
			zap.Strings("reasons", c.Reasons))
		if c.HasCosine {
			fields = append(fields, zap.Float64("cosine_min", c.CosineMin), zap.Float64("cosine_median", c.CosineMedian))
		}
		if !c.Verdict.Alarming() {
			r.logger.Info("Verdict on the vectors", fields...)
			return
		}
		if texts := names(worst); len(texts) > 0 {
			fields = append(fields, zap.Strings("texts", texts))
		}
		r.logger.Warn("The vectors are not what they were", fields...)
	}
}

// cause is why the round ended early, nil if it did not.
func (r *round) cause() error {
	if r.failure == nil {
		return nil
	}
	return r.failure
}

func explain(outcome embedding.CanaryOutcome) string {
	switch outcome {
	case embedding.CanaryUnreachable:
		return "The server does not answer; nothing is known of its vectors"
	case embedding.CanaryOverloaded:
		return "The server is overloaded and is left alone for a while; nothing is known of its vectors"
	case embedding.CanaryRefused:
		return "The server refuses the calls; nothing is known of its vectors"
	}
	return "The server fails; nothing is known of its vectors"
}

func names(worst []canary.TextCosine) []string {
	list := make([]string, len(worst))
	for i, w := range worst {
		list[i] = fmt.Sprintf("%s (%.4f)", w.ID, w.Cosine)
	}
	return list
}
