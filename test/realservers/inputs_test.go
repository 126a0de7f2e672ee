//go:build realservers

package realservers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"golang.org/x/sync/errgroup"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// dimension is the length of the model's vectors, window the number of tokens that it can take.
const (
	dimension = 384
	window    = 512
)

// texts are eight texts, of which the first two are about the same thing and the third is about another.
func texts() []string {
	return []string{
		"A kitten sleeps on the sofa.",
		"The little cat is taking a nap on the couch.",
		"The invoice is due within thirty days.",
		"Grüße aus Köln 🌤",
		"天気はどうですか",
		"the password is " + secret,
		"x",
		strings.Repeat("many words make a long text ", 12),
	}
}

// helloTokens are the ids of "hello world" with the marks at both ends.
func helloTokens() []int { return []int{101, 7592, 2088, 102} }

// long is a text of so many words, each one token, with an end of its own.
func long(words int, end string) string { return strings.Repeat("word ", words) + end }

// request makes a request's body; later members are given as pairs of name and value.
func request(model string, members ...any) string {
	object := map[string]any{}
	if model != "" {
		object["model"] = model
	}
	for i := 0; i < len(members); i += 2 {
		object[members[i].(string)] = members[i+1]
	}
	body, err := json.Marshal(object)
	if err != nil {
		panic(err) // of values that the tests choose
	}
	return string(body)
}

// lengths are the characters of texts.
func lengths(texts ...string) []int64 {
	out := make([]int64, len(texts))
	for i, text := range texts {
		out[i] = int64(utf8.RuneCountInString(text))
	}
	return out
}

// total adds up.
func total(values []int64) (sum int64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

// meaningful checks that the vectors of texts() are those of a model that knows what texts mean.
func meaningful(t *testing.T, ev *embedding.Event) {
	t.Helper()
	require.Len(t, ev.Vectors, len(texts())*dimension)
	row := func(i int) []float32 { return ev.Vectors[i*dimension : (i+1)*dimension] }
	assert.Greater(t, cosine(row(0), row(1)), 0.6)
	assert.Less(t, cosine(row(0), row(2)), 0.3)
	assert.InDelta(t, 1, ev.Quality.Norm.Min, 1e-3)
	assert.InDelta(t, 1, ev.Quality.Norm.Max, 1e-3)
}

// traffic sends so many different texts through the tap, four at a time. Each event must belong to its answer, and the
// processor must find nothing wrong and have learned what is normal by the end.
func (s *stack) traffic(t *testing.T, path, model string, count int) {
	t.Helper()
	t.Run("healthy traffic", func(t *testing.T) {
		traces, answers := make([]pcommon.TraceID, count), make([]answer, count)
		var group errgroup.Group
		group.SetLimit(4)
		for i := range count {
			traces[i] = embedding.NewTraceID()
			group.Go(func() error {
				text := fmt.Sprintf("Ticket %d: %s", i, texts()[i%len(texts())])
				answers[i] = send(t, traces[i], s.tap+path, request(model, "input", text))
				return nil
			})
		}
		require.NoError(t, group.Wait())
		s.calls += count
		for i, a := range answers {
			require.Equal(t, http.StatusOK, a.status, "%s", a.body)
			ev := s.event(t, traces[i])
			content := readContent(t, a)
			assert.Equal(t, content.tokens, ev.InputTokens)
			assertBits(t, content.vectors, ev)
			assert.Zero(t, ev.Quality.Counts.Invalid())
		}
		_, last := s.call(t, path, request(model, "input", "and one more"))
		assert.Equal(t, embedding.VerdictHealthy, last.Quality.Verdict)
	})
}
