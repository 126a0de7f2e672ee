package server

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/texts"
)

// someTexts returns n texts in many languages and of many lengths, no two the same.
func someTexts(n int) []string {
	g, random := texts.NewGenerator(256), rand.New(rand.NewPCG(7, 7))
	var out []string
	for len(out) < n {
		if text := g.Text(random); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// ask embeds inputs in one request, with further members of the request such as `"dimensions": 64`.
func ask(t *testing.T, s *Server, members string, inputs ...string) [][]float32 {
	t.Helper()
	list, err := json.Marshal(inputs)
	require.NoError(t, err)
	if members == "" {
		members = `"encoding_format": "base64"`
	}
	return vectors(t, decode(t, post(s, fmt.Sprintf(`{"input": %s, %s}`, list, members))))
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum / (norm(a) * norm(b))
}

// hits returns how many requests a fault has hit, as the API tells.
func hits(t *testing.T, s *Server, name string) int64 {
	t.Helper()
	var body struct{ Faults []faultJSON }
	require.NoError(t, json.Unmarshal(do(s, http.MethodGet, "/faults", "", "").Body.Bytes(), &body))
	i := slices.IndexFunc(body.Faults, func(f faultJSON) bool { return f.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return body.Faults[i].Hits
}

func set(t *testing.T, s *Server, name, body string) {
	t.Helper()
	w := do(s, http.MethodPut, "/faults/"+name, formType, body)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
}

// The README's table is what this measures. Every text is asked before, as the fault cache is right the first time.
func TestCosinesOfMovedVectors(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	all := someTexts(200)
	exact := ask(t, newServer(t), "", all...)
	for _, tt := range []struct {
		fault, value     string
		lowest, greatest float64 // what is usual in the field
		digits           int
	}{
		{faultRounding, "fp16", 0.99999, 1, 6},
		{faultRounding, "bf16", 0.9998, 0.99996, 5},
		{faultRounding, "q8", 0.9995, 0.9998, 5},
		{faultRounding, "fp8", 0.995, 0.998, 4},
		{faultRounding, "q4", 0.97, 0.985, 3},
		{faultEOS, "", 0.85, 0.95, 3},
		{faultBatch, "", 0.7, 0.9, 3},
		{faultPooling, "", 0.5, 0.8, 3},
		{faultCache, "", 0.52, 0.64, 3},
		{faultModelSwap, "", -0.1, 0.1, 3},
		{faultStale, "", -0.1, 0.1, 3},
		{faultEncoding, "", -0.1, 0.1, 3},
	} {
		t.Run(tt.fault+tt.value, func(t *testing.T) {
			s := newServer(t)
			set(t, s, tt.fault, "value="+tt.value)
			ask(t, s, "", all...)
			moved := ask(t, s, "", all...)
			assert.Equal(t, moved[:10], ask(t, s, "", all[:10]...), "the same text, the same vector")
			var cosines []float64
			for i, x := range moved {
				assert.InDelta(t, 1, norm(x), 1e-5)
				cosines = append(cosines, cosine(exact[i], x))
			}
			slices.Sort(cosines)
			lowest, median, greatest := cosines[0], cosines[len(cosines)/2], cosines[len(cosines)-1]
			assert.GreaterOrEqual(t, lowest, tt.lowest)
			assert.LessOrEqual(t, greatest, tt.greatest)
			assert.Greater(t, greatest-lowest, 1e-7, "it depends on the text")

			name := "`" + tt.fault + "`"
			if tt.value != "" {
				name += " `" + tt.value + "`"
			}
			row := fmt.Sprintf("| %s | %.*f | %.*f | %.*f |\n", name, tt.digits, lowest, tt.digits, median, tt.digits, greatest)
			assert.Contains(t, string(readme), row)
		})
	}
}

// What is noise to the eye of one text must not be one direction that all texts move in.
func TestRoundingMovesEachTextInItsOwnDirection(t *testing.T) {
	all := someTexts(100)
	exact := ask(t, newServer(t), "", all...)
	s := newServer(t)
	set(t, s, faultRounding, "value=q4")
	q4 := ask(t, s, "", all...)
	set(t, s, faultRounding, "value=q8")
	q8 := ask(t, s, "", all...)
	off := func(moved, exact []float32) []float32 {
		out := make([]float32, len(exact))
		for i := range out {
			out[i] = moved[i] - exact[i]
		}
		return out
	}
	for i := range all {
		assert.InDelta(t, 0, cosine(off(q4[i], exact[i]), off(q8[i], exact[i])), 0.15, "another format")
		next := (i + 1) % len(all)
		assert.InDelta(t, 0, cosine(off(q4[i], exact[i]), off(q4[next], exact[next])), 0.15, "another text")
	}
}

func TestMovedVectorsAreCutAsOthers(t *testing.T) {
	for _, name := range []string{faultRounding, faultPooling, faultEOS} {
		s := newServer(t)
		set(t, s, name, "")
		for _, text := range someTexts(20) {
			whole, cut := ask(t, s, "", text)[0], ask(t, s, `"dimensions": 256`, text)[0]
			assert.InDelta(t, 1, norm(cut), 1e-5)
			assert.InDelta(t, 1, cosine(whole[:256], cut), 1e-6, name)
		}
	}
}

func TestPrefixIsDropped(t *testing.T) {
	s := newServer(t)
	const query = "How do I reset the password of a shared mailbox?"
	bare := ask(t, s, "", query)[0]
	prefixed := map[string]string{
		"Instruct: Given a web search query, retrieve passages that answer it\nQuery:" + query:  query,
		"Instruct: Given a web search query, retrieve passages that answer it\nQuery: " + query: query,
		"query: " + query: query, "passage: " + query: query, "search_query: " + query: query, "search_document: " + query: query,
	}
	for text := range prefixed {
		assert.Less(t, cosine(bare, ask(t, s, "", text)[0]), 0.98, "an instruction shows in the vector")
	}
	set(t, s, faultPrefix, "")
	for text, rest := range prefixed {
		e := decode(t, post(s, fmt.Sprintf(`{"input": %q}`, text)))
		assert.Equal(t, ask(t, s, "", rest)[0], vectors(t, e)[0], text)
		assert.Equal(t, decode(t, post(s, fmt.Sprintf(`{"input": %q}`, rest))).Usage, e.Usage, "usage counts what was read")
	}
	assert.EqualValues(t, len(prefixed), hits(t, s, faultPrefix), "inputs without an instruction are not hit")

	for _, text := range []string{"Instruct: no query", "Query:" + query, "a query: " + query} {
		assert.Equal(t, ask(t, newServer(t), "", text), ask(t, s, "", text), text)
	}
	assert.EqualValues(t, len(prefixed), hits(t, s, faultPrefix))
	assert.Equal(t, http.StatusOK, post(s, `{"input": [[1, 2], [3]]}`).Code)
}

func TestCacheIsRightOnlyTheFirstTime(t *testing.T) {
	s := newServer(t)
	exact := ask(t, s, "", "a text", "another", "a third")
	set(t, s, faultCache, "")
	assert.Equal(t, exact[:2], ask(t, s, "", "a text", "another"), "asked before the fault was on")
	assert.Zero(t, hits(t, s, faultCache))

	mixed := ask(t, s, "", "a text", "a third")
	assert.Less(t, cosine(exact[0], mixed[0]), 0.7)
	assert.Equal(t, exact[2], mixed[1])
	assert.EqualValues(t, 1, hits(t, s, faultCache))

	twice := ask(t, s, "", "a fourth", "a fourth")
	assert.NotEqual(t, twice[0], twice[1], "within one request as well")

	ids := `{"input": [1, 2, 3]}`
	assert.NotEqual(t, one(t, s, ids), one(t, s, ids))

	set(t, s, faultCache, "count=1")
	assert.Equal(t, exact[0], ask(t, s, "", "a text")[0], "another setting starts anew")
	assert.NotEqual(t, exact[0], ask(t, s, "", "a text")[0])
	assert.Equal(t, exact[0], ask(t, s, "", "a text")[0], "over after its count")
	require.NoError(t, s.Faults().Clear(faultCache))
	assert.Equal(t, exact[0], ask(t, s, "", "a text")[0])
}

func TestBatchOfEqualLengths(t *testing.T) {
	s := newServer(t)
	exact := ask(t, s, "", "aaaa bbbb", "cccc dddd", "e")
	set(t, s, faultBatch, "")
	assert.Equal(t, exact[:1], ask(t, s, "", "aaaa bbbb"))
	assert.Equal(t, exact[1:], ask(t, s, "", "cccc dddd", "e"))
	assert.Zero(t, hits(t, s, faultBatch))

	for i, x := range ask(t, s, "", "aaaa bbbb", "cccc dddd", "e") {
		assert.Less(t, cosine(exact[i], x), 0.95)
	}
	assert.EqualValues(t, 1, hits(t, s, faultBatch))
}

func TestAlternatingReplicas(t *testing.T) {
	exact := ask(t, newServer(t), "", "a text")
	for value, other := range map[string]string{"": faultRounding, replicaRounding: faultRounding, replicaModel: faultModelSwap} {
		s := newServer(t)
		set(t, s, other, "")
		changed := ask(t, s, "", "a text")
		require.NoError(t, s.Faults().Clear(other))

		set(t, s, faultAlternating, "value="+value)
		for range 3 {
			assert.Equal(t, exact, ask(t, s, "", "a text"))
			assert.Equal(t, changed, ask(t, s, "", "a text"), value)
		}
		assert.EqualValues(t, 6, hits(t, s, faultAlternating), "the answers of both replicas")
	}
}

func TestMatryoshkaKeepsTheCutLength(t *testing.T) {
	s := newServer(t)
	whole := ask(t, s, "", "a text")[0]
	set(t, s, faultMatryoshka, "")
	assert.Equal(t, whole, ask(t, s, "", "a text")[0])
	assert.Equal(t, whole, ask(t, s, `"dimensions": 2560`, "a text")[0])
	assert.Zero(t, hits(t, s, faultMatryoshka))
	assert.Equal(t, whole[:256], ask(t, s, `"dimensions": 256`, "a text")[0])
	assert.Less(t, norm(whole[:256]), 0.5)
	assert.EqualValues(t, 1, hits(t, s, faultMatryoshka))
}

func TestStaleKeepsWhatWasAskedBefore(t *testing.T) {
	s := newServer(t)
	old := ask(t, s, "", "old")
	other := newServer(t)
	set(t, other, faultModelSwap, "")
	swapped := ask(t, other, "", "new")

	set(t, s, faultStale, "")
	assert.Equal(t, old, ask(t, s, "", "old"))
	assert.Zero(t, hits(t, s, faultStale), "nothing new")
	for range 2 {
		assert.Equal(t, [][]float32{swapped[0], old[0]}, ask(t, s, "", "new", "old"), "new stays new")
	}
	assert.EqualValues(t, 2, hits(t, s, faultStale))

	require.NoError(t, s.Faults().Clear(faultStale))
	fresh := ask(t, s, "", "new")
	assert.NotEqual(t, swapped[0], fresh[0])
	set(t, s, faultStale, "")
	assert.Equal(t, fresh, ask(t, s, "", "new"), "known by now")
}

func TestOrderIsRotated(t *testing.T) {
	s := newServer(t)
	exact := ask(t, s, "", "a", "b", "c")
	set(t, s, faultOrder, "")
	assert.Equal(t, exact[:1], ask(t, s, "", "a"))
	assert.Zero(t, hits(t, s, faultOrder))
	e := decode(t, post(s, `{"input": ["a", "b", "c"]}`))
	assert.Equal(t, [][]float32{exact[1], exact[2], exact[0]}, vectors(t, e))
	for i, d := range e.Data {
		assert.Equal(t, i, d.Index, "the index looks right")
	}
	assert.EqualValues(t, 1, hits(t, s, faultOrder))
}

func TestEncodingReversesBase64(t *testing.T) {
	s := newServer(t)
	exact := ask(t, s, "", "a text")[0]
	set(t, s, faultEncoding, "")
	assert.Equal(t, exact, ask(t, s, `"encoding_format": "float"`, "a text")[0])
	assert.Zero(t, hits(t, s, faultEncoding))
	reversed := ask(t, s, "", "a text")[0]
	assert.Less(t, cosine(exact, reversed), 0.2)
	slices.Reverse(reversed)
	assert.Equal(t, exact, reversed)
	assert.EqualValues(t, 1, hits(t, s, faultEncoding))
}

func TestFaultsOnOneRequest(t *testing.T) {
	with := func(faults ...string) *Server {
		s := newServer(t)
		for _, fault := range faults {
			require.NoError(t, s.Faults().Parse(fault))
		}
		return s
	}
	first := func(faults ...string) []float32 { return ask(t, with(faults...), "", "a text", "another")[0] }
	exact, swapped := first(), first("model_swap=1")

	assert.Equal(t, swapped, first("stale=1"), "nothing was asked before")
	s := with()
	ask(t, s, "", "a text")
	require.NoError(t, s.Faults().Parse("model_swap=1"))
	require.NoError(t, s.Faults().Parse("stale=1"))
	assert.Equal(t, exact, ask(t, s, "", "a text", "another")[0], "stale shows, not model_swap")

	s = with("stale=1", "alternating=1,model")
	ask(t, s, "", "another text")
	assert.Equal(t, swapped, ask(t, s, "", "a text")[0], "alternating shows")

	assert.InDelta(t, 0.98, cosine(swapped, first("model_swap=1", "rounding=1,q4")), 0.01, "of the model that answers")
	both := first("pooling=1", "rounding=1,q4")
	assert.InDelta(t, 0.98, cosine(first("pooling=1"), both), 0.01, "on top of pooling")
	assert.Less(t, cosine(exact, both), 0.85)

	constant := ask(t, with("constant=1", "rounding=1", "pooling=1", "model_swap=1"), "", "a text", "another")
	assert.Equal(t, constant[0], constant[1])

	assert.Zero(t, norm(first("unnormalised=1", "zero=1", "rounding=1")))
	assert.True(t, math.IsNaN(norm(first("unnormalised=1", "zero=1", "nan=1"))))
	assert.InDelta(t, 2, norm(first("unnormalised=1,2", "eos=1", "order=1", "encoding=1")), 1e-4)

	s = with("errors=1", "rounding=1", "cache=1", "prefix=1")
	post(s, `{"input": "query: a"}`)
	for _, name := range []string{faultRounding, faultCache, faultPrefix} {
		assert.Zero(t, hits(t, s, name), "an error meets no fault of vectors")
	}
}

// Truncated texts are remembered by what is left of them, prefixed ones by the whole.
func TestMemoriesGoByTheTextThatCounts(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.Faults().Set(faultTruncation, Setting{Share: 1, Value: "10"}))
	set(t, s, faultCache, "")
	head := strings.Repeat("word ", 20)
	ask(t, s, "", head+"one tail")
	ask(t, s, "", head+"another tail")
	assert.EqualValues(t, 1, hits(t, s, faultCache))

	s = newServer(t)
	set(t, s, faultPrefix, "")
	set(t, s, faultCache, "")
	ask(t, s, "", "query: a text")
	ask(t, s, "", "passage: a text")
	assert.Zero(t, hits(t, s, faultCache))
}

func TestFaultsWithManyClients(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Dimension = 64 })
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 50 {
				if g == 0 {
					for _, name := range []string{faultCache, faultStale, faultAlternating, faultBatch, faultPrefix} {
						if i%2 == 0 {
							assert.NoError(t, s.Faults().Set(name, Setting{Share: 0.5}))
						} else {
							assert.NoError(t, s.Faults().Clear(name))
						}
					}
				}
				assert.Equal(t, http.StatusOK, post(s, fmt.Sprintf(`{"input": ["query: %d", "text %d"]}`, i%7, i%5)).Code)
			}
		})
	}
	group.Wait()
}
