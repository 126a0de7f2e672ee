package vectorfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

const npyMagic = "\x93NUMPY"

// maxNPYHeader bounds the length of a header. NumPy pads that of a plain array to 128 bytes at most.
const maxNPYHeader = 1 << 16

// npyHeader is what the header of an .npy file says.
type npyHeader struct {
	rows      int64
	dimension int
	elements  npyElements
}

// npyElements is the type of an array's elements.
type npyElements struct {
	name      string // as NumPy has it: "<f4"
	size      int
	double    bool            // 64-bit floats, which no server sends and package vector does not know
	kind      vector.Elements // the type of others
	bigEndian bool
}

// readNPYHeader reads the header of an .npy file of format 1.0, 2.0 or 3.0, and the number of bytes that it takes. The
// errors have no File yet.
func readNPYHeader(in *bufio.Reader) (h npyHeader, size int64, err error) {
	var fixed [12]byte
	head := fixed[:10]
	if _, err = io.ReadFull(in, head); err != nil {
		return h, 0, cutHeader(err)
	}
	if string(head[:len(npyMagic)]) != npyMagic {
		return h, 0, &Error{Field: "header", Found: excerpt(head), Want: "an .npy array"}
	}
	major, minor := head[6], head[7]
	length := int(binary.LittleEndian.Uint16(head[8:]))
	switch {
	case major == 1 && minor == 0:
	case (major == 2 || major == 3) && minor == 0:
		head = fixed[:]
		if _, err = io.ReadFull(in, head[10:]); err != nil {
			return h, 0, cutHeader(err)
		}
		length = int(min(binary.LittleEndian.Uint32(head[8:]), math.MaxInt32))
	default:
		return h, 0, &Error{Field: "header", Found: fmt.Sprintf("format %d.%d", major, minor), Want: "1.0, 2.0 or 3.0"}
	}
	if length > maxNPYHeader {
		return h, 0, &Error{Field: "header", Found: fmt.Sprintf("a length of %d bytes", length),
			Want: fmt.Sprintf("at most %d", maxNPYHeader)}
	}
	text := make([]byte, length)
	if _, err = io.ReadFull(in, text); err != nil {
		return h, 0, cutHeader(err)
	}
	h, err = parseNPYHeader(string(text))
	return h, int64(len(head) + length), err
}

func cutHeader(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &Error{Field: "header", Found: "the end of the file", Want: "a whole header", Err: io.ErrUnexpectedEOF}
	}
	return &Error{Field: "header", Err: err}
}

// parseNPYHeader reads the Python dictionary of a header:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 768), }
func parseNPYHeader(text string) (h npyHeader, err error) {
	p := literal{text: text}
	var (
		descr                        string
		fortran                      bool
		shape                        []int64
		hasDescr, hasOrder, hasShape bool
	)
	for more := p.open('{', '}'); more; more = p.next('}') {
		key := p.str()
		p.expect(':')
		switch key {
		case "descr":
			if p.peek() == '[' {
				return h, &Error{Field: "descr", Found: "a structured type", Want: wantNPYType +
					": save the field that has the vectors, np.save(file, x['embedding'])"}
			}
			descr, hasDescr = p.str(), true
		case "fortran_order":
			fortran, hasOrder = p.boolean(), true
		case "shape":
			shape, hasShape = p.tuple(), true
		default:
			p.failFound(excerpt(key), "'descr', 'fortran_order' or 'shape'")
		}
	}
	if p.peek() != 0 {
		p.fail("the end of the header")
	}
	if p.err != nil {
		return h, p.err
	}
	if !hasDescr || !hasOrder || !hasShape {
		return h, &Error{Field: "header", Found: excerpt(strings.TrimSpace(text)), Want: "'descr', 'fortran_order' and 'shape'"}
	}
	if h.elements, err = parseNPYType(descr); err != nil {
		return h, err
	}
	if fortran && len(shape) > 1 { // an array of one dimension is in both orders
		return h, &Error{Field: "fortran_order", Found: "True, which has the first element of every vector first",
			Want: "False: save it as np.save(file, np.ascontiguousarray(x))"}
	}
	return h, h.setShape(shape)
}

// wantNPYType lists the types of parseNPYType.
const wantNPYType = "float32, float64, float16, int8 or uint8"

func parseNPYType(descr string) (npyElements, error) {
	e := npyElements{name: descr}
	order, name := "", ""
	if len(descr) > 1 {
		order, name = descr[:1], descr[1:]
	}
	known := true
	switch name {
	case "f4":
		e.size, e.kind = 4, vector.Float32
	case "f8":
		e.size, e.double = 8, true
	case "f2":
		e.size, e.kind = 2, vector.Float16
	case "i1":
		e.size, e.kind = 1, vector.Int8
	case "u1":
		e.size, e.kind = 1, vector.Uint8
	default:
		known = false
	}
	switch {
	case order == "<" || order == "|" && e.size == 1:
	case order == ">":
		e.bigEndian = true
	default:
		known = false
	}
	if !known {
		return e, &Error{Field: "descr", Found: excerpt(descr), Want: wantNPYType + ": save it as np.save(file, x.astype(np.float32))"}
	}
	return e, nil
}

