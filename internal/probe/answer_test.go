package probe

import (
	"io"
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestAnswer(t *testing.T) {
	status, body := http.StatusOK, answer
	c := newClient(t, Server{URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})})
	call := canary.Call{Texts: []string{"first", "second"}, MayRefuse: true}
	got, err := c.Answer(t.Context(), call, &embedding.Event{})
	require.NoError(t, err)
	assert.Equal(t, canary.Answer{Vectors: []float32{1, 0, 0, 1}, Dimension: 2, Count: 2, Tokens: 5, Model: "served"}, got)

	body = `{"data":[{"embedding":[1,0]},{"embedding":[1]}]}`
	got, err = c.Answer(t.Context(), call, &embedding.Event{})
	require.NoError(t, err)
	assert.True(t, got.Ragged)
	assert.Equal(t, 2, got.Count)

	for _, status = range []int{400, 413, 422} {
		got, err = c.Answer(t.Context(), call, &embedding.Event{})
		require.NoError(t, err)
		assert.Equal(t, canary.Answer{Refused: true}, got)
	}
	call.MayRefuse = false
	_, err = c.Answer(t.Context(), call, &embedding.Event{})
	var f *Failure
	require.ErrorAs(t, err, &f)
	assert.Equal(t, embedding.CanaryRefused, f.Outcome)

	status, body = 500, `{"error":{"message":"Out of range float values are not JSON compliant","code":500}}`
	got, err = c.Answer(t.Context(), call, &embedding.Event{})
	require.NoError(t, err)
	assert.Equal(t, 2, got.Count)
	assert.True(t, math.IsNaN(float64(got.Vectors[1])))
}
