package hashing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/texts"
)

const dimension = 2560

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// digest identifies the bits of a vector.
func digest(x []float32) string {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// The bits are the model: recordings and references of other tests rest on them, on every platform.
func TestVectorsNeverChange(t *testing.T) {
	e := NewEmbedder(1, dimension)
	for text, want := range map[string]string{
		"":                       "e11e0b54015323dc",
		"hello world":            "166e1713dcc4e885",
		"向量数据库":                  "085431d7e785efa9",
		strings.Repeat("a", 1e5): "937e58c302a92ce9",
	} {
		assert.Equal(t, want, digest(e.Text(text)), "%.20q", text)
	}
	assert.Equal(t, "beb0b25c36c79894", digest(e.Tokens([]int64{1, 2, 3})), "token ids")
	assert.Equal(t, "79856a3c49b823ae", digest(NewEmbedder(2, dimension).Text("hello world")), "another seed")
}

func TestUnitLength(t *testing.T) {
	e := NewEmbedder(1, dimension)
	rapid.Check(t, func(t *rapid.T) {
		x := e.Text(rapid.String().Draw(t, "text"))
		if norm := math.Sqrt(dot(x, x)); math.Abs(norm-1) > 1e-6 {
			t.Fatalf("length %v", norm)
		}
	})
}

func TestDifferentTextsHaveDifferentVectors(t *testing.T) {
	e := NewEmbedder(1, dimension)
	seen := map[string]string{}
	for _, text := range []string{
		"", " ", "  ", "a", "A", "aa", "aaa", "aaaa", "abab", "baba", "ab", "ba", "hello world", "hello  world",
		"Hello world", "world hello", "\x02", "\x03", "\x00", "1", "11",
		"xaxbxa xbx", "xbxaxb xax", strings.Repeat("a", 1000), strings.Repeat("a", 1001),
	} {
		d := digest(e.Text(text))
		assert.NotContains(t, seen, d, "%q and %q", text, seen[d])
		seen[d] = text
	}
	assert.NotEqual(t, digest(e.Tokens([]int64{1, 2})), digest(e.Tokens([]int64{2, 1})))
	assert.NotEqual(t, digest(e.Tokens(nil)), digest(e.Text("")))
}

func TestSimilarTextsAreNear(t *testing.T) {
	e := NewEmbedder(1, dimension)
	query := e.Text("How do I reset the password of a shared mailbox?")
	near := dot(query, e.Text("How can I reset the password of my shared mailbox?"))
	far := dot(query, e.Text("The pump stops when the tank level falls below the lower float switch."))
	other := dot(query, e.Text("语义检索比较的是文本的含义，而不是相同的词语。"))
	t.Logf("near %.3f far %.3f other script %.3f", near, far, other)
	assert.Greater(t, near, 0.75)
	assert.Less(t, far, 0.5)
	assert.Less(t, other, 0.4)
	assert.Greater(t, far, other)
}

func TestCentroid(t *testing.T) {
	const n = 2000
	e := NewEmbedder(1, dimension)
	g := texts.NewGenerator(2048)
	rng := rand.New(rand.NewPCG(1, 1))
	vectors := make([][]float32, n)
	mean := make([]float32, dimension)
	for i := range vectors {
		vectors[i] = e.Text(g.Text(rng))
		for j, v := range vectors[i] {
			mean[j] += v / n
		}
	}
	square := dot(mean, mean)
	cosines := 0.0
	for _, v := range vectors {
		cosines += dot(v, mean) / math.Sqrt(square) / n
	}
	t.Logf("squared length of the mean %.3f, mean cosine to it %.3f", square, cosines)
	assert.InDelta(t, 0.33, square, 0.05)
	assert.InDelta(t, 0.57, cosines, 0.05)
}

func TestSeedsAreUnrelated(t *testing.T) {
	a, b := NewEmbedder(1, dimension), NewEmbedder(2, dimension)
	for _, text := range []string{"", "hello world", "How do I reset the password of a shared mailbox?"} {
		assert.InDelta(t, 0, dot(a.Text(text), b.Text(text)), 0.15, text)
	}
}

func TestNormalize(t *testing.T) {
	x := []float32{3, 4}
	Normalize(x)
	assert.Equal(t, []float32{0.6, 0.8}, x)

	zero := []float32{0, 0}
	Normalize(zero)
	assert.Equal(t, []float32{0, 0}, zero)
}

func TestDimensions(t *testing.T) {
	for _, d := range []int{1, 32, 4096, 32768} {
		x := NewEmbedder(1, d).Text("hello world")
		require.Len(t, x, d)
		assert.InDelta(t, 1, dot(x, x), 1e-5)
	}
}

func BenchmarkText(b *testing.B) {
	e := NewEmbedder(1, dimension)
	for _, size := range []int{50, 500, 5000} {
		text := strings.Repeat("Retrieval works best when passages are short. ", size/46+1)[:size]
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				e.Text(text)
			}
		})
	}
}

// A probe with known texts needs a ranking, not only near and far: each query finds the document that shares its words.
func TestQueriesFindTheirDocuments(t *testing.T) {
	e := NewEmbedder(1, dimension)
	pairs := [][2]string{
		{"How do I reset my password?", "To reset your password, open the settings page and choose reset password."},
		{"refund policy for damaged items", "Damaged items are refunded in full within fourteen days under our refund policy."},
		{"opening hours of the library", "The library is open from nine to five; opening hours change on holidays."},
		{"how to bake sourdough bread", "Sourdough bread is baked in a hot oven after a long rise."},
		{"capital of France", "Paris is the capital and largest city of France."},
		{"GPU memory is full during training", "Training fails when GPU memory is full; lower the batch size."},
	}
	for i, query := range pairs {
		own := dot(e.Text(query[0]), e.Text(query[1]))
		for j, document := range pairs {
			if i != j {
				assert.Greater(t, own, dot(e.Text(query[0]), e.Text(document[1]))+0.05, "%s: %s", query[0], document[1])
			}
		}
	}
}
