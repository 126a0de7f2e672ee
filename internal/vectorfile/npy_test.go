package vectorfile

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// npy returns an .npy file of format 1.0 with the header and what data is in little-endian order.
func npy(header string, data ...any) []byte { return npyOf(1, binary.LittleEndian, header, data...) }

func npyOf(major byte, order binary.ByteOrder, header string, data ...any) []byte {
	header += "\n"
	b := append([]byte(npyMagic), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	b = append(b, header...)
	for _, d := range data {
		b, _ = binary.Append(b, order, d)
	}
	return b
}

func npyHead(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
}

func TestNPY(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, test := range []struct {
		name    string
		content []byte
		want    [][]float32
	}{
		{"float32", npy(npyHead("<f4", "(2, 3)"), []float32{1, -2, 3.5, nan, -inf, 0}),
			[][]float32{{1, -2, 3.5}, {nan, -inf, 0}}},
		{"big-endian float32", npyOf(1, binary.BigEndian, npyHead(">f4", "(1, 2)"), []float32{1, -2.25}),
			[][]float32{{1, -2.25}}},
		{"float64", npy(npyHead("<f8", "(2, 1)"), []float64{0.1, 1e300}), [][]float32{{0.1}, {inf}}},
		{"big-endian float64", npyOf(1, binary.BigEndian, npyHead(">f8", "(1, 1)"), []float64{0.1}), [][]float32{{0.1}}},
		{"float16", npy(npyHead("<f2", "(1, 4)"), []uint16{0x3c00, 0xc000, 0x7c00, 0x0001}), [][]float32{{1, -2, inf, 0x1p-24}}},
		{"big-endian float16", npyOf(1, binary.BigEndian, npyHead(">f2", "(1, 1)"), []uint16{0x3c00}), [][]float32{{1}}},
		{"int8", npy(npyHead("|i1", "(1, 3)"), []int8{-128, 0, 127}), [][]float32{{-128, 0, 127}}},
		{"uint8", npy(npyHead("|u1", "(1, 2)"), []uint8{0, 255}), [][]float32{{0, 255}}},
		{"one vector", npy(npyHead("<f4", "(3,)"), []float32{1, 2, 3}), [][]float32{{1, 2, 3}}},
		{"no rows", npy(npyHead("<f4", "(0, 3)")), nil},
		{"an empty list", npy(npyHead("<f8", "(0,)")), nil},
		{"format 2.0", npyOf(2, binary.LittleEndian, npyHead("<f4", "(1, 1)"), []float32{7}), [][]float32{{7}}},
		{"format 3.0", npyOf(3, binary.LittleEndian, npyHead("<f4", "(1, 1)"), []float32{7}), [][]float32{{7}}},
		{"another order of keys, other quotes", npy(`{"shape":(1,2),"fortran_order":False,"descr":"<f4"}`, []float32{1, 2}),
			[][]float32{{1, 2}}},
		{"Python 2", npy(npyHead("<f4", "(1L, 2L)"), []float32{1, 2}), [][]float32{{1, 2}}},
		{"one vector in both orders", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", []float32{1, 2}),
			[][]float32{{1, 2}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "x.npy", test.content)
			r := open(t, path, Options{})
			assert.Equal(t, "npy", r.Format())
			assert.EqualValues(t, len(test.want), r.Rows())
			rows, failed := read(t, path, Options{})
			assert.Empty(t, failed)
			assert.Empty(t, cmp.Diff(test.want, vectors(rows), cmpopts.EquateNaNs()))
		})
	}
}

