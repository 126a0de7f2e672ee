package tokens

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestCount(t *testing.T) {
	tests := []struct {
		text string
		want int
	}{
		{"", 0},
		{"   ", 0},
		{"the cat sat", 3},
		{"embedding", 3},
		{"向量数据库", 5},
		{"ひらがな", 4},
		{"한국어", 3},
		{"вектор", 2},
		{"2025", 4},
		{"a, b", 3},
		{"one\n\ntwo", 3},
		{"\xff\xfe", 2},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, Count(tt.text), "%q", tt.text)
	}
}

func TestTruncate(t *testing.T) {
	prefix, n := Truncate("the cat sat on the mat", 3)
	assert.Equal(t, "the cat sat", prefix)
	assert.Equal(t, 3, n)

	prefix, n = Truncate("the cat", 10)
	assert.Equal(t, "the cat", prefix)
	assert.Equal(t, 2, n)

	prefix, n = Truncate("the cat", 0)
	assert.Empty(t, prefix)
	assert.Zero(t, n)
}

func TestTruncateAgreesWithCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(0, 20).Draw(t, "limit")
		prefix, n := Truncate(s, limit)
		if !strings.HasPrefix(s, prefix) {
			t.Fatalf("%q is no prefix of %q", prefix, s)
		}
		if want := min(limit, Count(s)); n != want {
			t.Fatalf("%d tokens, want %d", n, want)
		}
		if got := Count(prefix); got != n {
			t.Fatalf("prefix counts %d tokens, said %d", got, n)
		}
	})
}
