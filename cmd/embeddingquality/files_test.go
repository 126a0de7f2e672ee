package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
	"github.com/otelcol-embedding/otelcol-embedding/test/simulation/stream"
)

// service is a healthy service whose mix of topics swings. Services of one dimension are of one model; seeds tell their texts
// apart.
type service struct {
	dimension int
	source    stream.Source
	mix       *stream.Mix
	n         int
}

func newService(dimension int, seed uint64) *service {
	mix := stream.NewSwing(stream.Even(20), 1, 5, seed)
	return &service{dimension: dimension, source: stream.NewModel(stream.Clustered(dimension, 20), 1).Source(mix, seed), mix: mix}
}

// next fills x with the vector of the next text.
func (s *service) next(x []float32) {
	const window = 100
	if s.n++; s.n%window == 0 {
		s.mix.Window()
	}
	s.source.Next(x)
}

// otherService is a service with another model.
func otherService(dimension int, seed uint64) *service {
	s := newService(dimension, seed)
	s.source = stream.NewModel(stream.Clustered(dimension, 20), 9).Source(s.mix, seed)
	return s
}

// testRow is what a test file says of a vector.
type testRow struct {
	Embedding []float32 `json:"embedding" parquet:"embedding,list"`
	Timestamp time.Time `json:"timestamp" parquet:"timestamp,timestamp(millisecond)"`
	Model     string    `json:"model,omitempty" parquet:"model,dict"`
	TaskType  string    `json:"task_type,omitempty" parquet:"task_type,dict"`
	Text      string    `json:"text,omitempty" parquet:"text"`
}

// testRows returns n vectors of the service, five a second.
func (s *service) testRows(n int) []testRow {
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	rows := make([]testRow, n)
	for i := range rows {
		x := make([]float32, s.dimension)
		s.next(x)
		rows[i] = testRow{Embedding: x, Timestamp: begin.Add(time.Duration(i) * time.Second / 5)}
	}
	return rows
}

// writeNPY writes vectors as NumPy does. change may change the one of a number.
func (s *service) writeNPY(t testing.TB, path string, n int, change func(i int, x []float32)) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	w := bufio.NewWriter(f)
	header := fmt.Sprintf("%-117s\n", fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", n, s.dimension))
	fmt.Fprintf(w, "\x93NUMPY\x01\x00%c\x00%s", len(header), header)
	x := make([]float32, s.dimension)
	var b []byte
	for i := range n {
		s.next(x)
		if change != nil {
			change(i, x)
		}
		b = vector.AppendFloat32s(b[:0], x)
		_, err := w.Write(b)
		require.NoError(t, err)
	}
	require.NoError(t, w.Flush())
	require.NoError(t, f.Close())
}

func writeJSONL(t testing.TB, path string, rows []testRow) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	for _, r := range rows {
		require.NoError(t, encoder.Encode(r))
	}
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
}

func writeParquet(t testing.TB, path string, rows []testRow) {
	t.Helper()
	require.NoError(t, parquet.WriteFile(path, rows))
}

// write writes a file of any content.
func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// call runs the command and returns its exit status and what it printed.
func call(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, &out, &err)
	return status, out.String(), err.String()
}

// succeed runs the command and returns what it printed to stdout.
func succeed(t testing.TB, args ...string) string {
	t.Helper()
	status, stdout, stderr := call(args...)
	require.Zero(t, status, stderr)
	require.Empty(t, stderr)
	return stdout
}

// object is a line of JSON that the command printed of a window.
type object map[string]any

// windows runs the command run with -json and returns its windows and the summary.
func windows(t testing.TB, args ...string) (windows []object, summary string) {
	t.Helper()
	status, stdout, stderr := call(slices.Concat([]string{"run", "-json"}, args)...)
	require.Zero(t, status, stderr)
	decoder := json.NewDecoder(bytes.NewReader([]byte(stdout)))
	for decoder.More() {
		var o object
		require.NoError(t, decoder.Decode(&o))
		windows = append(windows, o)
	}
	return windows, stderr
}

// verdictsOf returns the verdicts of windows, each with the number of windows in a row that have it.
func verdictsOf(windows []object) string {
	s, last, n := "", "", 0
	end := func() {
		if n > 0 {
			s += fmt.Sprintf("%s×%d ", last, n)
		}
	}
	for _, w := range windows {
		if v := w["verdict"].(string); v != last {
			end()
			last, n = v, 0
		}
		n++
	}
	end()
	return s[:max(0, len(s)-1)]
}

// inFolder changes to a folder for one test.
func inFolder(t *testing.T) { t.Chdir(t.TempDir()) }

// buildReference builds a reference of a healthy service, in the folder of the test.
func buildReference(t testing.TB, path string, dimension int, flags ...string) {
	t.Helper()
	vectors := filepath.Base(path) + ".npy"
	newService(dimension, 1).writeNPY(t, vectors, 1000+210*100, nil)
	succeed(t, slices.Concat([]string{"build", "-model", "m", "-out", path}, flags, []string{vectors})...)
}
