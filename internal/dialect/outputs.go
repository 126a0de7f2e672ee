package dialect

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// outputs writes the vectors of an answer to an event.
type outputs struct {
	ev *embedding.Event
	// start is where the vector being read begins in ev.Vectors, and dimension its length.
	start, dimension int
	// order holds the index of each vector, once one is not where its index says; until then it is empty and every
	// vector's index is its position.
	order []int
	// elements and bigEndian are how strings hold elements, and whether numbers hold packed bits; known is false for
	// elements that cannot be read.
	elements  vector.Elements
	bigEndian bool
	known     bool
	// unread is whether the vector being read came in a form that is counted and not read.
	unread bool
	// err is about the first vector that could not be decoded.
	err error
}

// reset forgets what was added. The elements are those that the request asked for.
func (out *outputs) reset() {
	*out = outputs{ev: out.ev, bigEndian: out.ev.BigEndian}
	out.elements, out.known = vector.ParseElements(out.ev.ElementType)
	out.ev.OutputCount, out.ev.OutputDimension, out.ev.OutputRagged = 0, 0, 0
	out.ev.HasOutput, out.ev.OutputReordered = false, false
	out.ev.Vectors = out.ev.Vectors[:0]
}

// open enters the list of vectors that s is at, and reports whether it has a first one.
func (out *outputs) open(s *scanner) bool {
	out.ev.HasOutput = true
	return s.open('[')
}

// begin starts the next vector.
func (out *outputs) begin() { out.start, out.dimension, out.unread = len(out.ev.Vectors), 0, false }

// decode reads the elements of the vector that begin started from the value that s is at: an array of numbers, each
// an element or a byte of packed ones, or a base64 string. Any other value, as null, leaves the vector without
// elements. A vector that is decoded again replaces itself.
func (out *outputs) decode(s *scanner) {
	out.ev.Vectors = out.ev.Vectors[:out.start]
	out.dimension = 0
	switch s.peek() {
	case '[':
		// The numbers of packed bits must be seen to know whether they are packed.
		if out.ev.CountVectors && out.elements.PerEntry() == 1 {
			out.countNumbers(s)
		} else {
			out.decodeNumbers(s)
		}
	case '"':
		switch {
		case !out.known:
			out.pass(s)
		case out.ev.CountVectors:
			out.countBytes(base64Length(s.str()))
		default:
			out.decodeBase64(s)
		}
	default:
		s.skip()
	}
}

func (out *outputs) decodeNumbers(s *scanner) {
	vectors, n, err := vector.AppendJSON(out.ev.Vectors, s.text[s.pos:])
	if err != nil {
		s.skip() // an array of something else, unless the syntax is wrong
		out.fail(err)
		return
	}
	s.pos += n
	out.ev.Vectors = vector.UnpackBits(vectors, out.start, out.elements)
	out.dimension = len(out.ev.Vectors) - out.start
}

func (out *outputs) decodeBase64(s *scanner) {
	vectors, err := vector.AppendBase64Elements(out.ev.Vectors, s.str(), out.elements, out.bigEndian)
	out.ev.Vectors = vectors
	out.dimension = len(vectors) - out.start
	out.fail(err)
}

// countNumbers measures the array of numbers that s is at and leaves it unread.
func (out *outputs) countNumbers(s *scanner) {
	count, n, err := vector.CountJSON(s.text[s.pos:])
	if err != nil {
		s.skip()
		out.fail(err)
		return
	}
	s.pos += n
	out.dimension = count
}

// countBytes measures a vector of so many bytes.
func (out *outputs) countBytes(n int) {
	if n%out.elements.Size() != 0 {
		out.fail(fmt.Errorf("%d bytes are no multiple of %d", n, out.elements.Size()))
		return
	}
	out.dimension = n / out.elements.Size() * out.elements.PerEntry()
}

// base64Length returns the number of bytes that text stands for, with or without padding.
func base64Length(text []byte) int {
	return base64.RawStdEncoding.DecodedLen(len(bytes.TrimRight(text, "=\r\n")))
}

