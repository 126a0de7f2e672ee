package vectorfile

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// vectorColumn reads the vectors of a column. It takes the values of a page as they lie in memory, because the library's
// own value is a struct of 24 bytes for each float.
type vectorColumn struct {
	column   column
	maxLevel byte // the definition level of elements that are not null
	pages    parquet.Pages
	page     parquet.Page

	// repetition and definition are the levels of the page, definition empty where nothing may be null; pos is how many of
	// count entries were read and used how many of the values.
	repetition, definition []byte
	count, pos, used       int

	// values are the elements of the page, of lists.
	values []float32
	// raw is the page's own data, of vectors that are bytes: values of size each, or between offsets. They are
	// looked up by indexes where the page has a dictionary.
	raw     []byte
	size    int
	offsets []uint32
	indexes []int32

	// scratch and table are the memory for values that are converted, and for those of a dictionary, which has them for
	// many pages.
	scratch, table []float32
	dictionary     parquet.Dictionary
}

func newVectorColumn(c column) vectorColumn {
	return vectorColumn{column: c, maxLevel: byte(c.leaf.MaxDefinitionLevel())}
}

func (v *vectorColumn) open(chunks []parquet.ColumnChunk) {
	v.close()
	v.pages = chunks[v.column.leaf.Index()].Pages()
}

func (v *vectorColumn) close() (err error) {
	v.release()
	if v.pages != nil {
		err = v.pages.Close()
	}
	v.pages, v.dictionary = nil, nil
	return err
}

func (v *vectorColumn) release() {
	if v.page != nil {
		parquet.Release(v.page)
	}
	v.page, v.values, v.raw, v.offsets, v.indexes = nil, nil, nil, nil, nil
	v.count, v.pos, v.used = 0, 0, 0
}

// load goes on to the next page that has anything.
func (v *vectorColumn) load() error {
	for v.pos == v.count {
		v.release()
		page, err := v.pages.ReadPage()
		if err != nil {
			return err
		}
		v.page = page
		v.repetition, v.definition = page.RepetitionLevels(), page.DefinitionLevels()
		v.count = int(page.NumValues())
		if v.column.list {
			v.values = v.floats(page)
		} else {
			v.bytes(page)
		}
	}
	return nil
}

// next appends the next row's vector to dst. Where the row has none, bad says what it has.
func (v *vectorColumn) next(dst []float32) (out []float32, bad string, err error) {
	if err = v.load(); err != nil {
		return dst, "", err
	}
	if !v.column.list {
		out, bad = v.nextBytes(dst)
		return out, bad, nil
	}
	// A row begins at repetition level 0 and ends before the next one. Pages of the first format may end within a row.
	for begin := v.pos + 1; ; begin = 0 {
		end := v.count
		if n := bytes.IndexByte(v.repetition[begin:], 0); n >= 0 {
			end = begin + n
		}
		var null bool
		if dst, null = v.append(dst, end); null {
			bad = nullVector
		}
		if end < v.count {
			return dst, bad, nil
		}
		if err = v.load(); err == io.EOF {
			return dst, bad, nil
		} else if err != nil {
			return dst, "", err
		}
		if v.repetition[0] == 0 {
			return dst, bad, nil
		}
	}
}

const nullVector = "null"

// append appends the elements up to end, or returns that the list is null.
func (v *vectorColumn) append(dst []float32, end int) (out []float32, null bool) {
	n := end - v.pos
	levels := v.definition[v.pos:end]
	v.pos = end
	if bytes.Count(levels, []byte{v.maxLevel}) == n { // almost every list has all of its elements
		dst = append(dst, v.values[v.used:v.used+n]...)
		v.used += n
		return dst, false
	}
	for _, level := range levels {
		switch {
		case level == v.maxLevel:
			dst = append(dst, v.values[v.used])
			v.used++
		case level >= v.column.elementLevel:
			dst = append(dst, float32(math.NaN()))
		case level < v.column.elementLevel-1:
			null = true
		}
	}
	return dst, null
}

// nextBytes appends the vector that the next value's bytes are.
func (v *vectorColumn) nextBytes(dst []float32) (out []float32, bad string) {
	at := v.pos
	v.pos++
	if len(v.definition) > 0 && v.definition[at] < v.maxLevel {
		return dst, nullVector
	}
	i := v.used
	v.used++
	if v.indexes != nil {
		i = int(v.indexes[i])
	}
	var raw []byte
	if v.offsets != nil {
		raw = v.raw[v.offsets[i]:v.offsets[i+1]]
	} else {
		raw = v.raw[i*v.size : (i+1)*v.size]
	}
	dst, err := vector.AppendElements(dst, raw, vector.Float32, false)
	if err != nil {
		return dst, fmt.Sprintf("%d bytes", len(raw))
	}
	return dst, ""
}

// bytes takes the values of a page of bytes.
func (v *vectorColumn) bytes(page parquet.Page) {
	data := page.Data()
	if d := page.Dictionary(); d != nil {
		v.indexes = data.Int32()
		data = d.Page().Data()
	}
	if v.column.leaf.Type().Kind() == parquet.ByteArray {
		v.raw, v.offsets = data.ByteArray()
		return
	}
	v.raw, v.size = data.FixedLenByteArray()
}

// floats returns the values of a page of numbers.
func (v *vectorColumn) floats(page parquet.Page) []float32 {
	d := page.Dictionary()
	if d == nil {
		return v.convert(&v.scratch, page.Data())
	}
	if d != v.dictionary {
		v.dictionary = d
		v.table = v.convert(&v.table, d.Page().Data())
	}
	data := page.Data()
	indexes := data.Int32()
	x := slices.Grow(v.scratch[:0], len(indexes))[:len(indexes)]
	v.scratch = x
	for i, index := range indexes {
		x[i] = v.table[index]
	}
	return x
}

// convert returns data as floats: as they are, or in memory of which it takes that of scratch.
func (v *vectorColumn) convert(scratch *[]float32, data encoding.Values) []float32 {
	x := (*scratch)[:0]
	switch data.Kind() {
	case encoding.Float:
		return data.Float()
	case encoding.Double:
		for _, f := range data.Double() {
			x = append(x, float32(f))
		}
	case encoding.Int32:
		for _, n := range data.Int32() {
			x = append(x, float32(n))
		}
	case encoding.Int64:
		for _, n := range data.Int64() {
			x = append(x, float32(n))
		}
	case encoding.FixedLenByteArray:
		raw, _ := data.FixedLenByteArray()
		x, _ = vector.AppendElements(x, raw, vector.Float16, false) // the column's length was checked to be that of one
	default:
		panic(fmt.Sprintf("values of kind %d in a column of numbers", data.Kind()))
	}
	*scratch = x
	return x
}
