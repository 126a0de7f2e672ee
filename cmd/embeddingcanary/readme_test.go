package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme runs the commands of the README, in their order. Numbers may differ a little: inner products do in their last bits from
// processor to processor. UPDATE_README=$PWD has what the README shows written anew.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	blocks := regexp.MustCompile("(?s)```(yaml|console)\n(.*?)```")
	commands := regexp.MustCompile(`(?m)^\$ (.*)\n`)
	printed := blocks.ReplaceAllStringFunc(string(readme), func(block string) string {
		if text, ok := strings.CutPrefix(block, "```yaml\n"); ok {
			require.NoError(t, os.WriteFile("our-texts.yaml", []byte(strings.TrimSuffix(text, "```")), 0o600))
			return block
		}
		var b strings.Builder
		status := 0
		for _, command := range commands.FindAllStringSubmatch(block, -1) {
			b.WriteString(command[0])
			if command[1] == "echo $?" {
				b.WriteString(strconv.Itoa(status) + "\n")
				continue
			}
			var stdout, stderr string
			status, stdout, stderr = call(strings.Fields(command[1])[1:]...)
			b.WriteString(stdout + stderr)
		}
		return "```console\n" + b.String() + "```"
	})
	if to := os.Getenv("UPDATE_README"); to != "" {
		require.NoError(t, os.WriteFile(filepath.Join(to, "README.md"), []byte(printed), 0o600))
	}
	assertClose(t, string(readme), printed)
}

// call runs the program and returns its status and what it printed.
func call(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs, &servers{})
	return status, out.String(), errs.String()
}

// assertClose compares texts that may differ in the last digits of numbers. Times, digests and what is about texts that are new in each
// round are left out.
func assertClose(t *testing.T, want, got string) {
	t.Helper()
	changing := regexp.MustCompile(`(?m)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b[0-9a-f]{16}\b|^fresh_(cosine_median|shift) .*$`)
	number := regexp.MustCompile(`-?\d+\.\d+`)
	want, got = changing.ReplaceAllString(want, "…"), changing.ReplaceAllString(got, "…")
	spaces := regexp.MustCompile(` +`)
	plain := func(s string) string { return spaces.ReplaceAllString(number.ReplaceAllString(s, "0.0"), " ") }
	require.Equal(t, plain(want), plain(got))
	wants, gots := number.FindAllString(want, -1), number.FindAllString(got, -1)
	for i := range wants {
		w, err := strconv.ParseFloat(wants[i], 64)
		require.NoError(t, err)
		g, err := strconv.ParseFloat(gots[i], 64)
		require.NoError(t, err)
		assert.InDelta(t, w, g, 0.02, "number %d: %s in place of %s", i, gots[i], wants[i])
	}
}
