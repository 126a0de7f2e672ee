package wholefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a")
	require.NoError(t, Write(path, []byte("first")))
	require.NoError(t, Write(path, []byte("second")))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "second", string(data))

	require.Error(t, Write(filepath.Join(folder, "none", "a"), nil))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "b"), 0o700))
	require.Error(t, Write(filepath.Join(folder, "b"), nil), "a folder is there")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing temporary is left")
}
