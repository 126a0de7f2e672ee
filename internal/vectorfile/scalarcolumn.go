package vectorfile

import (
	"io"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// scalarColumn reads a column that has a value a row.
type scalarColumn struct {
	column column
	field  int
	named  bool
	unit   time.Duration // of timestamps, 0 for other types

	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buffer []parquet.Value
	ahead  []parquet.Value // those of buffer that were not returned yet

	last   string // the string that the row before had
	digits []byte
}

func newScalarColumn(c column, i int, named bool) *scalarColumn {
	s := &scalarColumn{column: c, field: i, named: named, buffer: make([]parquet.Value, 64)}
	if t, ok := c.logical().(*format.TimestampType); ok {
		s.unit = t.Unit.Value.Duration()
	}
	return s
}

func (s *scalarColumn) open(chunks []parquet.ColumnChunk) {
	s.close()
	s.pages = chunks[s.column.leaf.Index()].Pages()
}

func (s *scalarColumn) close() (err error) {
	s.release()
	if s.pages != nil {
		err = s.pages.Close()
	}
	s.pages = nil
	return err
}

func (s *scalarColumn) release() {
	if s.page != nil {
		parquet.Release(s.page)
	}
	s.page, s.values, s.ahead = nil, nil, nil
}

// next returns the next value, which is valid until the next call.
func (s *scalarColumn) next() (parquet.Value, error) {
	for len(s.ahead) == 0 {
		if s.values == nil {
			page, err := s.pages.ReadPage()
			if err != nil {
				return parquet.Value{}, err
			}
			s.page, s.values = page, page.Values()
		}
		n, err := s.values.ReadValues(s.buffer)
		switch s.ahead = s.buffer[:n]; {
		case n > 0:
		case err == io.EOF:
			s.release()
		case err != nil:
			return parquet.Value{}, err
		}
	}
	value := s.ahead[0]
	s.ahead = s.ahead[1:]
	return value, nil
}

// read takes over a value that is not null, or returns false where it is no time.
func (s *scalarColumn) read(row *Row, value parquet.Value) (ok bool) {
	if s.field == timeField {
		row.Time, ok = s.time(value)
		return ok
	}
	text := s.text(value)
	if s.field == textField {
		row.Text = string(text)
		return true
	}
	if s.last != string(text) {
		s.last = string(text)
	}
	switch s.field {
	case modelField:
		row.Model = s.last
	case taskField:
		row.TaskType = s.last
	case replicaField:
		row.Replica = s.last
	}
	return true
}

func (s *scalarColumn) text(value parquet.Value) []byte {
	switch value.Kind() {
	case parquet.Int32:
		s.digits = strconv.AppendInt(s.digits[:0], int64(value.Int32()), 10)
	case parquet.Int64:
		s.digits = strconv.AppendInt(s.digits[:0], value.Int64(), 10)
	default:
		return value.ByteArray()
	}
	return s.digits
}

func (s *scalarColumn) time(value parquet.Value) (time.Time, bool) {
	switch value.Kind() {
	case parquet.Int32:
		return unixTime(int64(value.Int32()))
	case parquet.Int64:
		switch n := value.Int64(); s.unit {
		case time.Millisecond:
			return time.UnixMilli(n).UTC(), true
		case time.Microsecond:
			return time.UnixMicro(n).UTC(), true
		case time.Nanosecond:
			return time.Unix(0, n).UTC(), true
		default:
			return unixTime(n)
		}
	case parquet.Int96:
		// The oldest form, which Spark and Impala wrote: nanoseconds of the day, then the Julian day.
		const unixDay = 2440588
		n := value.Int96()
		nanoseconds := int64(n[0]) | int64(n[1])<<32
		return time.Unix((int64(n[2])-unixDay)*24*60*60, nanoseconds).UTC(), true
	case parquet.Double:
		return unixFloat(value.Double())
	}
	return parseTime(value.ByteArray())
}
