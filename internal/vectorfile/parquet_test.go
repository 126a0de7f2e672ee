package vectorfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// parquetFile returns a Parquet file of rows.
func parquetFile[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, parquet.Write(&b, rows, options...))
	return b.Bytes()
}

type listRow struct {
	ID        int64     `parquet:"id"`
	Embedding []float32 `parquet:"embedding,list"`
	Timestamp time.Time `parquet:"timestamp,timestamp(microsecond)"`
	Model     string    `parquet:"model,dict"`
	TaskType  string    `parquet:"task_type,optional"`
	Replica   int32     `parquet:"replica"`
	Text      *string   `parquet:"text,optional"`
}

func TestParquet(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	text, nan := "a text", float32(math.NaN())
	raw := string(vector.AppendFloat32s(nil, []float32{1, nan, -3}))
	type doubles struct {
		V []float64 `parquet:"v"`
	}
	type integers struct {
		Tokens []int32 `parquet:"tokens,list"`
		Vector []int32 `parquet:"vector,list"`
	}
	type nulls struct {
		V []*float32 `parquet:"v,list"`
	}
	type rawBytes struct {
		ID        int64  `parquet:"id"`
		Embedding []byte `parquet:"embedding,optional"`
	}
	type fixed struct {
		Vector [12]byte `parquet:"vector,dict"`
	}
	type halves struct {
		V [][2]byte `parquet:"v,list"`
	}
	type nested struct {
		Data struct {
			V    []float32 `parquet:"v,list"`
			Name string    `parquet:"name"`
		} `parquet:"data"`
	}
	type several struct {
		A         []float32 `parquet:"a,list"`
		Embedding []float32 `parquet:"embedding,list"`
	}
	type times struct {
		V       []float32        `parquet:"v,list"`
		Millis  int64            `parquet:"millis,timestamp(millisecond)"`
		Nanos   int64            `parquet:"nanos,timestamp(nanosecond)"`
		Seconds float64          `parquet:"seconds"`
		Unix    int64            `parquet:"unix"`
		Unix32  int32            `parquet:"unix32"`
		Text    string           `parquet:"rfc3339"`
		Old     deprecated.Int96 `parquet:"int96"`
	}
	one, three := float32(1), float32(3)
	when := times{V: []float32{1}, Millis: at.UnixMilli(), Nanos: at.UnixNano(), Seconds: float64(at.UnixMicro()) / 1e6,
		Unix:   at.Unix(),
		Unix32: int32(at.Unix()), Text: at.Format(time.RFC3339Nano)}
	nanoseconds := uint64(at.Sub(at.Truncate(24 * time.Hour)))
	when.Old = deprecated.Int96{uint32(nanoseconds), uint32(nanoseconds >> 32), uint32(at.Unix()/86400 + 2440588)}
	whenIs := func(tm time.Time) []Row { return []Row{{Vector: []float32{1}, Time: tm}} }

	for _, test := range []struct {
		name    string
		content []byte
		options Options
		want    []Row
		failed  []string
	}{
		{name: "every field", content: parquetFile(t, []listRow{
			{1, []float32{1, nan, -3}, at, "m", "query", 7, &text}, {2, []float32{}, at, "m", "", 8, nil}}),
			want: []Row{{Vector: []float32{1, nan, -3}, Time: at, Model: "m", TaskType: "query", Replica: "7", Text: text},
				{Time: at, Model: "m", Replica: "8"}}},
		{name: "fields that are not wanted", content: parquetFile(t, []listRow{{1, []float32{1}, at, "m", "query", 7, &text}}),
			options: Options{Time: "-", Model: "-", TaskType: "-", Replica: "-", Text: "-"}, want: []Row{{Vector: []float32{1}}}},
		{name: "doubles, the only list", content: parquetFile(t, []doubles{{[]float64{0.1}}, {[]float64{1e300, -2}}}),
			want: []Row{{Vector: []float32{0.1}}, {Vector: []float32{float32(math.Inf(1)), -2}}}},
		{name: "integers by a default name", content: parquetFile(t, []integers{{[]int32{101, 102}, []int32{-128, 127}}}),
			want: []Row{{Vector: []float32{-128, 127}}}},
		{name: "null elements", content: parquetFile(t, []nulls{{[]*float32{&one, nil, &three}}, {[]*float32{nil}}}),
			want: []Row{{Vector: []float32{1, nan, 3}}, {Vector: []float32{nan}}}},
		{name: "bytes", content: parquetFile(t, []rawBytes{{1, []byte(raw)}, {2, nil}, {3, []byte("12345")}, {4, []byte(raw[:4])}}),
			want: []Row{{Vector: []float32{1, nan, -3}}, {Vector: []float32{1}}},
			failed: []string{"x.parquet: row 1, counted from 0: embedding: found null, want a list of floats or integers, or " +
				"bytes of float32",
				"x.parquet: row 2, counted from 0: embedding: found 5 bytes, want a list of floats or integers, or bytes of float32"}},
		{name: "bytes of fixed length",
			content: parquetFile(t, []fixed{{[12]byte([]byte(raw))}, {[12]byte{}}, {[12]byte([]byte(raw))}}),
			want:    []Row{{Vector: []float32{1, nan, -3}}, {Vector: []float32{0, 0, 0}}, {Vector: []float32{1, nan, -3}}}},
		{name: "16-bit floats", content: parquetFile(t, []halves{{[][2]byte{{0, 0x3c}, {0, 0xc0}}}}),
			want: []Row{{Vector: []float32{1, -2}}}},
		{name: "members of a group", content: parquetFile(t, []nested{{struct {
			V    []float32 `parquet:"v,list"`
			Name string    `parquet:"name"`
		}{[]float32{1}, "m"}}}), options: Options{Model: "data.name"}, want: []Row{{Vector: []float32{1}, Model: "m"}}},
		{name: "several lists, one of a default name", content: parquetFile(t, []several{{[]float32{1}, []float32{2}}}),
			want: []Row{{Vector: []float32{2}}}},
		{name: "the list that is named", content: parquetFile(t, []several{{[]float32{1}, []float32{2}}}),
			options: Options{Vector: "a"},
			want:    []Row{{Vector: []float32{1}}}},
		{name: "milliseconds", content: parquetFile(t, []times{when}), options: Options{Time: "millis"},
			want: whenIs(at.Truncate(time.Millisecond))},
		{name: "nanoseconds", content: parquetFile(t, []times{when}), options: Options{Time: "nanos"}, want: whenIs(at)},
		{name: "seconds with a fraction", content: parquetFile(t, []times{when}), options: Options{Time: "seconds"},
			want: whenIs(at)},
		{name: "Unix time", content: parquetFile(t, []times{when}), options: Options{Time: "unix"},
			want: whenIs(at.Truncate(time.Second))},
		{name: "Unix time in 32 bits", content: parquetFile(t, []times{when}), options: Options{Time: "unix32"},
			want: whenIs(at.Truncate(time.Second))},
		{name: "a time as text", content: parquetFile(t, []times{when}), options: Options{Time: "rfc3339"}, want: whenIs(at)},
		{name: "INT96", content: parquetFile(t, []times{when}), options: Options{Time: "int96"}, want: whenIs(at)},
		{name: "text that is no time", content: parquetFile(t, []listRow{{1, []float32{1}, at, "m", "", 7, nil}}),
			options: Options{Time: "model", Model: "-", Replica: "-"},
			failed:  []string{`x.parquet: row 0, counted from 0: model: found "m", want RFC 3339 or Unix time`}},
		{name: "no rows", content: parquetFile(t, []listRow{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "x.parquet", test.content)
			rows, failed := read(t, path, test.options)
			assert.Equal(t, test.failed, failed)
			assert.Empty(t, cmp.Diff(test.want, rows, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()))
			r := open(t, path, test.options)
			assert.EqualValues(t, len(test.want)+len(test.failed), r.Rows())
			assert.Equal(t, "parquet", r.Format())
		})
	}
}

