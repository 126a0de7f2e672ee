package canary

import (
	"math"
	"slices"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// faultCase is a fault with the verdicts that are right.
type faultCase struct {
	fault
	want []embedding.CanaryVerdict
}

// movedBy moves each text's vector in a direction of its own.
func movedBy(least, most float64) func(s *server, text string, x []float32) []float32 {
	return func(s *server, text string, x []float32) []float32 {
		h := hashOf("moved", text)
		return s.moved(x, least+(most-least)*float64(h%1000)/1000, h)
	}
}

// rounded rounds to a number of bits of mantissa.
func rounded(bits int) func(s *server, text string, x []float32) []float32 {
	return func(_ *server, _ string, x []float32) []float32 {
		y := make([]float32, len(x))
		for i, v := range x {
			fraction, exponent := math.Frexp(float64(v))
			scale := math.Ldexp(1, bits)
			y[i] = float32(math.Ldexp(math.Round(fraction*scale)/scale, exponent))
		}
		return y
	}
}

// rows calls f with each vector of an answer.
func rows(a *Answer, f func(i int, x []float32)) {
	for i := range a.Count {
		f(i, a.Vectors[i*a.Dimension:(i+1)*a.Dimension])
	}
}

// reorder puts vector order[i] at i.
func reorder(a *Answer, order []int) {
	old := slices.Clone(a.Vectors)
	rows(a, func(i int, x []float32) { copy(x, old[order[i]*a.Dimension:(order[i]+1)*a.Dimension]) })
}

func byIndex(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

const otherSeed = 1 << 40

// faultCases lists all faults; right is the verdict of most of them.
func faultCases() []faultCase {
	const (
		same     = embedding.CanarySame
		numeric  = embedding.CanaryNumericChange
		quantise = embedding.CanaryQuantisation
		other    = embedding.CanaryOtherModel
		unstable = embedding.CanaryUnstable
		broken   = embedding.CanaryBroken
	)
	is := func(f fault, want ...embedding.CanaryVerdict) faultCase { return faultCase{f, want} }
	return []faultCase{
		is(fault{name: "none"}, same),
		is(fault{name: "fp16", vector: rounded(11)}, same),
		is(fault{name: "bf16", vector: rounded(8)}, same),
		is(fault{name: "q8", vector: movedBy(2e-4, 5e-4)}, numeric),
		is(fault{name: "fp8", vector: movedBy(2e-3, 5e-3)}, numeric),
		is(fault{name: "q4", vector: movedBy(0.015, 0.03)}, quantise),
		is(fault{name: "eos", vector: movedBy(0.05, 0.15)}, other),
		is(fault{name: "pooling", vector: movedBy(0.2, 0.5)}, other),
		is(fault{name: "swap", begin: func(s *server) { s.switchTo(otherSeed) }}, other),
		is(fault{name: "prefix", text: func(_ *server, text string, _ []string) string {
			return "represent this sentence for searching relevant passages and please be exact about it " + text
		}}, other),
		is(fault{name: "instruction", text: func(_ *server, text string, _ []string) string {
			return strings.TrimPrefix(text, testInstruction)
		}}, other),
		is(fault{name: "stale", vector: func(s *server, text string, x []float32) []float32 {
			if s.before[text] > 0 {
				return x
			}
			return newServer(otherSeed, s.dimension, s.noise).embed(text)
		}}, other),
		is(fault{name: "cache", vector: func(s *server, text string, x []float32) []float32 {
			if s.seen[text] == 0 {
				return x
			}
			return s.moved(x, 0.42, hashOf("cache", text))
		}}, unstable),
		is(fault{name: "batch", text: func(_ *server, text string, batch []string) string {
			n := len(tokensOfServer(text))
			if len(batch) < 2 || slices.ContainsFunc(batch, func(t string) bool { return len(tokensOfServer(t)) != n }) {
				return text
			}
			return "all see all " + text
		}}, unstable),
		is(fault{name: "turns", begin: func(s *server) { s.turn(s.calls%2 == 0) }}, unstable),
		is(fault{name: "random", begin: func(s *server) { s.turn(s.rand.IntN(2) == 0) }}, unstable),
		is(fault{name: "seldom", begin: func(s *server) { s.turn(s.calls%7 == 3) }}, unstable),
		is(fault{name: "truncation", text: func(_ *server, text string, _ []string) string {
			tokens := tokensOfServer(text)
			return strings.Join(tokens[:min(len(tokens), 300)], " ")
		}}, broken),
		is(fault{name: "truncation early", text: func(_ *server, text string, _ []string) string {
			tokens := tokensOfServer(text)
			return strings.Join(tokens[:min(len(tokens), 20)], " ")
		}}, broken),
		is(fault{name: "matryoshka length", unnormalised: true}, broken),
		is(fault{name: "matryoshka cut", answer: func(_ *server, c *Call, a *Answer) {
			if c.Dimensions > 0 {
				rows(a, func(_ int, x []float32) { slices.Reverse(x) })
			}
		}}, broken),
		is(fault{name: "matryoshka refused", answer: func(_ *server, c *Call, a *Answer) {
			if c.Dimensions > 0 {
				*a = Answer{Refused: true}
			}
		}}, broken),
		is(fault{name: "reversed", answer: func(_ *server, _ *Call, a *Answer) {
			order := byIndex(a.Count)
			slices.Reverse(order)
			reorder(a, order)
		}}, broken),
		is(fault{name: "rotated", answer: func(_ *server, _ *Call, a *Answer) {
			order := byIndex(a.Count)
			reorder(a, append(order[1:], order[0]))
		}}, broken),
		is(fault{name: "sorted", answer: func(_ *server, c *Call, a *Answer) {
			order := byIndex(a.Count)
			slices.SortStableFunc(order, func(i, k int) int { return len(c.Texts[k]) - len(c.Texts[i]) })
			reorder(a, order)
		}}, broken),
		is(fault{name: "encoding", answer: func(_ *server, c *Call, a *Answer) {
			if c.Encoding == "base64" {
				rows(a, func(_ int, x []float32) { slices.Reverse(x) })
			}
		}}, broken),
		is(fault{name: "nan one", answer: func(_ *server, c *Call, a *Answer) {
			rows(a, func(i int, x []float32) {
				if strings.Contains(c.Texts[i], "aaaaaaaa") {
					x[0] = float32(math.NaN())
				}
			})
		}}, broken),
		is(fault{name: "infinite", answer: func(_ *server, _ *Call, a *Answer) {
			a.Vectors[0] = float32(math.Inf(1))
		}}, broken),
		is(fault{name: "zero", answer: func(_ *server, _ *Call, a *Answer) { clear(a.Vectors) }}, broken),
		is(fault{name: "constant", text: func(*server, string, []string) string { return "the same" }}, broken),
		is(fault{name: "collapse", vector: func(s *server, text string, _ []float32) []float32 {
			return s.moved(s.embed("the same"), 1e-3, hashOf(text))
		}}, broken),
		is(fault{name: "norm", answer: func(_ *server, _ *Call, a *Answer) {
			for i := range a.Vectors {
				a.Vectors[i] *= 3
			}
		}}, broken),
		is(fault{name: "dimension", answer: func(_ *server, _ *Call, a *Answer) {
			a.Vectors = make([]float32, 48*a.Count)
			for i := range a.Vectors {
				a.Vectors[i] = float32(math.Sin(float64(i * i)))
			}
			a.Dimension = 48
		}}, broken),
		is(fault{name: "ragged", answer: func(_ *server, _ *Call, a *Answer) { a.Ragged = true }}, broken),
		is(fault{name: "one missing", answer: func(_ *server, _ *Call, a *Answer) {
			a.Count--
			a.Vectors = a.Vectors[:a.Count*a.Dimension]
		}}, broken),
		is(fault{name: "null", answer: func(_ *server, _ *Call, a *Answer) { a.Vectors, a.Dimension = nil, 0 }}, broken),
	}
}

// turn makes it the other model's turn, or that of the first.
func (s *server) turn(other bool) {
	if s.first == 0 {
		s.first = s.seed
	}
	if other {
		s.switchTo(otherSeed)
		return
	}
	s.switchTo(s.first)
}
