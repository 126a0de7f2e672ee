package drift

import (
	"errors"
	"fmt"
)

// fields is what the fields of a state are passed to, in their order: to be written, or to be read. Because one function names them
// for both, what is read is what was written.
type fields interface {
	count(name string, v *uint64)
	number(name string, v *float64)
	text(name string, v *string)
	// numbers and singles make a slice of the length that was written.
	numbers(name string, v *[]float64)
	singles(name string, v *[]float32)
	// counts fills a slice of fixed length.
	counts(name string, v []uint64)
	// object passes on fields that belong together.
	object(name string, f func(fields))
	// list passes on the fields of each of n objects. When reading, n is what resize is called with before.
	list(name string, n int, resize func(n int), f func(i int, item fields))
	// want takes a condition that holds for all states, and what is wrong otherwise. It is looked at when reading.
	want(ok func() bool, format string, args ...any)
}

// fieldError is the first thing that is wrong with what is read, and where.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }

func (e *fieldError) Unwrap() error { return e.err }

var errShort = errors.New("the data ends in it")

// readErrors keeps the first error of a reader, with the path of the field.
type readErrors struct {
	path []string
	err  error
}

func (e *readErrors) fail(name string, err error) {
	if e.err != nil {
		return
	}
	path := ""
	for _, p := range e.path {
		path += p + "."
	}
	e.err = &fieldError{path + name, err}
}

func (e *readErrors) want(ok func() bool, format string, args ...any) {
	if e.err == nil && !ok() {
		err := fmt.Errorf(format, args...)
		if len(e.path) == 0 {
			e.err = err
			return
		}
		last := len(e.path) - 1
		name := e.path[last]
		e.path = e.path[:last]
		e.fail(name, err)
		e.path = append(e.path, name)
	}
}

func (e *readErrors) nested(name string, f func()) {
	if e.err != nil {
		return
	}
	e.path = append(e.path, name)
	f()
	e.path = e.path[:len(e.path)-1]
}
