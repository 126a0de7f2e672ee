package vectorfile

import (
	"fmt"
	"strconv"
	"strings"
)

// Error says what is wrong with a file, where, and what would be right.
type Error struct {
	// File is the path that was opened.
	File string
	// Place is the line or row, "" for the file as a whole.
	Place string
	// Field is the member, column or part of the header, "" where it is about none.
	Field string
	// Found and Want say what is there and what would be right.
	Found, Want string
	// Row is whether the error is about one row only, and reading can go on behind it.
	Row bool
	// Err is the cause where that is another error. Its text stands in for Found where Found is empty.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range [...]string{e.File, e.Place, e.Field} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	if e.Found != "" {
		b.WriteString("found " + e.Found)
	} else if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	if e.Want != "" {
		b.WriteString(", want " + e.Want)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// rowPlace is the place of a row in formats that number them from 0, as NumPy and pandas do.
func rowPlace(n int64) string { return fmt.Sprintf("row %d, counted from 0", n) }

// oneOf lists words as English has it: "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// maxNames is how many names an error lists of those that a file has.
const maxNames = 12

// someOf lists names that a file has, not all of a great many.
func someOf(names []string) string {
	if len(names) > maxNames {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	}
	return strings.Join(names, ", ")
}

// excerpt quotes the beginning of what a file has.
func excerpt[T string | []byte](text T) string {
	const most = 40
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
