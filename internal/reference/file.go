// Package reference reads and writes files that hold what is known of the vectors of one model: the reference that windows are
// compared with, and how they usually differ from it.
package reference

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/wholefile"
)

// File is the content of a reference file.
type File struct {
	Header
	// Monitor holds the reference and the windows without a fault that were compared with it, if any.
	Monitor *drift.Monitor
}

// Header says what a file is about.
type Header struct {
	// Model and TaskType name whose vectors it is for; no TaskType is for every task.
	Model    string `json:"model"`
	TaskType string `json:"task_type,omitempty"`
	// Created is when it was made, and Source from what.
	Created time.Time `json:"created"`
	Source  string    `json:"source,omitempty"`
}

// magic begins a file in binary form. Its first byte is in no text, and the line feed shows if somebody took it for one.
const magic = "\x93EMBREF\n"

const jsonVersion = 1

// jsonFile is a file in JSON.
type jsonFile struct {
	Version int `json:"version"`
	Header
	Monitor *drift.Monitor `json:"monitor"`
}

// castagnoli is the polynomial that storage formats use for checksums, as it is in hardware.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// AppendBinary implements encoding.BinaryAppender: magic, length of the header, header in JSON, monitor, CRC-32C of all before it.
func (f *File) AppendBinary(b []byte) ([]byte, error) {
	header, err := json.Marshal(f.Header)
	if err != nil {
		return nil, err
	}
	start := len(b)
	b = append(b, magic...)
	b = binary.AppendUvarint(b, uint64(len(header)))
	b = append(b, header...)
	if b, err = f.Monitor.AppendBinary(b); err != nil {
		return nil, err
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli())), nil
}

// MarshalJSON implements json.Marshaler.
func (f *File) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonFile{jsonVersion, f.Header, f.Monitor})
}

// Parse reads a file in either form.
func Parse(data []byte) (*File, error) {
	var f *File
	var err error
	switch {
	case bytes.HasPrefix(data, []byte(magic)):
		f, err = parseBinary(data)
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		f, err = parseJSON(data)
	default:
		return nil, errors.New("want a reference, in its binary form or in JSON, found neither")
	}
	if err != nil {
		return nil, err
	}
	if f.Model == "" {
		return nil, errors.New("model: missing; want whose vectors it is for, as events name it")
	}
	return f, nil
}

func parseBinary(data []byte) (*File, error) {
	end := len(data) - 4
	if end < len(magic) || binary.LittleEndian.Uint32(data[end:]) != crc32.Checksum(data[:end], castagnoli()) {
		return nil, errors.New("damaged: the checksum is not that of the content")
	}
	rest := data[len(magic):end]
	length, n := binary.Uvarint(rest)
	if n <= 0 || length > uint64(len(rest)-n) {
		return nil, errors.New("header: the data ends in it")
	}
	header, monitor := rest[n:n+int(length)], rest[n+int(length):]
	f := &File{Monitor: &drift.Monitor{}}
	if err := json.Unmarshal(header, &f.Header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return f, f.Monitor.UnmarshalBinary(monitor)
}

func parseJSON(data []byte) (*File, error) {
	var read jsonFile
	if err := json.Unmarshal(data, &read); err != nil {
		return nil, err
	}
	switch {
	case read.Version != jsonVersion:
		return nil, fmt.Errorf("want version %d, found %d", jsonVersion, read.Version)
	case read.Monitor == nil:
		return nil, errors.New("monitor: missing")
	}
	return &File{read.Header, read.Monitor}, nil
}

// Open reads the file at path.
func Open(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Write writes the file to path: in JSON if its name ends so, in binary form otherwise. There is all of it or what was there before.
func (f *File) Write(path string) error {
	form := func() ([]byte, error) { return f.AppendBinary(nil) }
	if filepath.Ext(path) == ".json" {
		form = f.MarshalJSON
	}
	data, err := form()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return wholefile.Write(path, data)
}
