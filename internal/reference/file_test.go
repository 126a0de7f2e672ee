package reference

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
)

func example() *File {
	l := drift.NewLearner(3, drift.MinLearn)
	for i := 0; ; i++ {
		if r := l.Add([]float32{1, float32(i%5) - 2, float32(i%3) - 1}, 2); r != nil {
			return &File{
				Header:  Header{"qwen3-embedding-4b", "query", time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC), "yesterday.npy"},
				Monitor: drift.NewMonitor(r),
			}
		}
	}
}

func TestWriteAndOpen(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"qwen3.reference", "qwen3.json"} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte("what was there before"), 0o600))
		want := example()
		require.NoError(t, want.Write(path))
		got, err := Open(path)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "temporary files are removed")
}

func TestWriteToNowhere(t *testing.T) {
	assert.ErrorIs(t, example().Write(filepath.Join(t.TempDir(), "missing", "a.reference")), os.ErrNotExist)
}

func TestOpenRefuses(t *testing.T) {
	good, err := example().AppendBinary(nil)
	require.NoError(t, err)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct{ data, want string }{
		"empty":     {"", "want a reference, in its binary form or in JSON, found neither"},
		"other":     {"PK\x03\x04", "want a reference, in its binary form or in JSON, found neither"},
		"cut":       {string(good[:len(good)-9]), "damaged: the checksum is not that of the content"},
		"flipped":   {string(flipped), "damaged: the checksum is not that of the content"},
		"magic":     {magic, "damaged: the checksum is not that of the content"},
		"version":   {`{"version": 2, "model": "m"}`, "want version 1, found 2"},
		"no state":  {`{"version": 1, "model": "m"}`, "monitor: missing"},
		"bad state": {`{"version": 1, "model": "m", "monitor": {"reference": 1}}`, "monitor: reference: want an object, found 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.reference")
			require.NoError(t, os.WriteFile(path, []byte(test.data), 0o600))
			_, err := Open(path)
			assert.EqualError(t, err, path+": "+test.want)
		})
	}
	nameless := example()
	nameless.Model = ""
	data, err := nameless.AppendBinary(nil)
	require.NoError(t, err)
	_, err = Parse(data)
	assert.EqualError(t, err, "model: missing; want whose vectors it is for, as events name it")
}

// FuzzParse: whatever a file holds, it is refused or it is a reference that can be written again.
func FuzzParse(f *testing.F) {
	data, err := example().AppendBinary(nil)
	require.NoError(f, err)
	f.Add(data)
	data, err = example().MarshalJSON()
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := Parse(data); err == nil {
			again, err := file.AppendBinary(nil)
			require.NoError(t, err)
			_, err = Parse(again)
			require.NoError(t, err)
		}
	})
}
