package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// npyFile is an .npy file of float32 rows that is being written.
type npyFile struct {
	file *os.File
	out  *bufio.Writer
	raw  []byte
}

func createNPY(path string, rows, dimension int) (*npyFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	n := &npyFile{file: file, out: bufio.NewWriterSize(file, 1<<20)}
	n.out.Write(npyHeader(rows, dimension)) // an error stays until Flush
	return n, nil
}

// npyHeader is a header of format 1.0, padded so that the data is aligned to 64 bytes.
func npyHeader(rows, dimension int) []byte {
	const magic, alignment = "\x93NUMPY\x01\x00", 64
	dictionary := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dimension)
	size := len(magic) + 2 + len(dictionary) + 1
	dictionary += strings.Repeat(" ", (alignment-size%alignment)%alignment) + "\n"
	header := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(dictionary)))
	return append(header, dictionary...)
}

func (n *npyFile) add(x []float32) {
	n.raw = vector.AppendFloat32s(n.raw[:0], x)
	n.out.Write(n.raw)
}

func (n *npyFile) close() error {
	if err := n.out.Flush(); err != nil {
		n.file.Close()
		return err
	}
	return n.file.Close()
}