// pass passes over the value that s is at: a vector that is counted and not read.
func (out *outputs) pass(s *scanner) {
	out.ev.Vectors = out.ev.Vectors[:out.start]
	out.unread = true
	s.skip()
}

// fail notes why the vector being read could not be decoded.
func (out *outputs) fail(err error) {
	if err != nil && out.err == nil {
		out.err = fmt.Errorf("vector %d: %w", out.ev.OutputCount, err)
	}
}

// finish adds the vector that begin started, as the one at index, if s has read its whole object.
func (out *outputs) finish(s *scanner, index int) {
	ev := out.ev
	if s.err != nil {
		ev.Vectors = ev.Vectors[:out.start]
		return
	}
	out.place(index)
	ev.OutputCount++
	ev.HasOutput = true
	dimension := out.dimension
	if dimension == 0 && out.unread {
		return
	}
	if ev.OutputDimension == 0 && dimension > 0 {
		ev.OutputDimension = dimension
		if !ev.CountVectors {
			// Room for a vector for each input, though not for more elements than the rest of the body can hold.
			ev.Vectors = slices.Grow(ev.Vectors, max(0, min(dimension*(ev.InputCount-1), (len(s.text)-s.pos)/minElement)))
		}
	}
	if dimension == 0 || dimension != ev.OutputDimension {
		ev.OutputRagged++
		ev.Vectors = ev.Vectors[:out.start]
	}
	if ev.CountVectors {
		ev.Vectors = ev.Vectors[:0]
	}
}

// readRows reads a list of vectors, or of lists of token vectors, and reports whether there are such lists. Anything
// else in the list is a vector that is missing.
func (out *outputs) readRows(s *scanner) (tokens bool) {
	for more := out.open(s); more; more = s.next(']') {
		out.begin()
		switch {
		case s.peek() != '[':
			s.skip()
		case nested(*s):
			s.skip()
			tokens = true
		default:
			out.decode(s)
		}
		out.finish(s, out.ev.OutputCount)
	}
	return tokens
}

// nested reports whether the list that s is at begins with a list.
func nested(s scanner) bool { return s.open('[') && s.peek() == '[' }

// leave takes the vectors out of an answer in which inputs have token vectors, and keeps their number. An input of one
// token has a single one that looks like the vector of a text, and rows for some of the inputs alone would belong to
// none.
func (out *outputs) leave() {
	count := out.ev.OutputCount
	out.reset()
	out.ev.OutputCount, out.ev.HasOutput = count, true
}

// minElement is the least number of bytes in which an answer can hold an element: a digit and a comma.
const minElement = 2

// place notes the index of the vector at position ev.OutputCount.
func (out *outputs) place(index int) {
	position := out.ev.OutputCount
	if len(out.order) == 0 {
		if index == position {
			return
		}
		out.ev.OutputReordered = true
		for i := range position {
			out.order = append(out.order, i)
		}
	}
	out.order = append(out.order, index)
}

// sort puts the vectors in the order of their indices, so that row i belongs to input i. Where the indices are no
// permutation, or rows are missing, the order of arrival stays.
func (out *outputs) sort() {
	order, ev := out.order, out.ev
	if len(order) == 0 || len(ev.Vectors) == 0 || ev.OutputRagged > 0 || !isPermutation(order) {
		return
	}
	row := func(i int) []float32 { return ev.Vectors[i*ev.OutputDimension : (i+1)*ev.OutputDimension] }
	for i := range order {
		for order[i] != i { // each swap brings one row to its place
			j := order[i]
			swap(row(i), row(j))
			order[i], order[j] = order[j], j
		}
	}
}

func isPermutation(order []int) bool {
	seen := make([]bool, len(order))
	for _, i := range order {
		if i < 0 || i >= len(seen) || seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

func swap(a, b []float32) {
	b = b[:len(a)]
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}
