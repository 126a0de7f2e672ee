package vectorfile

import (
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// column is a column of a Parquet file as a reader of rows sees it: a list is one column, by the name of the list.
type column struct {
	name string
	leaf *parquet.Column
	// list is whether a row has a list of values, as which fixed-size lists are written too.
	list bool
	// elementLevel is the definition level from which on an element of the list is there, null or not.
	elementLevel byte
}

// listColumns returns the columns that are values or lists of values. Members of a group have the group's name in front.
func listColumns(root *parquet.Column) (columns []column) {
	for _, c := range root.Columns() {
		columns = appendColumns(columns, c, "", 0)
	}
	return columns
}

func appendColumns(columns []column, c *parquet.Column, prefix string, level byte) []column {
	name := prefix + c.Name()
	if !c.Required() {
		level++
	}
	members := c.Columns()
	switch {
	case c.Leaf():
		return append(columns, column{name: name, leaf: c, list: c.Repeated(), elementLevel: level})
	case c.Repeated():
		return columns // a list of groups
	case len(members) == 1 && members[0].Repeated():
		// A list is a group of one repeated member, which is the element, or a group of the element.
		element := members[0]
		if level++; !element.Leaf() && len(element.Columns()) == 1 {
			element = element.Columns()[0]
		}
		if element.Leaf() && element.MaxRepetitionLevel() == 1 {
			columns = append(columns, column{name: name, leaf: element, list: true, elementLevel: level})
		}
		return columns
	}
	for _, m := range members {
		columns = appendColumns(columns, m, name+".", level)
	}
	return columns
}

// logical returns what a column's values mean, nil where they are no more than the type says.
func (c *column) logical() format.LogicalTypeValue {
	if t := c.leaf.Type().LogicalType(); t != nil {
		return t.Value
	}
	return nil
}

// String describes a column for errors.
func (c *column) String() string {
	t := c.leaf.Type().String()
	if c.list {
		t = "list of " + t
	}
	return c.name + " (" + t + ")"
}

// wantColumn lists the columns that can be vectors.
const wantColumn = "a list of floats or integers, or bytes of float32"

// chooseVector chooses the column of vectors: the one that is named, else the only list of floats, else the first of the
// default names.
func (p *parquetRows) chooseVector(columns []column, f *fields) error {
	v := &f[vectorField]
	var lists []column
	for _, c := range columns {
		if c.list && isFloat(&c) {
			lists = append(lists, c)
		}
	}
	if !v.named && len(lists) == 1 {
		p.vector = newVectorColumn(lists[0])
		return nil
	}
	for _, name := range v.names {
		for _, c := range columns {
			switch {
			case c.name != name:
			case isVector(&c):
				p.vector = newVectorColumn(c)
				return nil
			case v.named:
				return &Error{File: p.name, Found: "column " + c.String(), Want: wantColumn}
			}
		}
	}
	if len(columns) == 0 {
		return &Error{File: p.name, Found: "no column of values or lists", Want: wantColumn}
	}
	want := "column " + f.wantVector("column")
	if !v.named && len(lists) == 0 {
		want += ", that is " + wantColumn
	}
	return &Error{File: p.name, Found: "columns " + someOf(describe(columns)), Want: want}
}

func describe(columns []column) (words []string) {
	for i := range columns {
		words = append(words, columns[i].String())
	}
	return words
}

// isFloat is whether values are floats of any size.
func isFloat(c *column) bool {
	switch c.leaf.Type().Kind() {
	case parquet.Float, parquet.Double:
		return true
	}
	return isHalf(c)
}

// isHalf is whether values are 16-bit floats. The library does not tell that type from other values of two bytes, of which
// nobody writes lists.
func isHalf(c *column) bool {
	return c.list && c.leaf.Type().Kind() == parquet.FixedLenByteArray && c.leaf.Type().Length() == 2 && c.logical() == nil
}

// isInteger is whether values are integers that mean no more than their value, and that Go has as signed ones.
func isInteger(c *column) bool {
	switch c.leaf.Type().Kind() {
	case parquet.Int32, parquet.Int64:
		switch t := c.logical().(type) {
		case nil:
			return true
		case *format.IntType:
			return t.IsSigned || t.BitWidth < 32
		}
	}
	return false
}

// isVector is whether a column that is named can be of vectors.
func isVector(c *column) bool {
	if c.list {
		return isFloat(c) || isInteger(c)
	}
	switch c.leaf.Type().Kind() {
	case parquet.ByteArray:
		return c.logical() == nil
	case parquet.FixedLenByteArray:
		return c.logical() == nil && c.leaf.Type().Length()%4 == 0
	}
	return false
}

// chooseScalar chooses the column of a field that is not the vector, if there is one.
func (p *parquetRows) chooseScalar(columns []column, i int, f *field) error {
	for _, name := range f.names {
		for _, c := range columns {
			switch fits := !c.list && isText(&c); {
			case c.name != name:
			case fits, i == timeField && !c.list && isTime(&c):
				p.scalars = append(p.scalars, newScalarColumn(c, i, f.named))
				return nil
			case f.named && i == timeField:
				return &Error{File: p.name, Found: "column " + c.String(), Want: "a timestamp, a string or a number"}
			case f.named:
				return &Error{File: p.name, Found: "column " + c.String(), Want: "a string or an integer"}
			}
		}
	}
	if f.named {
		return &Error{File: p.name, Found: "columns " + someOf(describe(columns)), Want: "column " + f.names[0]}
	}
	return nil
}

// isText is whether values are strings, or integers that can stand as such.
func isText(c *column) bool {
	return c.leaf.Type().Kind() == parquet.ByteArray || isInteger(c)
}

// isTime is whether values that are not text can be times.
func isTime(c *column) bool {
	switch c.leaf.Type().Kind() {
	case parquet.Int64:
		_, ok := c.logical().(*format.TimestampType)
		return ok
	case parquet.Int96, parquet.Double:
		return true
	}
	return false
}