func TestNPYErrors(t *testing.T) {
	f4 := npyHead("<f4", "(2, 2)")
	for _, test := range []struct {
		name, want string
		content    []byte
	}{
		{"Fortran order", "x.npy: fortran_order: found True, which has the first element of every vector first, want False: " +
			"save it as np.save(file, np.ascontiguousarray(x))",
			npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", make([]float32, 4))},
		{"integers", "x.npy: descr: found \"<i8\", want float32, float64, float16, int8 or uint8: " +
			"save it as np.save(file, x.astype(np.float32))", npy(npyHead("<i8", "(1, 1)"), []int64{1})},
		{"no byte order", "x.npy: descr: found \"|f4\", want float32, float64, float16, int8 or uint8: " +
			"save it as np.save(file, x.astype(np.float32))", npy(npyHead("|f4", "(1, 1)"), []float32{1})},
		{"structured", "x.npy: descr: found a structured type, want float32, float64, float16, int8 or uint8: " +
			"save the field that has the vectors, np.save(file, x['embedding'])",
			npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }")},
		{"three dimensions", "x.npy: shape: found 3 dimensions (2, 1, 4), want 2, vectors and their elements: " +
			"save it as np.save(file, x.reshape(-1, x.shape[-1]))", npy(npyHead("<f4", "(2, 1, 4)"), make([]float32, 8))},
		{"a number", "x.npy: shape: found 0 dimensions (), want 2, vectors and their elements: " +
			"save it as np.save(file, x.reshape(-1, x.shape[-1]))", npy(npyHead("<f4", "()"), []float32{1})},
		{"a flat array", "x.npy: shape: found vectors of 2000000 elements (2000000,), want at most 1048576: " +
			"save a flat array as np.save(file, x.reshape(-1, dimension))", npy(npyHead("<f4", "(2000000,)"))},
		{"no elements", "x.npy: shape: found (5, 0), want vectors that have elements, in a file of less than 2⁶² bytes",
			npy(npyHead("<f4", "(5, 0)"))},
		{"too many rows", "x.npy: shape: found (9223372036854775807, 8), want vectors that have elements, in a file of less " +
			"than 2⁶² bytes",
			npy(npyHead("<f4", "(9223372036854775807, 8)"))},
		{"a negative dimension", "x.npy: header: found \"-1, 2), }\\n\" at byte 51, want a dimension",
			npy(npyHead("<f4", "(-1, 2)"))},
		{"cut off data", "x.npy: data: found 12 bytes, want the 16 of 2 vectors of 2 elements of type <f4: the file is cut off",
			npy(f4, make([]float32, 3))},
		{"two arrays", "x.npy: data: found bytes behind the 2 vectors of 2 elements of type <f4, want one array a file",
			append(npy(f4, make([]float32, 4)), npy(f4, make([]float32, 4))...)},
		{"cut off header", "x.npy: header: found the end of the file, want a whole header", npy(f4)[:40]},
		{"cut off magic", "x.npy: header: found the end of the file, want a whole header", []byte(npyMagic + "\x01")},
		{"format 9.0", "x.npy: header: found format 9.0, want 1.0, 2.0 or 3.0", npyOf(9, binary.LittleEndian, f4)},
		{"a long header", "x.npy: header: found a length of 100001 bytes, want at most 65536",
			npyOf(2, binary.LittleEndian, strings.Repeat(" ", 100000))},
		{"no dictionary", "x.npy: header: found \"nothing\\n\" at byte 0, want '{'", npy("nothing")},
		{"no shape", "x.npy: header: found \"{'descr': '<f4', 'fortran_order': False}\", want 'descr', 'fortran_order' and 'shape'",
			npy("{'descr': '<f4', 'fortran_order': False}")},
		{"another key", "x.npy: header: found \"order\" at byte 9, want 'descr', 'fortran_order' or 'shape'",
			npy("{'order': 'C'}")},
		{"an open string", "x.npy: header: found \"'descr\\n\" at byte 1, want a string that ends", npy("{'descr")},
		{"not a boolean", "x.npy: header: found \"1}\\n\" at byte 18, want True or False", npy("{'fortran_order': 1}")},
		{"something behind", "x.npy: header: found \"x\\n\" at byte 59, want the end of the header",
			npy(npyHead("<f4", "(1, 1)") + "x")},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, failed := read(t, write(t, "x.npy", test.content), Options{})
			assert.Empty(t, rows)
			assert.Equal(t, []string{test.want}, failed)
		})
	}
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// A compressed file has no size to check ahead: what is wrong with it shows when it is read.
func TestNPYCompressed(t *testing.T) {
	whole := npy(npyHead("<f4", "(2, 2)"), []float32{1, 2, 3, 4})
	rows, failed := read(t, write(t, "x.npy.gz", gzipped(t, whole)), Options{})
	assert.Empty(t, failed)
	assert.Equal(t, [][]float32{{1, 2}, {3, 4}}, vectors(rows))

	rows, failed = read(t, write(t, "x.npy.gz", gzipped(t, whole[:len(whole)-3])), Options{})
	assert.Len(t, rows, 1)
	assert.Equal(t, []string{"x.npy.gz: row 1, counted from 0: found the end of the file, " +
		"want 2 rows of 2 elements of type <f4: the file is cut off"}, failed)

	rows, failed = read(t, write(t, "x.npy.gz", gzipped(t, append(whole, 0))), Options{})
	assert.Len(t, rows, 2)
	assert.Equal(t, []string{"x.npy.gz: data: found bytes behind the 2 vectors of 2 elements of type <f4, want one array " +
		"a file"}, failed)
}

