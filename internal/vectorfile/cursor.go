package vectorfile

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// maxNesting bounds how deep JSON may nest. Answers with embeddings nest four levels.
const maxNesting = 64

// A cursor finds its way through one line of JSON and reads nothing: a vector takes most of a line, and its numbers are
// to be looked at once. encoding/json would look at each three times. Values that nobody reads are not judged, so that
// the NaN of a Python program does no harm there.
//
// The first error sticks: from then on no method moves, and loops over open and next end.
type cursor struct {
	text  []byte
	pos   int
	depth int
	err   error
	// cut is whether the error is that the text ends.
	cut bool
}

func (c *cursor) fail(want string) {
	switch {
	case c.err != nil:
	case c.pos >= len(c.text):
		c.cut = true
		c.err = &Error{Found: fmt.Sprintf("the end of the line at byte %d", len(c.text)), Want: want}
	default:
		c.err = &Error{Found: fmt.Sprintf("%q at byte %d", c.text[c.pos], c.pos), Want: want}
	}
}

// peek returns the first byte of the next token, 0 at the end and after an error.
func (c *cursor) peek() byte {
	for c.err == nil && c.pos < len(c.text) {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return b
		}
	}
	return 0
}

// open enters the object or array that begins with bracket and reports whether it has a first element.
func (c *cursor) open(bracket byte) bool {
	if c.peek() != bracket {
		c.fail(string(bracket))
		return false
	}
	c.pos++
	if c.peek() == bracket+2 { // in ASCII, ] follows [ and } follows { at a distance of two
		c.pos++
		return false
	}
	return c.err == nil
}

// next goes on to the next element, or leaves the object or array at its end.
func (c *cursor) next(end byte) bool {
	switch c.peek() {
	case ',':
		c.pos++
		return true
	case end:
		c.pos++
	default:
		c.fail("',' or '" + string(end) + "'")
	}
	return false
}

// key passes an object's key with its colon and returns it.
func (c *cursor) key() []byte {
	quoted := c.str()
	if c.peek() != ':' {
		c.fail("':'")
		return nil
	}
	c.pos++
	return unquote(quoted)
}

// value passes one value of any kind and returns its text, nil after an error.
func (c *cursor) value() []byte {
	first := c.peek()
	begin := c.pos
	switch first {
	case '"':
		return c.str()
	case '[', '{':
		if first == '[' {
			if n := flatLength(c.text[c.pos:]); n > 0 {
				c.pos += n
				break
			}
		}
		c.container(first)
	default:
		for c.err == nil && c.pos < len(c.text) && isLiteral(c.text[c.pos]) {
			c.pos++
		}
		if c.pos == begin {
			c.fail("a value")
		}
	}
	if c.err != nil {
		return nil
	}
	return c.text[begin:c.pos]
}

// flatLength returns the length of the array that text begins with, 0 where that has strings, arrays or objects in it. It
// searches for brackets by vector instructions, which is many times as fast as a look at each number.
func flatLength(text []byte) int {
	end := bytes.IndexByte(text, ']')
	if end < 0 || bytes.IndexByte(text[1:end], '[') >= 0 || bytes.IndexByte(text[:end], '"') >= 0 ||
		bytes.IndexByte(text[:end], '{') >= 0 {
		return 0
	}
	return end + 1
}

// container passes an array or object.
func (c *cursor) container(bracket byte) {
	if c.depth++; c.depth > maxNesting && c.err == nil {
		c.err = &Error{Found: fmt.Sprintf("JSON that nests deeper at byte %d", c.pos),
			Want: fmt.Sprintf("at most %d levels", maxNesting)}
	}
	for more := c.open(bracket); more; more = c.next(bracket + 2) {
		if bracket == '{' {
			c.key()
		}
		c.value()
	}
	c.depth--
}

// isLiteral is whether b can be of a number or of a word, as JSON or a program that writes NaN has them.
func isLiteral(b byte) bool {
	return b-'0' < 10 || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '-' || b == '+' || b == '.'
}

// str passes a string and returns it with its quotes.
func (c *cursor) str() []byte {
	if c.peek() != '"' {
		c.fail("a string")
		return nil
	}
	begin := c.pos
	for at := begin + 1; ; {
		n := bytes.IndexByte(c.text[at:], '"')
		if n < 0 {
			c.pos = len(c.text)
			c.fail("'\"'")
			return nil
		}
		end := at + n
		escapes := 0
		for end-escapes > at && c.text[end-escapes-1] == '\\' {
			escapes++
		}
		at = end + 1
		if escapes%2 == 0 { // the quote is not escaped itself
			c.pos = at
			return c.text[begin:at]
		}
	}
}

// unquote returns what a string stands for, given with its quotes. It allocates only where there are escapes.
func unquote(quoted []byte) []byte {
	if len(quoted) < 2 {
		return nil
	}
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return inner // a broken escape: as it is written
	}
	return []byte(s)
}

// kind says what a value is, for errors.
func kind(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 'n', 't', 'f':
		return string(value[:min(len(value), 20)])
	}
	return "a number"
}

// memberNames returns the keys of an object, for errors.
func memberNames(object []byte) (names []string) {
	c := cursor{text: object}
	for more := c.open('{'); more; more = c.next('}') {
		names = append(names, excerpt(c.key()))
		c.value()
	}
	return names
}