func TestParquetErrors(t *testing.T) {
	whole := parquetFile(t, []listRow{{Embedding: []float32{1, 2}}})
	type two struct {
		A []float32 `parquet:"a,list"`
		B []float64 `parquet:"b,list"`
	}
	type none struct {
		ID   int64  `parquet:"id"`
		Text string `parquet:"text"`
	}
	const columns = "id (INT(64,true)), embedding (list of FLOAT), timestamp (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)), " +
		"model (STRING), task_type (STRING), replica (INT(32,true)), text (STRING)"
	for _, test := range []struct {
		name    string
		content []byte
		options Options
		want    string
	}{
		{name: "several lists", content: parquetFile(t, []two{{}}),
			want: "found columns a (list of FLOAT), b (list of DOUBLE), want column embedding, vector, values or dense, or " +
				"another column to be named"},
		{name: "no list", content: parquetFile(t, []none{{}}), want: "found columns id (INT(64,true)), text (STRING), " +
			"want column embedding, vector, values or dense, or another column to be named, that is a list of floats or " +
			"integers, or bytes of float32"},
		{name: "not the one that is named", content: whole, options: Options{Vector: "v"},
			want: "found columns " + columns + ", want column v"},
		{name: "a column of strings", content: whole, options: Options{Vector: "text"},
			want: "found column text (STRING), want a list of floats or integers, or bytes of float32"},
		{name: "no such field", content: whole, options: Options{Model: "name"},
			want: "found columns " + columns + ", want column name"},
		{name: "a time that is none", content: whole, options: Options{Time: "embedding"},
			want: "found column embedding (list of FLOAT), want a timestamp, a string or a number"},
		{name: "a text that is none", content: whole, options: Options{Text: "embedding"},
			want: "found column embedding (list of FLOAT), want a string or an integer"},
		{name: "LZ4", content: parquetFile(t, []listRow{{Embedding: []float32{1}}}, parquet.Compression(&parquet.Lz4Raw)),
			want: "embedding: found compression LZ4_RAW, want zstd, Snappy, gzip, Brotli or none: " +
				"pyarrow.parquet.write_table(table, file, compression='zstd')"},
		{name: "cut off", content: whole[:len(whole)/2], want: fmt.Sprintf("footer: found %q at the end, want \"PAR1\": "+
			"the file is cut off, or still being written", whole[len(whole)/2-4:len(whole)/2])},
		{name: "a length that is wrong", content: append(bytes.Clone(whole[:len(whole)-5]), "\x7fPAR1"...),
			want: fmt.Sprintf("footer: found a length of %d bytes in a file of %d, want one that fits: the file is damaged",
				0x7f000000|int(binary.LittleEndian.Uint32(whole[len(whole)-8:])), len(whole))},
		{name: "a few bytes", content: []byte("PAR1"), want: "footer: found 4 bytes in all, want a whole file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, failed := read(t, write(t, "x.parquet", test.content), test.options)
			assert.Empty(t, rows)
			assert.Equal(t, []string{"x.parquet: " + test.want}, failed)
		})
	}
}

