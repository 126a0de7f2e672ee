package vectorfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

const parquetMagic = "PAR1"

// parquetBuffer is the size of the buffer that each column is read through.
const parquetBuffer = 64 << 10

// parquetRows reads the rows of a Parquet file. The columns are read side by side, each a page at a time; others than the
// wanted ones are never touched.
type parquetRows struct {
	name    string
	groups  []parquet.RowGroup
	rows    int64
	at      int64 // the number of rows read
	group   int   // the number of row groups begun
	left    int64 // the number of rows left in the last of them
	vector  vectorColumn
	scalars []*scalarColumn
}

func openParquet(path string, file *os.File, size int64, f *fields) (p *parquetRows, err error) {
	defer recoverDamage(path, nil, &err)
	if err = checkFooter(path, file, size); err != nil {
		return nil, err
	}
	opened, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true),
		parquet.ReadBufferSize(parquetBuffer))
	if err != nil {
		return nil, &Error{File: path, Err: err}
	}
	columns := listColumns(opened.Root())
	p = &parquetRows{name: path, groups: opened.RowGroups(), rows: opened.NumRows()}
	if err = p.chooseVector(columns, f); err != nil {
		return nil, err
	}
	for i := timeField; i < fieldCount; i++ {
		if err = p.chooseScalar(columns, i, &f[i]); err != nil {
			return nil, err
		}
	}
	return p, p.checkCompression(opened.Metadata())
}

// checkFooter checks that a file ends as it must. The library takes the length of the footer at its word and as much memory.
func checkFooter(path string, file io.ReaderAt, size int64) error {
	var end [8]byte
	if least := int64(len(parquetMagic) + len(end)); size < least {
		return &Error{File: path, Field: "footer", Found: fmt.Sprintf("%d bytes in all", size), Want: "a whole file"}
	}
	if _, err := file.ReadAt(end[:], size-int64(len(end))); err != nil {
		return &Error{File: path, Err: err}
	}
	if magic := end[4:]; string(magic) != parquetMagic {
		return &Error{File: path, Field: "footer", Found: excerpt(magic) + " at the end",
			Want: excerpt(parquetMagic) + ": the file is cut off, or still being written"}
	}
	if length := int64(binary.LittleEndian.Uint32(end[:])); length > size-int64(len(end)+len(parquetMagic)) {
		return &Error{File: path, Field: "footer", Found: fmt.Sprintf("a length of %d bytes in a file of %d", length, size),
			Want: "one that fits: the file is damaged"}
	}
	return nil
}

// checkCompression refuses LZ4, of whose pages the library may return zeros instead of what is in them
// (parquet-go/parquet-go#608).
func (p *parquetRows) checkCompression(m *format.FileMetaData) error {
	columns := []*column{&p.vector.column}
	for _, s := range p.scalars {
		columns = append(columns, &s.column)
	}
	for _, g := range m.RowGroups {
		for _, c := range columns {
			if codec := g.Columns[c.leaf.Index()].MetaData.Codec; codec == format.Lz4Raw {
				return &Error{File: p.name, Field: c.name, Found: "compression " + codec.String(),
					Want: "zstd, Snappy, gzip, Brotli or none: pyarrow.parquet.write_table(table, file, compression='zstd')"}
			}
		}
	}
	return nil
}

// recoverDamage makes an error of a panic, which is how the library meets some damaged files.
func recoverDamage(path string, place func() string, err *error) {
	if panicked := recover(); panicked != nil {
		e := &Error{File: path, Err: fmt.Errorf("the file is damaged: %v", panicked)}
		if place != nil {
			e.Place = place()
		}
		*err = e
	}
}

func (p *parquetRows) next(row *Row) (err error) {
	defer recoverDamage(p.name, p.place, &err)
	for p.left == 0 {
		if p.group == len(p.groups) {
			return io.EOF
		}
		p.begin(p.groups[p.group])
	}
	p.left--
	p.at++
	var found string
	if row.Vector, found, err = p.vector.next(row.Vector); err != nil {
		return p.final(p.vector.column.name, err)
	}
	var bad error
	if found != "" {
		bad = &Error{File: p.name, Place: p.place(), Field: p.vector.column.name, Found: found, Want: wantColumn, Row: true}
	}
	// Every column goes on by a row, whether or not this one is any good.
	for _, s := range p.scalars {
		value, err := s.next()
		if err != nil {
			return p.final(s.column.name, err)
		}
		if !value.IsNull() && !s.read(row, value) && s.named {
			bad = &Error{File: p.name, Place: p.place(), Field: s.column.name, Found: excerpt(value.String()), Want: wantTime, Row: true}
		}
	}
	return bad
}

// begin goes on to a row group.
func (p *parquetRows) begin(g parquet.RowGroup) {
	chunks := g.ColumnChunks()
	p.vector.open(chunks)
	for _, s := range p.scalars {
		s.open(chunks)
	}
	p.group++
	p.left = g.NumRows()
}

// final is an error of a column that ends the file.
func (p *parquetRows) final(column string, err error) error {
	e := &Error{File: p.name, Place: p.place(), Field: column, Err: err}
	if err == io.EOF {
		e.Found, e.Want, e.Err = "the end of the column", "a value for each row: the file is damaged", io.ErrUnexpectedEOF
	}
	return e
}

func (p *parquetRows) place() string { return rowPlace(p.at - 1) }
func (p *parquetRows) count() int64  { return p.rows }

func (p *parquetRows) close() error {
	err := p.vector.close()
	for _, s := range p.scalars {
		if e := s.close(); err == nil {
			err = e
		}
	}
	return err
}
