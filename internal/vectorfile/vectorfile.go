// Package vectorfile reads files of embedding vectors as streams of rows: NumPy arrays, JSON lines and Parquet. A file
// may be much larger than memory. What is held of it is one row, of JSON one line, and of Parquet one page a column.
package vectorfile

import (
	"errors"
	"io"
	"time"
)

// maxDimension is the largest number of elements of a vector in formats that say it ahead. Models have a few thousand;
// the limit keeps a damaged header, or a flat array of many vectors, from asking for all memory.
const maxDimension = 1 << 20

// Row is a vector and what the file says about it. Fields that the file lacks are zero.
type Row struct {
	// Vector is valid until the next call of Next. Its values are those of the file, NaN and infinities included, and
	// its length may differ from that of other rows.
	Vector []float32
	// Time is when the vector was made.
	Time time.Time
	// Model, TaskType and Replica say what made it and what for.
	Model, TaskType, Replica string
	// Text is what was embedded.
	Text string
}

// A Reader reads the rows of a file from front to back. It is not safe for concurrent use.
type Reader struct {
	rows    rowReader
	format  string
	closers []io.Closer // the file first, what reads from it behind
	row     Row
	err     error
}

// rowReader reads the rows of one format.
type rowReader interface {
	// next fills row, all of which is zero but the capacity of its vector. An *Error whose Row is set leaves the reader
	// at the next row; any other error is final.
	next(row *Row) error
	// place says where the row is that next was last called for.
	place() string
	// count returns the number of rows in the file, -1 where that is not known.
	count() int64
	close() error
}

// Next returns the next row, or io.EOF behind the last one. An *Error whose Row is set is about one row: the next call
// goes on behind it. After any other error every call returns that error. The row is valid until the next call.
func (r *Reader) Next() (*Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.row = Row{Vector: r.row.Vector[:0]}
	err := r.rows.next(&r.row)
	if err == nil {
		return &r.row, nil
	}
	var bad *Error
	if !errors.As(err, &bad) || !bad.Row {
		r.err = err
	}
	return nil, err
}

// Place says where the row is that Next returned last, as errors say it: "line 3", or "row 3, counted from 0".
func (r *Reader) Place() string { return r.rows.place() }

// Format names the format of the file, as "npy" or "gzip jsonl".
func (r *Reader) Format() string { return r.format }

// Rows returns the number of rows in the file, -1 where the format does not say it ahead.
func (r *Reader) Rows() int64 { return r.rows.count() }

// Close closes the file. It may be called more than once.
func (r *Reader) Close() error {
	if r.closers == nil {
		return nil
	}
	err := r.rows.close()
	for i := len(r.closers) - 1; i >= 0; i-- {
		if e := r.closers[i].Close(); i == 0 { // what decompresses has its read error again
			err = errors.Join(err, e)
		}
	}
	r.closers, r.err = nil, errClosed
	return err
}

var errClosed = errors.New("vector file is closed")