// Row groups and pages of all sizes and both formats, with a dictionary and without, come to the same rows.
func TestParquetPages(t *testing.T) {
	type plain struct {
		V    []float32 `parquet:"v,list"`
		Text string    `parquet:"text"`
	}
	type dictionary struct {
		V    []float32 `parquet:"v,list,dict"`
		Text string    `parquet:"text,dict"`
	}
	var (
		plains       []plain
		dictionaries []dictionary
		want         []Row
	)
	for i := range 200 {
		v := make([]float32, i%23)
		for k := range v {
			v[k] = float32((i * (k + 1)) % 97)
		}
		text := fmt.Sprint(i % 40)
		plains, dictionaries = append(plains, plain{v, text}), append(dictionaries, dictionary{v, text})
		want = append(want, Row{Vector: v, Text: text})
	}
	for _, version := range []int{1, 2} {
		for _, group := range []int64{7, 1000} {
			for _, page := range []int{64, 1000} {
				for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Uncompressed),
					parquet.Compression(&parquet.Zstd),
					parquet.Compression(&parquet.Snappy)} {
					options := []parquet.WriterOption{parquet.DataPageVersion(version), parquet.MaxRowsPerRowGroup(group),
						parquet.PageBufferSize(page), codec}
					for _, content := range [][]byte{parquetFile(t, plains, options...), parquetFile(t, dictionaries, options...)} {
						rows, failed := read(t, write(t, "x.parquet", content), Options{})
						require.Empty(t, failed)
						require.Empty(t, cmp.Diff(want, rows, cmpopts.EquateEmpty()))
					}
				}
			}
		}
	}
}

