package dialect

import (
	"bytes"
	"math"
	"time"
	"unicode/utf8"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const (
	// maxName is the length in bytes to which the names of models and answers are cut. Clients choose them, and
	// telemetry backends keep them for long.
	maxName = 256
	// maxIdentifier is the length in bytes up to which a string may be a label or an identifier.
	maxIdentifier = 64
)

// name reads a string of up to maxName bytes; longer ones are cut at a rune. Any other value reads as "".
func (s *scanner) name() string {
	if s.peek() != '"' {
		s.skip()
		return ""
	}
	text := s.str()
	if len(text) > maxName {
		end := maxName
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return string(text)
}

// identifier reads a string that can serve as an error type or a format: up to maxIdentifier ASCII letters, digits and
// the signs _ . -. Any other value reads as "".
func (s *scanner) identifier() string {
	return s.short(func(c byte) bool {
		return (c|0x20)-'a' < 26 || c-'0' < 10 || c == '_' || c == '.' || c == '-'
	})
}

// label reads a string that can serve as a label for people: up to maxIdentifier printable ASCII characters, without
// the spaces around them. Any other value, as a whole instruction sentence, reads as "".
func (s *scanner) label() string {
	return s.short(func(c byte) bool { return c >= ' ' && c <= '~' })
}

// task reads a string that says what vectors are for: an instruction that goes before the texts, as Open WebUI sends it in
// a member of its own, or a label.
func (s *scanner) task(texts *embedding.TextReader) string {
	if s.peek() == '"' {
		ahead := *s
		if task := texts.TaskOf(ahead.str()); task != "" {
			s.skip()
			return task
		}
	}
	return s.label()
}

// short reads a string of up to maxIdentifier allowed characters, trimmed. Any other value reads as "".
func (s *scanner) short(allowed func(c byte) bool) string {
	if s.peek() != '"' {
		s.skip()
		return ""
	}
	text := bytes.TrimSpace(s.str())
	if len(text) > maxIdentifier {
		return ""
	}
	for _, c := range text {
		if !allowed(c) {
			return ""
		}
	}
	return string(text)
}

// natural reads a number that is an integer and not negative. Any other value reads as false.
func (s *scanner) natural() (int64, bool) {
	if !isNumber(s.peek()) {
		s.skip()
		return 0, false
	}
	n, ok := s.integer()
	return max(n, 0), ok && n >= 0
}

// dimension reads the length of a vector, 0 where it is not given.
func (s *scanner) dimension() int {
	if n, ok := s.natural(); ok && n <= math.MaxInt32 {
		return int(n)
	}
	return 0
}

// nanoseconds reads a duration, 0 where it is not given.
func (s *scanner) nanoseconds() time.Duration {
	if n, ok := s.natural(); ok {
		return time.Duration(n)
	}
	return 0
}

// firstType reads the element type that a client asks for: a string, or a list of strings, of which float counts
// before others and else the first.
func (s *scanner) firstType() string {
	if s.peek() != '[' {
		return s.identifier()
	}
	var first string
	for more := s.open('['); more; more = s.next(']') {
		if name := s.identifier(); first == "" || name == "float" {
			first = name
		}
	}
	return first
}
