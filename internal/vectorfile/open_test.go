package vectorfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The content decides, whatever the name says.
func TestOpenByContent(t *testing.T) {
	type row struct {
		V []float32 `parquet:"v,list"`
	}
	for format, content := range map[string][]byte{
		"npy":        npy(npyHead("<f4", "(1, 1)"), []float32{1}),
		"jsonl":      []byte(" \n" + `{"vector":[1]}`),
		"parquet":    parquetFile(t, []row{{[]float32{1}}}),
		"gzip jsonl": gzipped(t, []byte("[1]")),
		"gzip npy":   gzipped(t, npy(npyHead("<f4", "(1, 1)"), []float32{1})),
	} {
		for _, name := range []string{"x", "x.npy", "x.jsonl", "x.parquet", "x.gz"} {
			r := open(t, write(t, name, content), Options{})
			assert.Equal(t, format, r.Format())
			row, err := r.Next()
			require.NoError(t, err)
			assert.Equal(t, []float32{1}, row.Vector)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	const formats = ".npy, .npz, JSON lines or Parquet"
	for _, test := range []struct {
		name, content, want string
	}{
		{"x.npy", "", "x.npy: found an empty file, want " + formats},
		{"x.csv", "id,embedding\n1,\"[1]\"\n", `x.csv: found a file that begins with "id,embedding\n1,\"[1]\"\n", want ` + formats},
		{"x.jsonl", "id,embedding\n", `x.jsonl: line 1: found "id,embedding", want an object with a vector, or a vector`},
		{"x.jsonl.gz", string(gzipped(t, []byte("id"))), `x.jsonl.gz: line 1: found "id", want an object with a vector, or a vector`},
		{"x.gz", string(gzipped(t, []byte("id"))), `x.gz: found a file that begins with "id", want ` + formats},
		{"x.gz", "\x1f\x8b", "x.gz: gzip: unexpected EOF"},
		{"x.gz.gz", string(gzipped(t, gzipped(t, []byte("[1]")))), "x.gz.gz: found gzip gzip, want " + formats + ": compressed once"},
		{"x.parquet.gz", string(gzipped(t, []byte("PAR1"))), "x.parquet.gz: found gzip parquet, whose end says where everything is, " +
			"want a plain file of it: these formats are compressed in themselves"},
		{"x.feather", "ARROW1\x00\x00", "x.feather: found an Arrow or Feather file, want " + formats +
			": pyarrow.parquet.write_table(pyarrow.feather.read_table(file), 'vectors.parquet')"},
		{"x.h5", "\x89HDF\r\n", "x.h5: found an HDF5 file, want " + formats + ": np.save('vectors.npy', " +
			"h5py.File(file)['embeddings'])"},
		{"x.pkl", "\x80\x04\x95", "x.pkl: found a Python pickle, want " + formats +
			": np.save('vectors.npy', np.asarray(pickle.load(open(file, 'rb')), np.float32))"},
		{"x.jsonl", "\xff\xfe{\x00", "x.jsonl: found text in UTF-16, want " + formats + ": JSON lines in UTF-8"},
		{"x.parquet", "PARE", "x.parquet: found an encrypted Parquet file, want " + formats},
		{"x.npz", "PK\x03\x04", "x.npz: zip: not a valid zip file"},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, failed := read(t, write(t, test.name, []byte(test.content)), Options{})
			assert.Equal(t, []string{test.want}, failed)
		})
	}

	missing := filepath.Join(t.TempDir(), "x.npy")
	_, err := Open(missing, Options{})
	assert.EqualError(t, err, missing+": no such file or directory")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(filepath.Dir(missing), Options{})
	assert.EqualError(t, err, filepath.Dir(missing)+": found a directory, want a file")
	_, err = Open(missing, Options{Vector: "-"})
	assert.EqualError(t, err, missing+`: found "-" for the vector field, want its name: vectors are what is read`)
}

// A pipe is read as far as a format does not need the end first.
func TestOpenPipe(t *testing.T) {
	send := func(content []byte) string {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, r.Close()) })
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return filepath.Join("/dev/fd", strconv.Itoa(int(r.Fd())))
	}
	if _, err := os.Stat("/dev/fd"); err != nil {
		t.Skip("no /dev/fd")
	}
	rows, failed := read(t, send(bytes.Repeat([]byte("[1]\n"), 3)), Options{})
	assert.Empty(t, failed)
	assert.Len(t, rows, 3)
	_, err := Open(send([]byte("PAR1")), Options{})
	var e *Error
	require.True(t, errors.As(err, &e))
	assert.Equal(t, "parquet, whose end says where everything is", e.Found)
}

func TestClose(t *testing.T) {
	r, err := Open(write(t, "x.jsonl", []byte("[1]")), Options{})
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err = r.Next()
	assert.EqualError(t, err, "vector file is closed")
}