// A file with a bit error, wherever it is, is read or refused, and nothing else happens.
func TestParquetDamaged(t *testing.T) {
	content := parquetFile(t, []listRow{{1, []float32{1, 2}, time.Unix(1767323045, 0), "m", "q", 7, nil}, {2, []float32{3, 4},
		time.Unix(1767323045, 0), "m", "q", 7, nil}}, parquet.Compression(&parquet.Snappy))
	path := write(t, "x.parquet", content)
	for i := range content {
		damaged := bytes.Clone(content)
		damaged[i] ^= 0x80
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		rows, _ := read(t, path, Options{})
		assert.LessOrEqual(t, len(rows), 300)
	}
}

func TestParquetMemory(t *testing.T) {
	const rows, d = 6000, 1024 // 25 MB in groups of 4 MB
	path := write(t, "x.parquet", nil)
	file, err := os.Create(path)
	require.NoError(t, err)
	type row struct {
		V []float32 `parquet:"v,list"`
	}
	w := parquet.NewGenericWriter[row](file, parquet.MaxRowsPerRowGroup(1000))
	v := make([]float32, d)
	for i := range rows {
		for k := range v {
			v[k] = math.Float32frombits(uint32(i*d+k)*2654435761>>9 | 0x3f800000)
		}
		_, err = w.Write([]row{{v}})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
	w = nil
	runtime.GC()
	runtime.GC() // what the writer had in pools

	r := open(t, path, Options{})
	before, most := heap(), uint64(0)
	for n := range rows {
		_, err := r.Next()
		require.NoError(t, err)
		if n%1000 == 500 {
			runtime.GC()
			most = max(most, heap())
		}
	}
	assert.Less(t, most, before+4<<20)
}

// sampleVectors are what the files of testdata hold.
func sampleVectors() (x [][]float32) {
	for i := range 3 {
		x = append(x, []float32{float32(i), 0.5, float32(-i) / 4, 1024})
	}
	return x
}

func TestSamples(t *testing.T) {
	for _, name := range []string{"float16.npy", "float32.npy", "float64_big_endian.npy", "int16_refused.npy", "list.parquet",
		"fixed_size_list_float16.parquet", "named.npz"} {
		rows, failed := read(t, "testdata/"+name, Options{})
		if name == "int16_refused.npy" {
			assert.Len(t, failed, 1)
			continue
		}
		assert.Empty(t, failed, name)
		assert.Equal(t, sampleVectors(), vectors(rows), name)
		if name == "list.parquet" {
			assert.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), rows[0].Time)
			assert.Equal(t, "bge-m3", rows[1].Model)
			assert.Equal(t, []string{"a", "", "c"}, []string{rows[0].Text, rows[1].Text, rows[2].Text})
		}
	}
}
