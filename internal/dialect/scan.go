package dialect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/segmentio/asm/ascii"
)

// maxNesting bounds how deep a value that nobody reads may nest. Embedding APIs nest four levels.
const maxNesting = 64

// longString is the length in bytes from which searching a string several times is faster than once.
const longString = 256

// A scanner reads JSON text from front to back and allocates only for strings with escapes. encoding/json would read a
// body twice and box every number of a vector.
//
// The first syntax error sticks in err: from then on every method does nothing and returns zero values, so that
// readers need not check after each step, and loops over open and next end.
type scanner struct {
	text    []byte
	pos     int
	err     error
	scratch []byte
}

func (s *scanner) fail(want string) {
	if s.err != nil {
		return
	}
	if s.pos >= len(s.text) {
		s.err = fmt.Errorf("JSON ends at byte %d, want %s", len(s.text), want)
		return
	}
	s.err = fmt.Errorf("JSON has %q at byte %d, want %s", s.text[s.pos], s.pos, want)
}

// peek returns the first byte of the next token, which tells its kind, or 0 at the end.
func (s *scanner) peek() byte {
	for s.err == nil && s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// open enters the object or array that begins with bracket and reports whether it has a first element. A loop over
// the elements is
//
//	for more := s.open('['); more; more = s.next(']') {
//
// whose body must read one value; in an object, a key before it.
func (s *scanner) open(bracket byte) bool {
	if s.peek() != bracket {
		s.fail(strconv.QuoteRune(rune(bracket)))
		return false
	}
	s.pos++
	if s.peek() == bracket+2 { // in ASCII, ] follows [ and } follows { at a distance of two
		s.pos++
		return false
	}
	return s.err == nil
}

// next goes on to the next element, or leaves the object or array at its closing bracket and returns false.
func (s *scanner) next(bracket byte) bool {
	switch s.peek() {
	case ',':
		s.pos++
		return true
	case bracket:
		s.pos++
	default:
		s.fail("',' or " + strconv.QuoteRune(rune(bracket)))
	}
	return false
}

// end expects nothing but white space.
func (s *scanner) end() {
	if s.peek() != 0 || s.err == nil && s.pos < len(s.text) {
		s.fail("the end")
	}
}

// key reads an object's key with its colon. The result is valid until the next call on s.
func (s *scanner) key() []byte {
	key, escaped := s.quoted()
	if escaped {
		s.scratch = unquote(s.scratch[:0], key)
		key = s.scratch
	}
	if s.peek() != ':' {
		s.fail("':'")
		return nil
	}
	s.pos++
	return key
}

// str reads a string and returns it decoded, in valid UTF-8. The result is valid until the next call on s.
func (s *scanner) str() []byte {
	raw, escaped := s.quoted()
	if !escaped && utf8.Valid(raw) {
		return raw
	}
	s.scratch = unquote(s.scratch[:0], raw)
	return s.scratch
}

// quoted reads a string and returns what is between its quotes, and whether that has escapes.
func (s *scanner) quoted() (raw []byte, escaped bool) {
	if s.peek() != '"' {
		s.fail("a string")
		return nil, false
	}
	s.pos++
	begin := s.pos
	// A vector in base64 is one long string of printable characters: vector instructions find its end in a fraction of the
	// time. Tried once a string, because from each of many escapes on it would make the time quadratic.
	if n := bytes.IndexByte(s.text[begin:], '"'); n >= longString {
		if raw = s.text[begin : begin+n]; bytes.IndexByte(raw, '\\') < 0 && ascii.ValidPrint(raw) {
			s.pos += n + 1
			return raw, false
		}
	}
	for {
		s.pos += plainLength(s.text[s.pos:])
		if s.pos >= len(s.text) {
			s.fail("'\"'")
			return nil, false
		}
		switch s.text[s.pos] {
		case '"':
			s.pos++
			return s.text[begin : s.pos-1], escaped
		case '\\':
			escaped = true
			if !s.escape() {
				s.fail("an escape sequence")
				return nil, false
			}
		default:
			s.fail("no control character in a string")
			return nil, false
		}
	}
}

// plainLength returns the number of bytes in front of the first quote, backslash or control character in b.
func plainLength(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		// (y−n·ones)&^y marks by its high bit the lowest byte of y that is less than n. Borrows may mark bytes above
		// it wrongly, but the lowest mark is right.
		x := binary.LittleEndian.Uint64(b[i:])
		quote, backslash := x^ones*'"', x^ones*'\\'
		marks := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-ones*' ')&^x) & highs
		if marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

