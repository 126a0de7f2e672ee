package vectorfile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

const byteOrderMark = "\xef\xbb\xbf"

// maxLine bounds the length of a line in bytes. An answer of 2048 vectors of 4096 elements takes half of it.
const maxLine = 256 << 20

// lineReader reads lines that may be longer than its buffer.
type lineReader struct {
	in   *bufio.Reader
	long []byte // a line that is longer than the buffer of in
	n    int64  // the number of lines read
	most int
}

// next returns the next line without the white space around it. It is valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	l.n++
	line, err := l.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = l.long[:0]
		for err == bufio.ErrBufferFull {
			l.long = append(l.long, line...)
			if len(l.long) > l.most {
				return nil, &Error{Found: fmt.Sprintf("more than %d bytes", l.most), Want: "one JSON value a line"}
			}
			line, err = l.in.ReadSlice('\n')
		}
		l.long = append(l.long, line...)
		line = l.long
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	if l.n == 1 {
		line = bytes.TrimPrefix(line, []byte(byteOrderMark))
	}
	return bytes.Trim(line, " \t\r\n"), nil
}