// setShape takes over the shape: n vectors of length d, or one vector.
func (h *npyHeader) setShape(shape []int64) error {
	var rows, dimension int64
	switch len(shape) {
	case 1:
		rows, dimension = 1, shape[0]
		if dimension == 0 {
			rows = 0 // the array that NumPy makes of an empty list
		}
	case 2:
		rows, dimension = shape[0], shape[1]
	default:
		return &Error{Field: "shape", Found: fmt.Sprintf("%d dimensions %s", len(shape), formatShape(shape)),
			Want: "2, vectors and their elements: save it as np.save(file, x.reshape(-1, x.shape[-1]))"}
	}
	if dimension > maxDimension {
		return &Error{Field: "shape", Found: fmt.Sprintf("vectors of %d elements %s", dimension, formatShape(shape)),
			Want: fmt.Sprintf("at most %d: save a flat array as np.save(file, x.reshape(-1, dimension))", maxDimension)}
	}
	if rows > 0 && (dimension == 0 || rows > math.MaxInt64/2/(dimension*int64(h.elements.size))) {
		return &Error{Field: "shape", Found: formatShape(shape), Want: "vectors that have elements, in a file of less than 2⁶² bytes"}
	}
	h.rows, h.dimension = rows, int(dimension)
	return nil
}

func formatShape(shape []int64) string {
	if len(shape) == 1 {
		return fmt.Sprintf("(%d,)", shape[0])
	}
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = strconv.FormatInt(n, 10)
	}
	return "(" + strings.Join(words, ", ") + ")"
}

// A literal reads the Python literals of a header. Its first error sticks, and from then on nothing is read.
type literal struct {
	text string
	pos  int
	err  error
}

func (p *literal) fail(want string) {
	if p.pos >= len(p.text) {
		p.failFound("its end", want)
		return
	}
	p.failFound(excerpt(p.text[p.pos:]), want)
}

func (p *literal) failFound(found, want string) {
	if p.err == nil {
		p.err = &Error{Field: "header", Found: fmt.Sprintf("%s at byte %d", found, p.pos), Want: want}
	}
}

// peek returns the first byte of the next token, 0 at the end and after an error.
func (p *literal) peek() byte {
	for p.err == nil && p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		case 0: // which no token begins with
			p.fail("a Python literal")
		default:
			return c
		}
	}
	return 0
}

func (p *literal) expect(c byte) {
	if p.peek() != c {
		p.fail("'" + string(c) + "'")
		return
	}
	p.pos++
}

// open enters a dictionary or tuple and reports whether it has a first element.
func (p *literal) open(begin, end byte) bool {
	p.expect(begin)
	return p.more(end)
}

// next goes on to the next element behind a comma, which may stand behind the last one too.
func (p *literal) next(end byte) bool {
	if p.peek() == end {
		p.pos++
		return false
	}
	p.expect(',')
	return p.more(end)
}

func (p *literal) more(end byte) bool {
	if p.peek() == end {
		p.pos++
		return false
	}
	return p.err == nil
}

// str reads a string. Those of a header have no escapes.
func (p *literal) str() string {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		p.fail("a string")
		return ""
	}
	n := strings.IndexByte(p.text[p.pos+1:], quote)
	if n < 0 {
		p.fail("a string that ends")
		return ""
	}
	text := p.text[p.pos+1 : p.pos+1+n]
	p.pos += n + 2
	return text
}

func (p *literal) boolean() bool {
	p.peek()
	for _, word := range [...]string{"True", "False"} {
		if p.err == nil && strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			return word == "True"
		}
	}
	p.fail("True or False")
	return false
}

// maxShape is how many dimensions an array may have to be told about in an error: NumPy's own limit.
const maxShape = 64

func (p *literal) tuple() (shape []int64) {
	for more := p.open('(', ')'); more; more = p.next(')') {
		begin := p.pos
		for p.pos < len(p.text) && p.text[p.pos]-'0' < 10 {
			p.pos++
		}
		n, err := strconv.ParseInt(p.text[begin:p.pos], 10, 64)
		if err != nil || len(shape) == maxShape {
			p.pos = begin
			p.fail("a dimension")
			return nil
		}
		if p.peek() == 'L' { // Python 2 has it behind long integers
			p.pos++
		}
		shape = append(shape, n)
	}
	return shape
}
