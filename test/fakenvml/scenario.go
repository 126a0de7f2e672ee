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

// Set sets one key.
func (s Scenario) Set(key string, value any) { s[key] = fmt.Sprint(value) }

// SetGPU sets one key of a GPU.
func (s Scenario) SetGPU(index int, key string, value any) { s.Set(gpuKey(index, key), value) }

// UnsetGPU removes one key of a GPU, which makes the calls that need it NOT_SUPPORTED.
func (s Scenario) UnsetGPU(index int, key string) { delete(s, gpuKey(index, key)) }

// SetField sets a field of nvmlDeviceGetFieldValues and its type: uint, ulong, ulonglong, int or double.
func (s Scenario) SetField(gpu, id int, kind string, value any) {
	s.SetGPU(gpu, fmt.Sprintf("field.%d", id), value)
	s.SetGPU(gpu, fmt.Sprintf("field.%d.type", id), kind)
}

// SetMIG puts a GPU into MIG mode and makes a MIG device of a profile like 1g.10gb, the only one of its GPU instance.
// Device m of GPU i has
//
//   - the UUID MIG-00000000-0000-4000-8000-… that ends with i in eight and m in four digits, the name of the GPU
//     followed by MIG and the profile, GPU instance m+7 and compute instance 0
//   - the slices and GiB of memory of the profile, 16 multiprocessors a slice, (m+1)·100 MiB used and none reserved
//   - a compute process 2000+100·i+m that uses (m+1)·100 MiB
//   - the GPM metrics of Healthy with i+m/10 in place of i, the first 10·(m+1) %
//
// What the GPU itself answers stays as it was, as far as it answers in MIG mode. It panics when the profile is none.
func (s Scenario) SetMIG(gpu, index int, profile string) {
	var slices, gib uint64
	if _, err := fmt.Sscanf(profile, "%dg.%dgb", &slices, &gib); err != nil {
		panic(fmt.Sprintf("fakenvml: MIG profile %q: %v", profile, err))
	}
	s.SetGPU(gpu, "mig.enabled", 1)
	s.SetGPU(gpu, "mig.max", 7)
	used := uint64(index+1) * 100
	for key, value := range map[string]any{
		"uuid":            fmt.Sprintf("MIG-00000000-0000-4000-8000-%08d%04d", gpu, index),
		"name":            s[gpuKey(gpu, "name")] + " MIG " + profile,
		"gi":              index + 7,
		"ci":              0,
		"slices":          slices,
		"sm":              16 * slices,
		"memory.mib":      gib << 10,
		"memory.total":    gib << 30,
		"memory.used":     used << 20,
		"memory.reserved": 0,
		"processes":       fmt.Sprintf("%d:%d:%d:0", 2000+100*gpu+index, used, index+7),
		// The key must be there: a MIG device without graphics processes answers so.
		"processes.graphics": "",
	} {
		s.SetMIGDevice(gpu, index, key, value)
	}
	s.setGPM(fmt.Sprintf("gpu.%d.mig.%d", gpu, index), float64(10*(index+1)), float64(gpu)+float64(index)/10)
}

// SetMIGDevice sets one key of a MIG device.
func (s Scenario) SetMIGDevice(gpu, index int, key string, value any) {
	s.SetGPU(gpu, migKey(index, key), value)
}

// UnsetMIGDevice removes one key of a MIG device. Without its uuid the device is gone.
func (s Scenario) UnsetMIGDevice(gpu, index int, key string) { s.UnsetGPU(gpu, migKey(index, key)) }

func gpuKey(index int, key string) string { return fmt.Sprintf("gpu.%d.%s", index, key) }

func migKey(index int, key string) string { return fmt.Sprintf("mig.%d.%s", index, key) }

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
