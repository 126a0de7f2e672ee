package embedding

import (
	"regexp"
	"unicode/utf8"
)

// redacted stands in place of what a pattern matches.
const redacted = "[redacted]"

// Excerpts takes the beginnings of texts, without what is not to leave the process. It is never written to and safe for
// concurrent use.
type Excerpts struct {
	// MaxLength is the length of an excerpt in runes, and MaxCount how many inputs of a call have one.
	MaxLength, MaxCount int
	// Redact are patterns of what is taken out.
	Redact []*regexp.Regexp
}

// append appends the excerpt of a text to dst. Patterns see the whole text: cut off before, what they would match could
// get through in parts.
func (x *Excerpts) append(dst []string, text []byte) []string {
	if len(dst) >= x.MaxCount {
		return dst
	}
	for _, pattern := range x.Redact {
		text = pattern.ReplaceAllLiteral(text, []byte(redacted))
	}
	end := 0
	for runes := 0; runes < x.MaxLength && end < len(text); runes++ {
		_, size := utf8.DecodeRune(text[end:])
		end += size
	}
	return append(dst, string(text[:end]))
}
