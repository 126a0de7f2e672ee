package vectorfile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// wantLine lists what a line may be.
const wantLine = "an object with a vector, or a vector"

// wantNumbers lists what a vector may be.
const wantNumbers = "a list of numbers, or float32 in base64"

// jsonRows reads lines of JSON, each of which is an object with a vector, a vector, an object with a list of such items as
// OpenAI's API answers, or such a list.
type jsonRows struct {
	file   string
	lines  lineReader
	layout *layout
	found  found

	// items are the rest of the list that is being read, itemLayout where their fields are and itemName the list's own
	// name. shared holds what the object around the list says of all of them.
	items      cursor
	itemLayout *layout
	itemName   string
	item       int
	inItems    bool
	shared     Row

	// last holds the strings that fields had in the row before, which most rows have again.
	last [fieldCount]string
}

func newJSONRows(file string, in *bufio.Reader, f fields) *jsonRows {
	return &jsonRows{file: file, lines: lineReader{in: in, most: maxLine}, layout: newLayout(f)}
}

func (j *jsonRows) next(row *Row) error {
	for {
		if j.inItems {
			if text := j.nextItem(); text != nil {
				return j.readItem(row, text)
			}
		}
		line, err := j.lines.next()
		switch {
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return j.final(err)
		case len(line) == 0:
			continue
		}
		if done, err := j.readLine(row, line); done || err != nil {
			return err
		}
	}
}

// readLine reads a line as a row, or sets up its items and returns false.
func (j *jsonRows) readLine(row *Row, line []byte) (done bool, err error) {
	c := cursor{text: line}
	switch line[0] {
	case '{':
		j.layout.find(&c, &j.found)
	case '[':
		if inner := bytes.TrimLeft(line[1:], " \t"); len(inner) == 0 || inner[0] != '[' && inner[0] != '{' {
			x, n, err := vector.AppendJSON(row.Vector, line)
			row.Vector, c.pos = x, n
			if err != nil {
				return false, j.syntaxError(&Error{Err: err}, n >= len(line))
			}
			return true, j.end(&c)
		}
		c.value()
	default:
		return false, j.bad("", excerpt(line), wantLine)
	}
	if c.err != nil {
		return false, j.syntaxError(c.err.(*Error), c.cut)
	}
	if err = j.end(&c); err != nil {
		return false, err
	}
	if line[0] == '[' {
		j.shared = Row{}
		j.open(line, "", j.layout)
		return false, nil
	}
	if j.found.items != nil && j.vectorSlot(j.layout) < 0 {
		j.shared = Row{}
		if err = j.readFields(&j.shared, j.layout); err != nil {
			return false, err
		}
		j.open(j.found.items, j.found.name, j.found.layout)
		return false, nil
	}
	return true, j.readFound(row, line, j.layout)
}

// end expects nothing behind the value of a line.
func (j *jsonRows) end(c *cursor) error {
	if c.peek(); c.pos == len(c.text) {
		return nil
	}
	return j.bad("", fmt.Sprintf("%s at byte %d, behind the value", excerpt(c.text[c.pos:]), c.pos), "one JSON value a line")
}

// open begins with a list of rows.
func (j *jsonRows) open(list []byte, name string, l *layout) {
	j.items = cursor{text: list}
	j.itemLayout, j.itemName, j.item, j.inItems = l, name, -1, true
}

// nextItem returns the next item, nil behind the last. The syntax was checked along with that of the line.
func (j *jsonRows) nextItem() []byte {
	if j.item < 0 {
		j.inItems = j.items.open('[')
	} else {
		j.inItems = j.items.next(']')
	}
	if !j.inItems {
		return nil
	}
	j.item++
	return j.items.value()
}

func (j *jsonRows) readItem(row *Row, text []byte) error {
	x := row.Vector
	*row = j.shared
	row.Vector = x
	switch text[0] {
	case '{':
		j.itemLayout.find(&cursor{text: text}, &j.found)
		return j.readFound(row, text, j.itemLayout)
	case '[':
		return j.readVector(row, text, "")
	}
	return j.bad("", kind(text), wantLine)
}

