// Package fakenvml builds a libnvidia-ml.so.1 that answers from a scenario file, for tests of NVML clients on machines
// without a GPU. README.md describes the scenario file.
//
// A process stays bound to the first NVML library that it called, so every variant of the library needs a process of
// its own.
package fakenvml

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// LibraryName is the file name under which NVML clients look for the library.
const LibraryName = "libnvidia-ml.so.1"

// ScenarioEnv is the environment variable that names the scenario file. The library reads it in the process that
// loads it.
const ScenarioEnv = "FAKE_NVML_SCENARIO"

//go:embed library
var library embed.FS

// Build compiles the library with the C compiler ($CC, else cc, else gcc) into dir and returns the path of the file.
// Functions named in without are left out of it, like functions that an older driver does not have.
//
// It fails the test where there is no C compiler: a test that silently did not run would say nothing.
func Build(t testing.TB, dir string, without ...string) string {
	t.Helper()
	compiler := findCompiler(t)

	sources := t.TempDir()
	if err := os.CopyFS(sources, library); err != nil {
		t.Fatalf("fakenvml: write sources: %v", err)
	}
	path := filepath.Join(dir, LibraryName)
	args := []string{"-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-pthread", "-Wl,-soname," + LibraryName, "-o", path}
	for _, function := range without {
		// The function is compiled under another name, so that nobody finds it under its own.
		args = append(args, "-D"+function+"=without_"+function)
	}
	files, err := filepath.Glob(filepath.Join(sources, "library", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("fakenvml: no sources in %s: %v", sources, err)
	}
	var output bytes.Buffer
	cmd := exec.Command(compiler, append(args, files...)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("fakenvml: %s: %v\n%s", compiler, err, output.String())
	}
	return path
}

func findCompiler(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CC"), "cc", "gcc"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("fakenvml: no C compiler: set CC, or install cc or gcc")
	return ""
}
