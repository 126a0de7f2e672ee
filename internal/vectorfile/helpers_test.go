package vectorfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write writes a file for one test and returns its path.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// open opens a file for one test.
func open(t testing.TB, path string, o Options) *Reader {
	t.Helper()
	r, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// read reads a file to its end or first final error, and returns its rows and the text of every error, without the folder.
func read(t testing.TB, path string, o Options) (rows []Row, failed []string) {
	t.Helper()
	r, err := Open(path, o)
	if err != nil {
		return nil, []string{message(path, err)}
	}
	defer func() { require.NoError(t, r.Close()) }()
	for {
		row, err := r.Next()
		var bad *Error
		switch {
		case err == nil:
			clone := *row
			clone.Vector = slices.Clone(row.Vector)
			rows = append(rows, clone)
		case err == io.EOF:
			return rows, failed
		default:
			failed = append(failed, message(path, err))
			if !errors.As(err, &bad) || !bad.Row {
				_, again := r.Next()
				require.Equal(t, err, again, "a final error stays")
				return rows, failed
			}
		}
	}
}

func message(path string, err error) string {
	return strings.TrimPrefix(err.Error(), filepath.Dir(path)+string(filepath.Separator))
}

func vectors(rows []Row) (x [][]float32) {
	for _, r := range rows {
		x = append(x, r.Vector)
	}
	return x
}
