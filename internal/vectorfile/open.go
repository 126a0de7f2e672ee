package vectorfile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// bufferSize is the size of the buffers that files are read through.
const bufferSize = 256 << 10

// maxZstdWindow bounds the memory that a zstd file may ask for: the window of zstd --long=27.
const maxZstdWindow = 128 << 20

// wantFormat lists what Open reads.
const wantFormat = ".npy, .npz, JSON lines or Parquet"

// Open opens a file of vectors: .npy, .npz, JSON lines or Parquet, .npy and JSON lines also compressed with gzip or zstd.
// The content decides which it is; the name does where the content could be anything.
func Open(path string, o Options) (*Reader, error) {
	if o.Vector == "-" {
		return nil, &Error{File: path, Found: `"-" for the vector field`, Want: "its name: vectors are what is read"}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Err: errors.Unwrap(err)} // os's own text has the path again
	}
	r := &Reader{closers: []io.Closer{file}}
	if err = r.open(path, file, o.fields()); err != nil {
		for i := len(r.closers) - 1; i >= 0; i-- {
			r.closers[i].Close()
		}
		return nil, err
	}
	return r, nil
}

// open finds the format and sets up its rows.
func (r *Reader) open(path string, file *os.File, f fields) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return &Error{File: path, Err: err}
	case info.IsDir():
		return &Error{File: path, Found: "a directory", Want: "a file"}
	}
	size := int64(-1) // a pipe has none
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	in := bufio.NewReaderSize(file, bufferSize)
	head, err := peek(in)
	if err != nil {
		return &Error{File: path, Err: err}
	}
	extension := filepath.Ext(path)
	format := sniff(head)
	if format == gzipFormat || format == zstdFormat {
		r.format = string(format) + " "
		extension = filepath.Ext(strings.TrimSuffix(path, extension))
		size = -1
		if in, err = r.decompress(in, format); err == nil {
			head, err = peek(in)
		}
		if err != nil {
			return &Error{File: path, Field: string(format), Err: err}
		}
		format = sniff(head)
	}
	if format == unknownFormat && isJSONName(extension) {
		format = jsonFormat // which says at what line it is not
	}
	if size < 0 && (format == npzFormat || format == parquetFormat) {
		return &Error{File: path, Found: r.format + string(format) + ", whose end says where everything is",
			Want: "a plain file of it: these formats are compressed in themselves"}
	}
	r.format += string(format)
	switch format {
	case npyFormat:
		r.rows, err = openNPY(path, in, size)
	case npzFormat:
		r.rows, err = r.openNPZ(path, file, size, &f)
	case parquetFormat:
		r.rows, err = openParquet(path, file, size, &f)
	case jsonFormat:
		r.rows = newJSONRows(path, in, f)
	case unknownFormat:
		if len(head) == 0 {
			return &Error{File: path, Found: "an empty file", Want: wantFormat}
		}
		err = &Error{File: path, Found: "a file that begins with " + excerpt(head), Want: wantFormat}
	default:
		err = &Error{File: path, Found: r.format, Want: wantFormat + wantInstead(format)}
	}
	return err
}

// decompress returns what in holds compressed, and has r close it.
func (r *Reader) decompress(in *bufio.Reader, format fileFormat) (*bufio.Reader, error) {
	var plain io.ReadCloser
	if format == gzipFormat {
		reader, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		plain = reader
	} else {
		reader, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		plain = reader.IOReadCloser()
	}
	r.closers = append(r.closers, plain)
	return bufio.NewReaderSize(plain, bufferSize), nil
}

// peek returns the beginning of in, as far as there is one. An error behind it comes again when it is read to there.
func peek(in *bufio.Reader) ([]byte, error) {
	const enough = 64
	head, err := in.Peek(enough)
	if err == io.EOF || len(head) > 0 {
		err = nil
	}
	return head, err
}

func isJSONName(extension string) bool {
	switch strings.ToLower(extension) {
	case ".jsonl", ".ndjson", ".json":
		return true
	}
	return false
}
