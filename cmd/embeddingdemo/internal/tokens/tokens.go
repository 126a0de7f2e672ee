// Package tokens estimates how a byte-pair tokenizer such as Qwen3's would cut a text: deterministic, close enough
// for length distributions, and not a tokenizer.
package tokens

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// class says how runes of one kind are cut into tokens.
type class uint8

const (
	space   class = iota // joins the next word, no token of its own
	newline              // a run of line ends is one token
	latin                // ASCII letters: one token for every 4
	letter               // other alphabets: one token for every 3
	single               // digits, punctuation, ideographs, syllables: one token each
)

// runLength is how many runes of a class share one token.
var runLength = [...]int{latin: 4, letter: 3, single: 1}

func classOf(r rune) class {
	switch {
	case r == '\n' || r == '\r':
		return newline
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
		return latin
	case unicode.IsSpace(r):
		return space
	case r < utf8.RuneSelf:
		return single
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
		return single
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return letter
	default:
		return single
	}
}

// Ends yields the byte offset in s after each token. White space belongs to the token behind it; white space at the
// end of s belongs to none.
func Ends(s string) iter.Seq[int] {
	return func(yield func(int) bool) {
		run, length := space, 0 // class and number of runes of the token being read
		for i, r := range s {
			c := classOf(r)
			full := run != newline && run != space && length == runLength[run]
			if length > 0 && (c != run || full) {
				if !yield(i) {
					return
				}
				length = 0
			}
			run = c
			if c != space {
				length++
			}
		}
		if length > 0 {
			yield(len(s))
		}
	}
}

// Count returns the number of tokens in s.
func Count(s string) int {
	n := 0
	for range Ends(s) {
		n++
	}
	return n
}

// Truncate returns the longest prefix of s that has at most limit tokens, and its number of tokens.
func Truncate(s string, limit int) (string, int) {
	n, end := 0, 0
	for e := range Ends(s) {
		if n == limit {
			return s[:end], n
		}
		n, end = n+1, e
	}
	return s, n
}
