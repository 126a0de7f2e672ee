package embeddingreceiver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

type requestFraming int

const (
	requestWithLength requestFraming = iota
	requestChunked
	requestEmpty
	requestExpecting // 100-continue
	requestWithTrailers
	requestFramings // their number
)

type answerFraming int

const (
	answerWithLength answerFraming = iota
	answerFlushed
	answerEvents // server-sent events
	answerWithTrailers
	answerAfterHints // 103 Early Hints
	answerThenClose  // ends with the connection, where HTTP/1 is spoken
	answerFramings   // their number
)

var (
	contentCodings = [...]string{"", "gzip", "deflate", "br", "zstd"}
	bodySizes      = [...]int{1, 64 << 10, 3 << 20} // before the content coding
	answerStatuses = [...]int{200, 400, 429, 500, 503}
)

// combination is one choice for each factor of an exchange, by index.
type combination [5]int

var factorSizes = combination{
	int(requestFramings), int(answerFramings), len(contentCodings), len(bodySizes), len(answerStatuses),
}

func (c combination) request() requestFraming { return requestFraming(c[0]) }
func (c combination) answer() answerFraming   { return answerFraming(c[1]) }
func (c combination) coding() string          { return contentCodings[c[2]] }
func (c combination) size() int               { return bodySizes[c[3]] }
func (c combination) status() int             { return answerStatuses[c[4]] }

func (c combination) String() string {
	return fmt.Sprintf("request framing %d, answer framing %d, coding %q, %d bytes, status %d", c[0], c[1], c.coding(), c.size(),
		c.status())
}

// pair is what two factors are.
type pair struct{ i, a, j, b int }

func (c combination) has(p pair) bool { return c[p.i] == p.a && c[p.j] == p.b }

// allPairs returns every pair that there is.
func allPairs() []pair {
	var out []pair
	for i := range factorSizes {
		for j := i + 1; j < len(factorSizes); j++ {
			for a := range factorSizes[i] {
				for b := range factorSizes[j] {
					out = append(out, pair{i, a, j, b})
				}
			}
		}
	}
	return out
}

// pairwise returns combinations that have every pair between them, and are far fewer than all: each is the best of some
// drawn at random around a pair that is still missing. The same seed gives the same.
func pairwise(seed uint64) []combination {
	random := rand.New(rand.NewPCG(seed, seed))
	var out []combination
	for missing := allPairs(); len(missing) > 0; {
		var best combination
		most := 0
		for range 40 {
			var c combination
			for i, n := range factorSizes {
				c[i] = min(random.IntN(n), random.IntN(n), random.IntN(n)) // rather what stands first and costs least
			}
			c[missing[0].i], c[missing[0].j] = missing[0].a, missing[0].b
			n := 0
			for _, p := range missing {
				if c.has(p) {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		missing = slices.DeleteFunc(missing, best.has)
		out = append(out, best)
	}
	return out
}

func TestPairwise(t *testing.T) {
	combinations := pairwise(1)
	assert.Equal(t, combinations, pairwise(1))
	assert.NotEqual(t, combinations, pairwise(2))
	for _, p := range allPairs() {
		assert.True(t, slices.ContainsFunc(combinations, func(c combination) bool { return c.has(p) }), "%v is missing", p)
	}
}
