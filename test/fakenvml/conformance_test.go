//go:build linux

package fakenvml

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A client is compiled against NVIDIA's header. These tests compare ours with the one that the Go binding comes with.

var (
	structures = regexp.MustCompile(`(?m)^typedef (?:struct|union) \{\n((?: .*\n)+)\} (nvml\w+);`)
	members    = regexp.MustCompile(`(?m)(\w+)(?:\[\w+\])?;$`)
	aliases    = regexp.MustCompile(`(?m)^typedef nvml\w+ (nvml\w+);`)
	constants  = regexp.MustCompile(`(?m)^ +((?:NVML|nvml)\w+) = \d+`)
	functions  = regexp.MustCompile(`(?m)^(?:nvmlReturn_t |const char \*)(nvml\w+)\(`)
)

// nvidiaHeader is the folder of NVIDIA's nvml.h.
func nvidiaHeader(t *testing.T) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/NVIDIA/go-nvml").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(output)), "pkg", "nvml")
}

func ourHeader(t *testing.T) string {
	t.Helper()
	header, err := library.ReadFile("library/nvml_abi.h")
	require.NoError(t, err)
	return string(header)
}

// layoutProgram returns a C program that prints where the members of each type are, and the values of the constants.
func layoutProgram(header string) string {
	var program strings.Builder
	program.WriteString(`#include "nvml_abi.h"
#include <stddef.h>
#include <stdio.h>
#define MEMBER(type, member) ((type *)0)->member
#define KIND(value) _Generic((value), double: "double", int: "int", unsigned int: "unsigned int", \
    unsigned long: "unsigned long", long long: "long long", unsigned long long: "unsigned long long", \
    char *: "text", default: "other")
int main(void) {
`)
	for _, structure := range structures.FindAllStringSubmatch(header, -1) {
		name := structure[2]
		fmt.Fprintf(&program, "printf(\"%s: %%zu bytes\\n\", sizeof(%[1]s));\n", name)
		for _, member := range members.FindAllStringSubmatch(structure[1], -1) {
			fmt.Fprintf(&program, "printf(\"%s.%s: %%s at %%zu, %%zu bytes\\n\", KIND(MEMBER(%[1]s, %[2]s)), "+
				"offsetof(%[1]s, %[2]s), sizeof(MEMBER(%[1]s, %[2]s)));\n", name, member[1])
		}
	}
	for _, alias := range aliases.FindAllStringSubmatch(header, -1) {
		fmt.Fprintf(&program, "printf(\"%s: %%zu bytes\\n\", sizeof(%[1]s));\n", alias[1])
	}
	for _, constant := range constants.FindAllStringSubmatch(header, -1) {
		fmt.Fprintf(&program, "printf(\"%s = %%lld\\n\", (long long)%[1]s);\n", constant[1])
	}
	program.WriteString("}\n")
	return program.String()
}

func TestLayoutIsNVIDIAs(t *testing.T) {
	header, dir := ourHeader(t), t.TempDir()
	source := filepath.Join(dir, "layout.c")
	require.NoError(t, os.WriteFile(source, []byte(layoutProgram(header)), 0o600))

	layout := func(name string, flags ...string) []string {
		binary := filepath.Join(dir, name)
		args := append([]string{"-Ilibrary", "-o", binary, source}, flags...)
		output, err := exec.CommandContext(t.Context(), findCompiler(t), args...).CombinedOutput()
		require.NoError(t, err, "%s", output)
		output, err = exec.CommandContext(t.Context(), binary).Output()
		require.NoError(t, err)
		return strings.Split(string(output), "\n")
	}
	ours := layout("ours")
	require.Contains(t, ours, "nvmlFieldValue_t.value: other at 32, 8 bytes")
	require.Contains(t, ours, "NVML_ERROR_GPU_IS_LOST = 15")
	require.Equal(t, layout("nvidia", "-DFAKENVML_NVIDIA_HEADER", "-I"+nvidiaHeader(t)), ours)
}

// The compiler refuses a function whose type is not that of its declaration, here NVIDIA's, or that has none.
func TestPrototypesAreNVIDIAs(t *testing.T) {
	files, err := filepath.Glob("library/*.c")
	require.NoError(t, err)
	args := append([]string{"-fsyntax-only", "-Wall", "-Wextra", "-Wmissing-prototypes", "-Werror"}, files...)
	for _, flags := range [][]string{nil, {"-DFAKENVML_NVIDIA_HEADER", "-I" + nvidiaHeader(t)}} {
		output, err := exec.CommandContext(t.Context(), findCompiler(t), append(args, flags...)...).CombinedOutput()
		require.NoError(t, err, "%s", output)
	}

	var declared []string
	for _, function := range functions.FindAllStringSubmatch(ourHeader(t), -1) {
		declared = append(declared, function[1])
	}
	require.Greater(t, len(declared), 60)
	require.ElementsMatch(t, declared, exported(t, Build(t, t.TempDir())))
}