func TestNPZ(t *testing.T) {
	archive := func(names ...string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i, name := range names {
			member, err := w.Create(name)
			require.NoError(t, err)
			_, err = member.Write(npy(npyHead("<f4", "(1, 2)"), []float32{float32(i), 1}))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return write(t, "x.npz", b.Bytes())
	}
	for _, test := range []struct {
		name, vector string
		members      []string
		want         float32
		err          string
	}{
		{name: "the only array", members: []string{"notes.txt", "arr_0.npy"}, want: 1},
		{name: "the default name", members: []string{"ids.npy", "embedding.npy"}, want: 1},
		{name: "the one that is named", vector: "ids", members: []string{"ids.npy", "embedding.npy"}, want: 0},
		{name: "none of the names", members: []string{"a.npy", "b.npy"},
			err: "x.npz: found arrays a, b, want embedding, vector, values or dense, or another array to be named"},
		{name: "not the one that is named", vector: "c", members: []string{"a.npy"}, err: "x.npz: found arrays a, want c"},
		{name: "no array", members: []string{"data.pkl"},
			err: "x.npz: found a zip archive without an .npy array, want one that np.savez wrote"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, failed := read(t, archive(test.members...), Options{Vector: test.vector})
			if test.err != "" {
				assert.Equal(t, []string{test.err}, failed)
				return
			}
			assert.Empty(t, failed)
			assert.Equal(t, [][]float32{{test.want, 1}}, vectors(rows))
		})
	}
}

func TestNPYDoesNotAllocate(t *testing.T) {
	const rows, d = 200, 64
	for _, descr := range []string{"<f4", ">f4", "<f8", "<f2", "|i1"} {
		elements, err := parseNPYType(descr)
		require.NoError(t, err)
		path := write(t, "x.npy", npy(npyHead(descr, fmt.Sprintf("(%d, %d)", rows, d)), make([]byte, rows*d*elements.size)))
		r := open(t, path, Options{})
		_, err = r.Next()
		require.NoError(t, err)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, err = r.Next() }), descr)
		require.NoError(t, err)
	}
}

func TestNPYMemory(t *testing.T) {
	const rows, d = 25000, 2048 // 205 MB
	path := filepath.Join(t.TempDir(), "large.npy")
	file, err := os.Create(path)
	require.NoError(t, err)
	head := npy(npyHead("<f4", fmt.Sprintf("(%d, %d)", rows, d)))
	_, err = file.Write(head)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(int64(len(head))+rows*d*4))
	require.NoError(t, file.Close())

	r := open(t, path, Options{})
	before, most := heap(), uint64(0)
	for n := 0; ; n++ {
		_, err := r.Next()
		if err == io.EOF {
			assert.Equal(t, rows, n)
			break
		}
		require.NoError(t, err)
		if n%5000 == 0 {
			most = max(most, heap())
		}
	}
	assert.Less(t, most, before+20<<20)
}

// heap returns the size of the heap, garbage included.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func FuzzNPYHeader(f *testing.F) {
	f.Add(npy(npyHead("<f4", "(2, 3)")))
	f.Add(npyOf(2, binary.LittleEndian, npyHead(">f8", "(3,)")))
	f.Add(npyOf(3, binary.LittleEndian, `{"shape":(1L,2L,),"fortran_order":True,"descr":"|i1"}`))
	f.Add(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }"))
	f.Add(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 1048576), "))
	f.Add([]byte(npyMagic + "\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, size, err := readNPYHeader(bufio.NewReader(bytes.NewReader(content)))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.LessOrEqual(t, size, int64(len(content)))
		require.True(t, h.rows >= 0 && h.dimension >= 0 && h.dimension <= maxDimension)
		require.GreaterOrEqual(t, h.rows*int64(h.dimension*h.elements.size), int64(0))
		// What was understood is understood the same when it is written anew.
		again, err := parseNPYHeader(npyHead(h.elements.name, fmt.Sprintf("(%d, %d)", h.rows, h.dimension)))
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}
