package probe

import (
	"context"
	"errors"
	"math"
	"net/http"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Answer sends a call of a round and returns the answer. ev has to be new for each call: the answer keeps its vectors. The error
// is as that of Do, and nil where a refusal or a failure is the answer to the call.
func (c *Client) Answer(ctx context.Context, call canary.Call, ev *embedding.Event) (canary.Answer, error) {
	err := c.Do(ctx, dialect.Request{Texts: call.Texts, Dimensions: call.Dimensions, Encoding: call.Encoding}, ev)
	var f *Failure
	if errors.As(err, &f) {
		switch {
		case call.MayRefuse && refuses(f.Status):
			return canary.Answer{Refused: true}, nil
		case f.ErrorType == dialect.ErrorNaN:
			return notNumbers(len(call.Texts)), nil
		}
	}
	if err != nil {
		return canary.Answer{}, err
	}
	a := canary.Answer{
		Vectors: ev.Vectors, Dimension: ev.OutputDimension, Count: ev.OutputCount, Ragged: ev.OutputRagged > 0,
		Model: ev.ResponseModel,
	}
	if ev.HasInputTokens && ev.TokensUnit == embedding.UnitToken {
		a.Tokens = ev.InputTokens
	}
	return a, nil
}

// refuses is whether a status says that a server does not take such texts.
func refuses(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// notNumbers is the answer of a server that has computed NaN for n texts and fails because JSON has no such number.
func notNumbers(n int) canary.Answer {
	vectors := make([]float32, n)
	for i := range vectors {
		vectors[i] = float32(math.NaN())
	}
	return canary.Answer{Vectors: vectors, Dimension: 1, Count: n}
}
