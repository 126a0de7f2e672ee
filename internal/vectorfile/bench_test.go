package vectorfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// BenchmarkRead reads files of vectors of 2560 elements, as Qwen3-Embedding-4B has them. The baseline of JSON is what
// encoding/json takes for the same lines.
func BenchmarkRead(b *testing.B) {
	const rows, d = 1000, 2560
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, rows*d)
	for i := range x {
		x[i] = float32(random.NormFloat64()) / 50
	}
	type row struct {
		Embedding []float32 `parquet:"embedding,list"`
		Model     string    `parquet:"model,dict"`
	}
	var table []row
	var lines, base64Lines bytes.Buffer
	halves, doubles := make([]uint16, len(x)), make([]float64, len(x))
	for i := range x {
		halves[i], doubles[i] = uint16(random.Uint32N(0x7c00)), float64(x[i])
	}
	for i := range rows {
		v := x[i*d : (i+1)*d]
		table = append(table, row{v, "m"})
		line, err := json.Marshal(map[string]any{"id": i, "model": "m", "timestamp": 1767323045 + i, "embedding": v})
		require.NoError(b, err)
		lines.Write(append(line, '\n'))
		fmt.Fprintf(&base64Lines, `{"id":%d,"model":"m","timestamp":%d,"embedding":"%s"}`+"\n", i, 1767323045+i, base64Of(v...))
	}
	var compressed bytes.Buffer
	w, err := zstd.NewWriter(&compressed)
	require.NoError(b, err)
	_, err = w.Write(lines.Bytes())
	require.NoError(b, err)
	require.NoError(b, w.Close())

	shape := fmt.Sprintf("(%d, %d)", rows, d)
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"npy-f4", append(npy(npyHead("<f4", shape)), vector.AppendFloat32s(nil, x)...)},
		{"npy-f8", npy(npyHead("<f8", shape), doubles)},
		{"npy-f2", npy(npyHead("<f2", shape), halves)},
		{"jsonl", lines.Bytes()},
		{"jsonl-base64", base64Lines.Bytes()},
		{"jsonl-gzip", gzipped(b, lines.Bytes())},
		{"jsonl-zstd", compressed.Bytes()},
		{"parquet", parquetFile(b, table)},
		{"parquet-zstd", parquetFile(b, table, parquet.Compression(&parquet.Zstd))},
	} {
		b.Run(file.name, func(b *testing.B) {
			path := write(b, "x", file.content)
			b.SetBytes(int64(len(file.content)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Open(path, Options{})
				require.NoError(b, err)
				n := 0
				for ; err == nil; n++ {
					_, err = r.Next()
				}
				if err != io.EOF || n != rows+1 {
					b.Fatal(n, err)
				}
				require.NoError(b, r.Close())
			}
			b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("baseline-encoding/json", func(b *testing.B) {
		b.SetBytes(int64(lines.Len()))
		for b.Loop() {
			decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
			var line struct {
				Model     string    `json:"model"`
				Timestamp int64     `json:"timestamp"`
				Embedding []float32 `json:"embedding"`
			}
			for decoder.More() {
				require.NoError(b, decoder.Decode(&line))
			}
		}
		b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
	})
}
