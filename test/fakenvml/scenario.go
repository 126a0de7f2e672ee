package fakenvml

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Scenario holds the lines of a scenario file.
type Scenario map[string]string

// Healthy returns a host with a number of GPUs that answer every call. GPU i uses 7,680·(i+1) MiB of 81,920 MiB, runs
// at 25·(i+1) % and 40+i °C, draws 100·(i+1) W and has consumed 1,000·(i+1) J.
func Healthy(gpus int) Scenario {
	s := Scenario{}
	s.Set("driver.version", "580.82.07")
	s.Set("cuda.version", 13000)
	s.Set("gpu.count", gpus)
	for i := range gpus {
		s.SetGPU(i, "uuid", fmt.Sprintf("GPU-00000000-0000-4000-8000-%012d", i))
		s.SetGPU(i, "name", "NVIDIA Fake 80GB")
		s.SetGPU(i, "serial", fmt.Sprintf("%013d", i))
		s.SetGPU(i, "pci.bus_id", fmt.Sprintf("00000000:%02X:00.0", i+1))
		s.SetGPU(i, "memory.total", uint64(81920)<<20)
		s.SetGPU(i, "memory.reserved", uint64(512)<<20)
		s.SetGPU(i, "memory.used", uint64(7680*(i+1))<<20)
		s.SetGPU(i, "utilization.gpu", 25*(i+1))
		s.SetGPU(i, "temperature", 40+i)
		s.SetGPU(i, "power", 100_000*(i+1))
		s.SetGPU(i, "energy", 1_000_000*(i+1))
	}
	return s
}

// Set sets one key.
func (s Scenario) Set(key string, value any) { s[key] = fmt.Sprint(value) }

// SetGPU sets one key of a GPU.
func (s Scenario) SetGPU(index int, key string, value any) { s.Set(gpuKey(index, key), value) }

// UnsetGPU removes one key of a GPU, which makes the calls that need it NOT_SUPPORTED.
func (s Scenario) UnsetGPU(index int, key string) { delete(s, gpuKey(index, key)) }

func gpuKey(index int, key string) string { return fmt.Sprintf("gpu.%d.%s", index, key) }

// Write writes the scenario to a file in one step, so that a library that reads the file at any moment sees either
// the old or the new scenario.
func (s Scenario) Write(t testing.TB, path string) {
	t.Helper()
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&text, "%s = %s\n", key, s[key])
	}
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		t.Fatalf("fakenvml: %v", err)
	}
	_, err = next.WriteString(text.String())
	if closeErr := next.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		t.Fatalf("fakenvml: write scenario: %v", err)
	}
}
