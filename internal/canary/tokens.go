package canary

import "math"

// estimateTokens returns how many tokens a text is, on the high side of what tokenizers of multilingual embedding models (byte pairs,
// WordPiece, SentencePiece) make of it, with the marks around it.
func estimateTokens(text string) int {
	sum := 2.0
	for _, r := range text {
		sum += tokensOf(r)
	}
	return int(math.Ceil(sum))
}

// tokensOf returns the tokens of a character: about a quarter for Latin letters, of which a word has some, and more than one for
// scripts that vocabularies hold only as bytes.
func tokensOf(r rune) float64 {
	switch {
	case r >= 'a' && r <= 'z':
		return 0.3
	case r == ' ':
		return 0.1
	case r >= 'A' && r <= 'Z':
		return 0.5
	case r < 0x80: // digits, one by one in some vocabularies, and punctuation
		return 1
	case r < 0x530: // Latin with marks, Greek, Cyrillic
		return 0.6
	case r < 0x780: // Armenian, Hebrew, Arabic
		return 0.8
	case r >= 0x900 && r < 0xf00: // scripts of India, Thai, Lao
		return 1.2
	case r >= 0x3000 && r < 0xe000: // Chinese, Japanese, Korean
		return 1.2
	case r > 0xffff: // emoji, rare characters
		return 3
	}
	return 2.2 // Ethiopic, Georgian, Khmer and others, and symbols
}
