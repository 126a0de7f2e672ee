package hashing

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKeysTellTextsApart(t *testing.T) {
	seen := map[uint64]string{}
	for _, text := range []string{"", "\x00", "\x00\x00", "a", "ab", "ba", "\x01"} {
		assert.NotContains(t, seen, Key(text), "%q", text)
		seen[Key(text)] = text
	}
	for _, ids := range [][]int64{nil, {0}, {0, 0}, {1}, {97}, {1, 2}, {2, 1}} {
		assert.NotContains(t, seen, KeyOfTokens(ids), "%v", ids)
		seen[KeyOfTokens(ids)] = "token ids"
	}
}

func TestDisturbedVectorsNeverChange(t *testing.T) {
	e := NewEmbedder(1, dimension)
	x := e.Text("hello world")
	e.Disturb(x, "cause", Key("hello world"), Spread{0.1, 0.3})
	assert.Equal(t, "0c36851527c4c19d", digest(x))
	x = e.Text("hello world")
	e.Blend(x, NewEmbedder(2, dimension).Text("hello world"), "cause", Key("hello world"), Spread{0.1, 0.3})
	assert.Equal(t, "9e20547d2f66235a", digest(x))
}

func TestMovesAreAsLongAsAskedFor(t *testing.T) {
	e, other := NewEmbedder(1, dimension), NewEmbedder(2, dimension)
	exact := e.Text("hello world")
	for _, length := range []float64{0.01, 0.2, 1} {
		by := Spread{length, length}
		for key := range uint64(20) {
			x := e.Text("hello world")
			e.Disturb(x, "cause", key, by)
			assert.InDelta(t, 1, dot(x, x), 1e-5)
			assert.InDelta(t, length, math.Sqrt(1/math.Pow(dot(exact, x), 2)-1), 0.1*length)

			x = e.Text("hello world")
			e.Blend(x, other.Text("hello world"), "cause", key, by)
			assert.InDelta(t, 1, dot(x, x), 1e-5)
			assert.InDelta(t, length, math.Sqrt(1/math.Pow(dot(exact, x), 2)-1), 0.1*length)
		}
	}
}

func TestMovesDependOnModelCauseAndText(t *testing.T) {
	e := NewEmbedder(1, dimension)
	by := Spread{1, 1}
	disturb := func(e *Embedder, cause string, key uint64) []float32 {
		x := make([]float32, dimension)
		e.Disturb(x, cause, key, by)
		return x
	}
	one := disturb(e, "cause", 1)
	assert.Equal(t, one, disturb(e, "cause", 1))
	assert.InDelta(t, 0, dot(one, disturb(e, "cause", 2)), 0.1)
	assert.InDelta(t, 0, dot(one, disturb(e, "another", 1)), 0.1)
	assert.InDelta(t, 0, dot(one, disturb(NewEmbedder(2, dimension), "cause", 1)), 0.1)
}
