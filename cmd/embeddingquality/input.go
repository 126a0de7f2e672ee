package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vectorfile"
)

// voters is the number of vectors whose commonest dimension is the right one.
const voters = 32

// input is the rows of some files, one after the other, that are of one model and task.
type input struct {
	paths           []string
	fields          vectorfile.Options
	model, taskType string // of the rows that are wanted; "" for any
	progress        *progress

	reader *vectorfile.Reader // of the file before paths
	path   string
	ahead  []aheadRow // read already
	at     *place     // of the row that next returned last, if it was read ahead

	others     map[string]int64
	unreadable tally
}

// aheadRow is a row that was read before its turn.
type aheadRow struct {
	vectorfile.Row
	place place
}

// place is where a row is.
type place struct {
	file string
	row  string // as "row 3, counted from 0" or "line 4"
}

func (p place) String() string { return p.file + ": " + p.row }

func openInput(paths []string, s *settings, stderr io.Writer) *input {
	return &input{
		paths: paths, fields: s.fields, model: s.model, taskType: s.taskType,
		progress: newProgress(stderr), others: make(map[string]int64),
	}
}

// next returns the next row that is wanted, or io.EOF behind the last. It is valid until the next call.
func (in *input) next() (*vectorfile.Row, error) {
	if len(in.ahead) > 0 {
		row := &in.ahead[0]
		in.ahead, in.at = in.ahead[1:], &row.place
		return &row.Row, nil
	}
	in.at = nil
	for {
		row, err := in.read()
		if err != nil {
			return nil, err
		}
		if in.wants(row) {
			return row, nil
		}
	}
}

// read returns the next row of any model. What cannot be read of single rows is counted.
func (in *input) read() (*vectorfile.Row, error) {
	for {
		if in.reader == nil {
			if len(in.paths) == 0 {
				return nil, io.EOF
			}
			in.path, in.paths = in.paths[0], in.paths[1:]
			reader, err := vectorfile.Open(in.path, in.fields)
			if err != nil {
				return nil, err
			}
			in.reader = reader
			in.progress.begin(in.path, reader.Rows())
		}
		row, err := in.reader.Next()
		in.progress.step()
		var bad *vectorfile.Error
		switch {
		case err == nil:
			return row, nil
		case errors.Is(err, io.EOF):
			in.close()
		case errors.As(err, &bad) && bad.Row:
			in.unreadable.add(err.Error)
		default:
			return nil, err
		}
	}
}

// wants is whether a row is of the model and task. The first row decides where the user does not, and a row that says nothing is
// taken for what is wanted.
func (in *input) wants(row *vectorfile.Row) bool {
	if in.model == "" {
		in.model = row.Model
	}
	switch {
	case row.Model != "" && row.Model != in.model:
		in.others["model "+row.Model]++
	case row.TaskType != "" && in.taskType != "" && row.TaskType != in.taskType:
		in.others["task type "+row.TaskType]++
	default:
		return true
	}
	return false
}

// place says where the row is that next returned last.
func (in *input) place() place {
	if in.at != nil {
		return *in.at
	}
	return place{in.path, in.reader.Place()}
}

// dimension returns the commonest dimension among the first rows, which it reads ahead.
func (in *input) dimension() (int, error) {
	votes := make(map[int]int)
	var rows []aheadRow
	for len(rows) < voters {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		read := aheadRow{*row, in.place()}
		read.Vector = slices.Clone(row.Vector)
		rows = append(rows, read)
		votes[len(row.Vector)]++
	}
	in.ahead = rows
	dimension := 0
	for d, n := range votes {
		if n > votes[dimension] || n == votes[dimension] && d > dimension {
			dimension = d
		}
	}
	if dimension == 0 {
		return 0, in.nothing()
	}
	return dimension, nil
}

// nothing says why there is no row.
func (in *input) nothing() error {
	switch {
	case len(in.others) > 0:
		wanted := "model " + in.model
		if in.taskType != "" {
			wanted += ", task type " + in.taskType
		}
		return fmt.Errorf("%s: found rows of %s, want some of %s; -model-field - and -task-type-field - take all rows, whatever they say",
			in.path, strings.Join(slices.Sorted(maps.Keys(in.others)), ", "), wanted)
	case in.unreadable.n > 0:
		return fmt.Errorf("no row can be read; the first: %s", in.unreadable.first)
	}
	return fmt.Errorf("%s: found no vector, want some", in.path)
}

// notes says which rows were left out.
func (in *input) notes() []string {
	var notes []string
	for _, name := range slices.Sorted(maps.Keys(in.others)) {
		notes = append(notes, fmt.Sprintf("passed over: %s of %s", plural(in.others[name], "row"), name))
	}
	if in.unreadable.n > 0 {
		notes = append(notes, fmt.Sprintf("unreadable: %s; the first: %s", plural(in.unreadable.n, "row"), in.unreadable.first))
	}
	return notes
}

func (in *input) close() {
	in.progress.end()
	if in.reader != nil {
		in.reader.Close() // what it read was whole, or there was an error before
		in.reader = nil
	}
}

// tally counts something and keeps where it was first.
type tally struct {
	n     int64
	first string
}

func (t *tally) add(first func() string) {
	if t.n == 0 {
		t.first = first()
	}
	t.n++
}

func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