// vectorSlot returns the slot of the vector in what was found: the first that can be one, else the first that is there at
// all, -1 where none is.
func (j *jsonRows) vectorSlot(l *layout) int {
	slot := -1
	for i := l.first[vectorField]; i < l.first[vectorField+1]; i++ {
		switch value := j.found.values[i]; {
		case value == nil:
		case value[0] == '[' || value[0] == '"':
			return i
		case slot < 0:
			slot = i
		}
	}
	return slot
}

// readFound reads the row of an object that was walked.
func (j *jsonRows) readFound(row *Row, object []byte, l *layout) error {
	slot := j.vectorSlot(l)
	if slot < 0 {
		found := "an empty object"
		if names := memberNames(object); len(names) > 0 {
			found = "members " + someOf(names)
		}
		return j.bad("", found, l.fields.wantVector("member"))
	}
	if err := j.readFields(row, l); err != nil {
		return err
	}
	return j.readVector(row, j.found.values[slot], l.fields[vectorField].names[slot-l.first[vectorField]])
}

// readVector reads a vector of any form.
func (j *jsonRows) readVector(row *Row, value []byte, name string) (err error) {
	switch value[0] {
	case '[':
		row.Vector, _, err = vector.AppendJSON(row.Vector, value)
	case '"':
		row.Vector, err = vector.AppendBase64(row.Vector, unquote(value))
	default:
		want := wantNumbers
		if value[0] == '{' {
			want += ", or a path to one of " + someOf(memberNames(value))
		}
		return j.bad(name, kind(value), want)
	}
	if err != nil {
		return &Error{File: j.file, Place: j.place(), Field: j.path(name), Err: err, Row: true}
	}
	return nil
}

// readFields reads all fields but the vector. Those that are not there stay as they are.
func (j *jsonRows) readFields(row *Row, l *layout) error {
	for i := timeField; i < fieldCount; i++ {
		f := &l.fields[i]
		for k, name := range f.names {
			value := j.found.values[l.first[i]+k]
			if value == nil || value[0] == 'n' {
				continue
			}
			if j.readField(row, i, value) {
				break
			}
			if f.named {
				found, want := kind(value), "a string"
				if i == timeField {
					found, want = excerpt(value), wantTime
				}
				return j.bad(name, found, want)
			}
		}
	}
	return nil
}

// readField reads a field that is not the vector, or returns false where the value does not fit.
func (j *jsonRows) readField(row *Row, i int, value []byte) (ok bool) {
	text := value
	switch value[0] {
	case '"':
		text = unquote(value)
	case '[', '{', 't', 'f':
		return false
	}
	switch i {
	case timeField:
		row.Time, ok = parseTime(text)
		return ok
	case modelField:
		row.Model = j.intern(i, text)
	case taskField:
		row.TaskType = j.intern(i, text)
	case replicaField:
		row.Replica = j.intern(i, text)
	case textField:
		row.Text = string(text)
	}
	return true
}

// intern returns text as a string, which it makes only where it differs from that of the row before.
func (j *jsonRows) intern(i int, text []byte) string {
	if j.last[i] != string(text) {
		j.last[i] = string(text)
	}
	return j.last[i]
}

// bad is an error about the row, or line, being read.
func (j *jsonRows) bad(name, found, want string) error {
	return &Error{File: j.file, Place: j.place(), Field: j.path(name), Found: found, Want: want, Row: true}
}

// path is the path to a member of the item or line being read: data[3].embedding, or [3] for an item itself.
func (j *jsonRows) path(name string) string {
	if !j.inItems {
		return name
	}
	item := fmt.Sprintf("%s[%d]", j.itemName, j.item)
	if name == "" {
		return item
	}
	return item + "." + name
}

// syntaxError completes an error of a line. The most frequent one is a document that is laid out for people to read.
func (j *jsonRows) syntaxError(e *Error, cut bool) error {
	e.File, e.Place, e.Row = j.file, j.place(), true
	if cut {
		e.Err, e.Found = nil, "the end of the line within a value"
		e.Want = "one JSON value a line: jq -c . FILE writes a document so, jq -c '.[]' FILE each item of a list"
	}
	return e
}

// final completes an error that ends the file.
func (j *jsonRows) final(err error) error {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Err: err}
	}
	e.File, e.Place = j.file, j.place()
	return e
}

func (j *jsonRows) place() string { return fmt.Sprintf("line %d", j.lines.n) }
func (j *jsonRows) count() int64  { return -1 }
func (j *jsonRows) close() error  { return nil }
