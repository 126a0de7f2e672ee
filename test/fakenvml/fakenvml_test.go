//go:build linux

package fakenvml

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func exported(t *testing.T, library string) []string {
	t.Helper()
	file, err := elf.Open(library)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	symbols, err := file.DynamicSymbols()
	require.NoError(t, err)
	var names []string
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF {
			names = append(names, symbol.Name)
		}
	}
	return names
}

func TestBuild(t *testing.T) {
	complete := exported(t, Build(t, t.TempDir()))
	require.Contains(t, complete, "nvmlInit_v2")
	require.Contains(t, complete, "nvmlDeviceGetTemperatureV")
	for _, name := range complete {
		require.True(t, strings.HasPrefix(name, "nvml"), "%s must not show in the process that loads the library", name)
	}

	older := exported(t, Build(t, t.TempDir(), "nvmlDeviceGetTemperatureV", "nvmlErrorString"))
	require.NotContains(t, older, "nvmlDeviceGetTemperatureV")
	require.NotContains(t, older, "nvmlErrorString")
	require.Contains(t, older, "nvmlDeviceGetTemperature")
}

func TestScenarioWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scenario")
	scenario := Healthy(1)
	scenario.SetGPU(0, "memory.used", 8053063680)
	scenario.UnsetGPU(0, "serial")
	for range 2 {
		scenario.Write(t, path)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), "gpu.0.memory.used = 8053063680\n")
		require.NotContains(t, string(text), "serial")
	}
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1)
}
