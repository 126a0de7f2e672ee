package canary

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultRoundHasEveryCheck(t *testing.T) {
	suite, err := BuiltIn()
	require.NoError(t, err)
	query, document := Instructions("Qwen/Qwen3-Embedding-4B")
	require.NotEmpty(t, query)
	for _, settings := range []Settings{
		{},
		{Encodings: []string{"float", "base64"}},
		{
			QueryInstruction: query, DocumentInstruction: document,
			Dimensions: []int{256, 512, 1024}, Encodings: []string{"float", "base64"},
		},
		{MaxTokens: 512}, {MaxTokens: 8192}, {MaxTokens: 32768},
	} {
		p, err := NewPlan(suite, settings)
		require.NoError(t, err)
		r := p.Round(1)
		assert.Empty(t, r.skipped)
		assert.LessOrEqual(t, r.Tokens(), DefaultTokenBudget)
		assert.LessOrEqual(t, len(r.Calls()), 44)
		checks := make(map[string]bool)
		for _, c := range r.Calls() {
			checks[c.Check] = true
		}
		for _, check := range []string{
			callProbe, callRepeat, callAlone, callEqualAlone, callEqual, callBase, callFresh, callFreshRepeat, callAgain, callTexts, callOdd,
			callBlank, callPairs, callRetrieval, callLong,
		} {
			assert.True(t, checks[check], check)
		}
		assert.Equal(t, len(settings.Encodings) > 1, checks[callEncoding])
		assert.Equal(t, len(settings.Dimensions) > 0, checks[callMatryoshka])
		assert.Equal(t, settings.QueryInstruction != "", checks[callInstruction])
		if settings.MaxTokens > 0 && settings.MaxTokens < 2000 {
			longest := p.rungs[len(p.rungs)-1].tokens
			assert.InDelta(t, settings.MaxTokens, longest, 0.06*float64(settings.MaxTokens))
		}
	}
}

// TestRounds makes sure that a round is the same each time it is asked for, but for what is new in each.
func TestRounds(t *testing.T) {
	p := testPlan(t)
	first, again, next := p.Round(1).Calls(), p.Round(1).Calls(), p.Round(2).Calls()
	assert.Equal(t, first, again)
	require.Len(t, next, len(first))
	for i := range first {
		fresh := strings.HasPrefix(first[i].Check, callFresh)
		assert.Equal(t, fresh, !slices.Equal(first[i].Texts, next[i].Texts), first[i].Check)
	}
	salted := *p
	salted.settings.Salt = 1
	assert.NotEqual(t, first, salted.Round(1).Calls())
}

// randomSuite has texts of all kinds and lengths.
func randomSuite(r *rand.Rand) *Suite {
	text := func(n int) string {
		words := make([]string, 1+r.IntN(n))
		for i := range words {
			words[i] = fmt.Sprintf("w%d", r.IntN(1e6))
		}
		return strings.Join(words, " ")
	}
	s := &Suite{}
	for i := range 2 + r.IntN(60) {
		kind := []string{KindPlain, KindPlain, KindPlain, KindOdd, KindBlank}[r.IntN(5)]
		if i < 2 {
			kind = KindPlain
		}
		s.Texts = append(s.Texts, Text{ID: fmt.Sprint("t", i), Kind: kind, Text: text(1 + r.IntN(80))})
	}
	for i := range r.IntN(20) {
		s.Pairs = append(s.Pairs, Pair{ID: fmt.Sprint("p", i), A: text(20), B: text(20), Related: i%2 == 0})
	}
	for i := range r.IntN(30) {
		s.Queries = append(s.Queries, Query{ID: fmt.Sprint("q", i), Query: text(10), Document: text(60), Negatives: []string{text(60)}})
	}
	return s
}

// TestBudget makes sure that rounds of any suite keep to the budget and to the size of calls, and that everything has its turn.
func TestBudget(t *testing.T) {
	planned, refused := 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		suite := randomSuite(r)
		settings := Settings{MaxBatch: 1 + r.IntN(40), TokenBudget: 500 + r.IntN(8000), MaxTokens: r.IntN(2) * r.IntN(4000)}
		if r.IntN(2) == 0 {
			settings.Dimensions, settings.Encodings = []int{8, 16}, []string{"float", "base64"}
			settings.QueryInstruction = "query: "
		}
		p, err := NewPlan(suite, settings)
		if err != nil {
			assert.ErrorContains(t, err, "budget: ")
			refused++
			continue
		}
		planned++
		sent := make([]bool, len(p.entries))
		for n := range int64(len(p.blocks) + 1) {
			round := p.Round(n + 1)
			assert.LessOrEqual(t, round.Tokens(), settings.TokenBudget)
			tokens := 0
			for i, c := range round.Calls() {
				assert.NotEmpty(t, c.Texts)
				assert.LessOrEqual(t, len(c.Texts), settings.MaxBatch)
				assert.NotContains(t, c.Texts, "")
				tokens += c.Tokens
				for _, e := range round.planned[i].entries {
					sent[e] = true
				}
			}
			assert.Equal(t, round.Tokens(), tokens)
		}
		for e, ok := range sent {
			// Of four texts of equal lengths, some are not used where calls are small.
			assert.True(t, ok || p.entries[e].class == classEqual, "seed %d: %s", seed, p.entries[e].id)
		}
	}
	assert.Greater(t, planned, 100)
	assert.Positive(t, refused)
}

func TestPlanRefuses(t *testing.T) {
	two := &Suite{Texts: []Text{{ID: "a", Kind: KindPlain, Text: "one text"}, {ID: "b", Kind: KindPlain, Text: "another text"}}}
	for _, c := range []struct {
		suite    *Suite
		settings Settings
		want     string
	}{
		{two, Settings{Dimensions: []int{256, 0}}, "dimensions[1]: found 0; want a length of vectors, e.g. 256"},
		{two, Settings{MaxTokens: -1}, "max_tokens: found -1; want a number of tokens, or 0 to find it out"},
		{two, Settings{MaxBatch: -1}, "max_batch: found -1; want 1 or more"},
		{two, Settings{TokenBudget: -1}, "budget: found -1 tokens; want some, e.g. 20000"},
		{&Suite{Texts: two.Texts[:1]}, Settings{}, "suite: found 1 plain texts; want 2 or more"},
		{&Suite{}, Settings{}, "suite: found 0 plain texts; want 2 or more"},
		{two, Settings{TokenBudget: 100}, "budget: found 100 tokens; want at least"},
	} {
		_, err := NewPlan(c.suite, c.settings)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestLongTexts(t *testing.T) {
	text := ""
	for n := firstRung; n <= 1<<13; n *= 2 {
		longer := longText(n)
		assert.True(t, strings.HasPrefix(longer, text), n)
		assert.Greater(t, len(longer), len(text))
		words := len(strings.Fields(longer)) + strings.Count(longer, ".")
		assert.InDelta(t, n, words, sentenceTokens)
		text = longer
	}
	for _, text := range equalLengths(4) {
		assert.Len(t, strings.Fields(text), len(strings.Fields(equalLengths(1)[0])))
	}
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(equalLengths(4)))), 4)
	assert.NotEqual(t, freshText(0, 1, "x"), freshText(0, 2, "x"))
	assert.NotEqual(t, freshText(0, 1, "x"), freshText(1, 1, "x"))
}
