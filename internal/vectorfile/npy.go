package vectorfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// npyRows reads the rows of an .npy file.
//
// The libraries that there are read whole arrays, and the one that is kept up (codeberg.org/sbinet/npyio) an element at
// a time, by reflection and with no check of the header. Rows of C order are the file's bytes as they are.
type npyRows struct {
	file string
	in   *bufio.Reader
	npyHeader
	at  int64  // the number of rows read
	raw []byte // a row as the file has it, where that is not as it is in memory
}

// openNPY reads the header. The file has so many bytes, -1 where that is not known.
func openNPY(file string, in *bufio.Reader, size int64) (*npyRows, error) {
	h, headerSize, err := readNPYHeader(in)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = file
		}
		return nil, err
	}
	n := &npyRows{file: file, in: in, npyHeader: h}
	want := h.rows * int64(h.dimension*h.elements.size)
	if data := size - headerSize; size >= 0 && data < want {
		return nil, &Error{File: file, Field: "data", Found: fmt.Sprintf("%d bytes", data), Err: io.ErrUnexpectedEOF,
			Want: fmt.Sprintf("the %d of %d vectors of %d elements of type %s: the file is cut off",
				want, h.rows, h.dimension, h.elements.name)}
	} else if size >= 0 && data > want {
		return nil, n.trailing()
	}
	return n, nil
}

func (n *npyRows) trailing() error {
	return &Error{File: n.file, Field: "data", Found: fmt.Sprintf("bytes behind the %d vectors of %d elements of type %s",
		n.rows, n.dimension, n.elements.name), Want: "one array a file"}
}

func (n *npyRows) next(row *Row) error {
	if n.at == n.rows {
		if _, err := n.in.Peek(1); err == nil {
			return n.trailing()
		} else if err != io.EOF {
			return &Error{File: n.file, Err: err}
		}
		return io.EOF
	}
	n.at++
	x := slices.Grow(row.Vector, n.dimension)[:n.dimension]
	row.Vector = x
	if n.elements.name == "<f4" {
		if raw, shared := vector.Bytes(x); shared {
			return n.read(raw)
		}
	}
	if n.raw == nil {
		n.raw = make([]byte, n.dimension*n.elements.size)
	}
	if err := n.read(n.raw); err != nil {
		return err
	}
	if n.elements.double {
		n.convertDoubles(x)
		return nil
	}
	var err error
	row.Vector, err = vector.AppendElements(x[:0], n.raw, n.elements.kind, n.elements.bigEndian)
	return err
}

// read reads the bytes of a row.
func (n *npyRows) read(raw []byte) error {
	_, err := io.ReadFull(n.in, raw)
	switch {
	case err == nil:
		return nil
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{File: n.file, Place: n.place(), Found: "the end of the file", Err: io.ErrUnexpectedEOF,
			Want: fmt.Sprintf("%d rows of %d elements of type %s: the file is cut off", n.rows, n.dimension, n.elements.name)}
	}
	return &Error{File: n.file, Place: n.place(), Err: err}
}

func (n *npyRows) convertDoubles(x []float32) {
	if n.elements.bigEndian {
		for i := range x {
			x[i] = float32(math.Float64frombits(binary.BigEndian.Uint64(n.raw[8*i:])))
		}
		return
	}
	for i := range x {
		x[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(n.raw[8*i:])))
	}
}

func (n *npyRows) place() string { return rowPlace(n.at - 1) }
func (n *npyRows) count() int64  { return n.rows }
func (n *npyRows) close() error  { return nil }
