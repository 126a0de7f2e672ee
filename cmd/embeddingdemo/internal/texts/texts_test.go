package texts

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/tokens"
)

func TestCorpusIsMultilingual(t *testing.T) {
	sentences := map[string]bool{}
	languages := map[string]bool{}
	for _, l := range corpus() {
		languages[l.name] = true
		for _, s := range l.sentences {
			assert.True(t, utf8.ValidString(s), "%s: %q", l.name, s)
			sentences[s] = true
		}
	}
	assert.GreaterOrEqual(t, len(languages), 15)
	assert.GreaterOrEqual(t, len(sentences), 60)
}

func TestTextsFollowTheSource(t *testing.T) {
	g := NewGenerator(8192)
	a, b := rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 2))
	for range 100 {
		assert.Equal(t, g.Text(a), g.Text(b))
	}
}

func TestLengths(t *testing.T) {
	const n, limit = 5000, 4096
	g := NewGenerator(limit)
	rng := rand.New(rand.NewPCG(1, 1))
	lengths := make([]int, n)
	distinct := map[string]bool{}
	for i := range lengths {
		text := g.Text(rng)
		distinct[text] = true
		lengths[i] = tokens.Count(text)
	}
	slices.Sort(lengths)
	assert.GreaterOrEqual(t, lengths[0], 1)
	assert.LessOrEqual(t, lengths[n-1], limit)
	assert.InDelta(t, medianLength, lengths[n/2], 15)
	assert.Greater(t, lengths[n*99/100], 500, "some texts are long")
	assert.Greater(t, len(distinct), n/2, "most texts differ")
	assert.Less(t, len(distinct), n, "some texts come again")
}
