// Package texts makes up input for embedding servers: texts in 22 languages and 12 scripts, code and numbers, of
// any length. What it makes depends on the random source alone.
package texts

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/tokens"
)

const (
	// medianLength and lengthSigma describe the log-normal distribution of lengths in tokens: half of the texts
	// between 24 and 105 tokens, one in a hundred above 700.
	medianLength = 50
	lengthSigma  = 1.1

	// longShare is the share of long documents on top of it, longFactor times the length.
	longShare  = 0.01
	longFactor = 20

	// verbatimShare is the share of texts that are one sentence of the corpus as it stands, so that some texts are
	// seen again and again, as popular queries are.
	verbatimShare = 0.1
)

// A Generator makes texts. It is safe for concurrent use; random sources are not, each caller brings its own.
type Generator struct {
	languages []language
	maxTokens int
}

// NewGenerator returns a generator of texts with at most maxTokens estimated tokens.
func NewGenerator(maxTokens int) *Generator {
	return &Generator{languages: corpus(), maxTokens: maxTokens}
}

// Text returns a text of random language and length.
func (g *Generator) Text(rng *rand.Rand) string {
	l := g.languages[rng.IntN(len(g.languages))]
	if rng.Float64() < verbatimShare {
		text, _ := tokens.Truncate(l.sentences[rng.IntN(len(l.sentences))], g.maxTokens)
		return text
	}
	return l.text(rng, g.Length(rng))
}

// Length returns a random length in tokens, at least 1 and at most the generator's maximum.
func (g *Generator) Length(rng *rand.Rand) int {
	length := medianLength * math.Exp(lengthSigma*rng.NormFloat64())
	if rng.Float64() < longShare {
		length *= longFactor
	}
	return int(min(max(length, 1), float64(g.maxTokens)))
}

// text joins random sentences up to length tokens. It starts with a number, so that few texts are equal.
func (l language) text(rng *rand.Rand, length int) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(rng.IntN(10_000)))
	for n := tokens.Count(b.String()); n < length; {
		b.WriteString(l.joiner)
		s := l.sentences[rng.IntN(len(l.sentences))]
		b.WriteString(s)
		n += tokens.Count(s)
	}
	text, _ := tokens.Truncate(b.String(), length)
	return text
}
