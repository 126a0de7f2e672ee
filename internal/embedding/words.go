package embedding

import (
	"unicode"
	"unicode/utf8"
)

// denseRunes is how many characters of a script that is written without spaces are taken to make a token at least.
// Tokenizers join two on average; the margin is for those that join whole names.
const denseRunes = 4

// Measure returns the length of a text in runes, and the least number of tokens that it stands for: its words, of which
// those in scripts written without spaces, as Chinese, Japanese and Thai, count by their characters. The tokenizers of
// embedding models (byte pairs, WordPiece and SentencePiece with their usual settings) break at every space, so that no
// token holds two words.
func Measure(text []byte) (runes, words int) {
	inWord := false
	dense := 0
	end := func() {
		if inWord {
			words += max(1, dense/denseRunes)
			inWord, dense = false, 0
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			runes++
			switch c {
			case ' ', '\t', '\n', '\v', '\f', '\r':
				end()
			default:
				inWord = true
			}
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		runes++
		if unicode.IsSpace(r) {
			end()
			continue
		}
		inWord = true
		if isDense(r) {
			dense++
		}
	}
	end()
	return runes, words
}

// isDense reports whether r belongs to a script that is written without spaces between words.
func isDense(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r < 0x0f00, // Thai, Lao
		r >= 0x1000 && r < 0x10a0,   // Myanmar
		r >= 0x1780 && r < 0x1800,   // Khmer
		r >= 0x3040 && r < 0x3100,   // Hiragana, Katakana
		r >= 0x3400 && r < 0xa000,   // Han
		r >= 0xf900 && r < 0xfb00,   // Han, compatibility
		r >= 0x20000 && r < 0x32000: // Han, rare
		return true
	}
	return false
}
