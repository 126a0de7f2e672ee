package main

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vectorfile"
)

var small = settings{dimension: 12, reference: 100, window: 10, learn: drift.MinNull, judged: 4, lead: 2, faulty: 3, seeds: 2}

func written(t *testing.T) (folder string, m *manifest) {
	t.Helper()
	folder = t.TempDir()
	require.NoError(t, write(folder, small))
	m, err := readManifest(folder)
	require.NoError(t, err)
	return folder, m
}

func rowsOf(t *testing.T, path string) (rows [][]float32) {
	t.Helper()
	file, err := vectorfile.Open(path, vectorfile.Options{})
	require.NoError(t, err)
	defer file.Close()
	assert.Equal(t, "npy", file.Format())
	for {
		row, err := file.Next()
		if err == io.EOF {
			return rows
		}
		require.NoError(t, err)
		rows = append(rows, slices.Clone(row.Vector))
	}
}

// TestStreams holds the files against the manifest: their size, and that a fault changes what comes behind it and nothing else.
func TestStreams(t *testing.T) {
	folder, m := written(t)
	require.Len(t, m.Streams, small.seeds*len(scenarios()))
	healthy := map[uint64]map[string][][]float32{}
	for _, f := range m.Streams {
		rows := rowsOf(t, filepath.Join(folder, f.File))
		require.Len(t, rows, m.Reference+f.Windows*m.Window, f.File)
		require.Len(t, rows[0], m.Dimension, f.File)
		if f.Scenario == f.Traffic {
			assert.Equal(t, f.Windows, f.Healthy, f.File)
			if healthy[f.Seed] == nil {
				healthy[f.Seed] = map[string][][]float32{}
			}
			healthy[f.Seed][f.Traffic] = rows
			continue
		}
		assert.Equal(t, f.Windows-small.faulty, f.Healthy, f.File)
		start := m.Reference + f.Healthy*m.Window
		assert.Equal(t, healthy[f.Seed][f.Traffic][:start], rows[:start], f.File)
		end := min(len(rows), len(healthy[f.Seed][f.Traffic]))
		assert.NotEqual(t, healthy[f.Seed][f.Traffic][start:end], rows[start:end], f.File)
	}
	assert.NotEqual(t, healthy[0]["swings"], healthy[1]["swings"], "seeds")
	assert.NotEqual(t, healthy[0]["swings"], healthy[0]["independent"], "traffics")
}

func TestStreamsAreReproducible(t *testing.T) {
	a, m := written(t)
	b, _ := written(t)
	for _, f := range m.Streams {
		assert.Equal(t, rowsOf(t, filepath.Join(a, f.File)), rowsOf(t, filepath.Join(b, f.File)), f.File)
	}
}

// TestHeader keeps the data aligned, as NumPy does to map it into memory.
func TestHeader(t *testing.T) {
	for _, rows := range []int{1, 99, 12345678} {
		assert.Zero(t, len(npyHeader(rows, 256))%64)
	}
}
