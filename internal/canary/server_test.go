package canary

import (
	"cmp"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// server is an embedding server without a model. Its vectors are sums over the words of a text, in which the order of the words, and the
// last ones, count for something, so that texts with common words are near to each other.
type server struct {
	seed      uint64
	dimension int
	noise     noise
	fault     fault
	// maxTokens is what the server refuses to read more of; 0 for no limit.
	maxTokens int

	rand  *rand.Rand
	words map[uint64][]float64
	known map[string][]float32
	seen  map[string]int
	// before is seen when the fault began.
	before map[string]int
	calls  int
	first  uint64 // seed, where models take turns
}

// noise is how vectors differ from call to call.
type noise struct {
	name string
	// call is the distance of each vector, shape that of each size of batch, at most.
	call, shape float64
}

// fault changes what a server does. All of it is optional.
type fault struct {
	name string
	// text changes what is read.
	text func(s *server, text string, batch []string) string
	// vector changes a vector, whatever the dimension asked for.
	vector func(s *server, text string, x []float32) []float32
	// begin is called before each call, to change the server.
	begin func(s *server)
	// answer changes what is sent.
	answer func(s *server, c *Call, a *Answer)
	// unnormalised leaves cut vectors as they are.
	unnormalised bool
}

func newServer(seed uint64, dimension int, n noise) *server {
	return &server{
		seed: seed, dimension: dimension, noise: n, rand: rand.New(rand.NewPCG(seed, 7)),
		words: make(map[uint64][]float64), known: make(map[string][]float32), seen: make(map[string]int),
	}
}

// switchTo changes the model.
func (s *server) switchTo(seed uint64) {
	if s.seed != seed {
		s.seed = seed
		s.words, s.known = make(map[uint64][]float64), make(map[string][]float32)
	}
}

func hashOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// direction is a random vector of length 1 in the mean.
func (s *server) direction(seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, s.seed))
	x := make([]float64, s.dimension)
	for i := range x {
		x[i] = r.NormFloat64() / math.Sqrt(float64(s.dimension))
	}
	return x
}

func (s *server) word(w string) []float64 {
	h := hashOf(w)
	x, ok := s.words[h]
	if !ok {
		x = s.direction(h)
		s.words[h] = x
	}
	return x
}

// tokensOfServer are words, and single characters where a script has no spaces.
func tokensOfServer(text string) []string {
	var tokens []string
	for _, w := range strings.FieldsFunc(text, unicode.IsSpace) {
		if len(w) > 3 && w[0] >= 0x80 {
			tokens = append(tokens, strings.Split(w, "")...)
			continue
		}
		tokens = append(tokens, w)
	}
	return tokens
}

// embed returns the vector of a text, of length 1.
func (s *server) embed(text string) []float32 {
	if x, ok := s.known[text]; ok {
		return x
	}
	sum := slices.Clone(s.word("\x00common"))
	tokens := tokensOfServer(text)
	for i, w := range tokens {
		weight := 1 + 0.3*math.Sin(float64(i))
		if len(tokens)-i <= 4 {
			weight *= 1.5
		}
		weight /= math.Sqrt(float64(len(tokens)))
		for j, v := range s.word(w) {
			sum[j] += weight * v
		}
	}
	for j, v := range s.direction(hashOf("\x00whole", text)) {
		sum[j] += 0.15 * v
	}
	x := unit32(sum)
	s.known[text] = x
	return x
}

func unit32(sum []float64) []float32 {
	square := 0.0
	for _, v := range sum {
		square += v * v
	}
	x := make([]float32, len(sum))
	for i, v := range sum {
		x[i] = float32(v / math.Sqrt(square))
	}
	return x
}

// moved returns x moved by a distance (1 − cosine) in a direction.
func (s *server) moved(x []float32, by float64, seed uint64) []float32 {
	if by <= 0 {
		return x
	}
	away := s.direction(seed)
	dot, square := 0.0, 0.0
	for i, v := range x {
		dot += float64(v) * away[i]
	}
	for i, v := range x {
		away[i] -= dot * float64(v)
		square += away[i] * away[i]
	}
	cosine := 1 - by
	sine := math.Sqrt(1 - cosine*cosine)
	sum := make([]float64, len(x))
	for i, v := range x {
		sum[i] = cosine*float64(v) + sine*away[i]/math.Sqrt(square)
	}
	return unit32(sum)
}

// call answers a call.
func (s *server) call(c Call) Answer {
	s.calls++
	if s.fault.begin != nil {
		s.fault.begin(s)
	}
	tokens := 0
	for _, t := range c.Texts {
		n := len(tokensOfServer(t))
		tokens += n
		if s.maxTokens > 0 && n > s.maxTokens {
			return Answer{Refused: true}
		}
	}
	dimension := cmp.Or(c.Dimensions, s.dimension)
	a := Answer{Dimension: dimension, Count: len(c.Texts), Tokens: int64(tokens), Model: "m"}
	for _, text := range c.Texts {
		read := text
		if s.fault.text != nil {
			read = s.fault.text(s, text, c.Texts)
		}
		x := s.embed(read)
		shape := hashOf(text, string(rune(len(c.Texts))))
		x = s.moved(x, s.noise.shape*float64(shape%1000)/1000, shape)
		x = s.moved(x, s.noise.call*s.rand.Float64(), s.rand.Uint64())
		if s.fault.vector != nil {
			x = s.fault.vector(s, text, x)
		}
		s.seen[text]++
		cut := slices.Clone(x[:min(dimension, len(x))])
		if c.Dimensions > 0 && !s.fault.unnormalised {
			sum := make([]float64, len(cut))
			for i, v := range cut {
				sum[i] = float64(v)
			}
			if p, ok := newPoint(cut); ok && math.Abs(float64(p.norm)) < 1.5 {
				cut = unit32(sum)
			}
		}
		a.Vectors = append(a.Vectors, cut...)
	}
	if s.fault.answer != nil {
		s.fault.answer(s, &c, &a)
	}
	return a
}

// round sends a round.
func (s *server) round(p *Plan, n int64) *Measurement {
	r := p.Round(n)
	for i, c := range r.Calls() {
		r.Take(i, s.call(c))
	}
	return r.Measure()
}