// escape reads the escape sequence at s.pos.
func (s *scanner) escape() bool {
	rest := s.text[s.pos:]
	if len(rest) < 2 {
		return false
	}
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return true
	case 'u':
		if _, ok := hex4(rest[2:]); ok {
			s.pos += 6
			return true
		}
	}
	return false
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case (c|0x20)-'a' < 6:
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote appends the text that raw, which quoted returned, stands for. What is no UTF-8, and half a surrogate pair,
// becomes U+FFFD, as encoding/json has it.
func unquote(dst, raw []byte) []byte {
	for len(raw) > 0 {
		if raw[0] != '\\' {
			r, size := utf8.DecodeRune(raw)
			dst, raw = utf8.AppendRune(dst, r), raw[size:]
			continue
		}
		c := raw[1]
		if c != 'u' {
			dst, raw = append(dst, unescape(c)), raw[2:]
			continue
		}
		r, _ := hex4(raw[2:])
		raw = raw[6:]
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
				low, _ = hex4(raw[2:])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				raw = raw[6:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// unescape returns the character that a backslash and c stand for.
func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// number reads a number and returns its text.
func (s *scanner) number() []byte {
	s.peek()
	begin := s.pos
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else {
		s.digits()
	}
	if s.at('.') {
		s.pos++
		s.digits()
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('-') || s.at('+') {
			s.pos++
		}
		s.digits()
	}
	if s.err != nil {
		return nil
	}
	return s.text[begin:s.pos]
}

func (s *scanner) at(c byte) bool {
	return s.err == nil && s.pos < len(s.text) && s.text[s.pos] == c
}

// digits reads one digit or more.
func (s *scanner) digits() {
	begin := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' < 10 {
		s.pos++
	}
	if s.pos == begin {
		s.fail("a digit")
	}
}

// integer reads a number and returns its value if that is an integer, in whatever spelling: 3, 3.0, 3e0.
func (s *scanner) integer() (n int64, ok bool) {
	text := s.number()
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err == nil {
		return n, true
	}
	// Above 2⁵³ a spelling with a fraction or an exponent stands for no certain integer.
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// skip reads one value of any kind and returns its text.
func (s *scanner) skip() []byte {
	s.peek()
	begin := s.pos
	var objects uint64 // a bit for each open bracket, 1 for {; the innermost is the lowest
	depth := 0
	for {
		switch c := s.peek(); c {
		case '{', '[':
			if depth == maxNesting {
				s.failNesting()
				return nil
			}
			if s.open(c) {
				depth++
				objects <<= 1
				if c == '{' {
					objects |= 1
					s.key()
				}
				continue
			}
		case '"':
			s.quoted()
		case 't':
			s.literal("true")
		case 'f':
			s.literal("false")
		case 'n':
			s.literal("null")
		default:
			s.number()
		}
		for depth > 0 && !s.element(objects&1 == 1) {
			depth--
			objects >>= 1
		}
		if s.err != nil {
			return nil
		}
		if depth == 0 {
			return s.text[begin:s.pos]
		}
	}
}

// element goes on to the next element of an object or array, in an object up to its value.
func (s *scanner) element(object bool) bool {
	if !object {
		return s.next(']')
	}
	if !s.next('}') {
		return false
	}
	s.key()
	return true
}

func (s *scanner) failNesting() {
	if s.err == nil {
		s.err = fmt.Errorf("JSON nests more than %d levels at byte %d", maxNesting, s.pos)
	}
}

func (s *scanner) literal(word string) {
	if len(s.text)-s.pos < len(word) || string(s.text[s.pos:s.pos+len(word)]) != word {
		s.fail(word)
		return
	}
	s.pos += len(word)
}

func isNumber(first byte) bool { return first == '-' || first-'0' < 10 }
