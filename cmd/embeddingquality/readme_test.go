package main

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme runs the commands of the README, in their order, over the files that it speaks of. Numbers may differ a little: inner
// products do in their last bits from processor to processor. UPDATE_README=$PWD has what the README shows written anew.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	inFolder(t)
	const dimension = 768
	newService(dimension, 1).writeNPY(t, "october.npy", 1000+210*100, nil)
	other := otherService(dimension, 2)
	newService(dimension, 2).writeNPY(t, "november.npy", 6000, func(i int, x []float32) {
		switch {
		case i == 1234:
			x[0] = float32(math.NaN())
		case i >= 4000:
			other.next(x)
		}
	})
	other.writeNPY(t, "other.npy", 1000+210*100, nil)
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```")
	commands := regexp.MustCompile(`(?m)^\$ embeddingquality (.*)\n`)
	printed := blocks.ReplaceAllStringFunc(string(readme), func(block string) string {
		var b strings.Builder
		for _, command := range commands.FindAllStringSubmatch(block, -1) {
			_, stdout, stderr := call(strings.Fields(command[1])...)
			b.WriteString(command[0] + stdout + stderr)
		}
		return "```console\n" + b.String() + "```"
	})
	if to := os.Getenv("UPDATE_README"); to != "" {
		write(t, filepath.Join(to, "README.md"), printed)
		drawn, err := os.ReadFile("november.png")
		require.NoError(t, err)
		write(t, filepath.Join(to, "november.png"), string(drawn))
	}
	assertClose(t, string(readme), printed)

	picture, err := os.Open("november.png")
	require.NoError(t, err)
	defer picture.Close()
	size, err := png.DecodeConfig(picture)
	require.NoError(t, err)
	assert.Equal(t, 1600, size.Width)
}

// assertClose compares texts that may differ in the last digits of numbers. Times and digests are left out.
func assertClose(t *testing.T, want, got string) {
	t.Helper()
	changing := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|[0-9a-f]{32}`)
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
		assert.InDelta(t, w, g, 0.02*math.Abs(w)+0.011, "number %d: %s in place of %s", i, gots[i], wants[i])
	}
}
