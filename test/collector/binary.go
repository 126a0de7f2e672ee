// Package collector runs the real collector and the demo as processes in tests.
package collector

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Binary returns the path of the collector: $OTELCOL_EMBEDDING, or one built on the spot.
func Binary(t testing.TB) string {
	return program(t, "OTELCOL_EMBEDDING", ".", "-tags="+buildTags(t))
}

// Demo returns the path of the demo: $EMBEDDINGDEMO, or one built on the spot.
func Demo(t testing.TB) string {
	return program(t, "EMBEDDINGDEMO", "./cmd/embeddingdemo")
}

// Root returns the folder of the repository.
func Root(t testing.TB) string {
	_, file, _, ok := runtime.Caller(0)
	require.True(t, ok)
	// With -trimpath the file name is no path on this host; tests run in their package's folder then.
	if filepath.IsAbs(file) {
		return filepath.Dir(filepath.Dir(filepath.Dir(file)))
	}
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "builder-config.yaml")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, parent, dir, "not inside of the repository")
		dir = parent
	}
}

// buildTags reads the distribution's build tags from the one place that states them.
func buildTags(t testing.TB) string {
	manifest, err := os.ReadFile(filepath.Join(Root(t), "builder-config.yaml"))
	require.NoError(t, err)
	for line := range strings.Lines(string(manifest)) {
		if tags, ok := strings.CutPrefix(line, "  build_tags: "); ok {
			return strings.TrimSpace(tags)
		}
	}
	t.Fatal("builder-config.yaml has no build_tags")
	return ""
}

// built keeps programs that were built on the spot for the other tests of the same process.
var built sync.Map

func program(t testing.TB, env, pkg string, flags ...string) string {
	t.Helper()
	if path := os.Getenv(env); path != "" {
		require.FileExists(t, path, "$%s", env)
		return path
	}
	build, _ := built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "otelcol-embedding-test")
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, filepath.Base(env))
		args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", path}, flags...)
		cmd := exec.Command("go", append(args, pkg)...)
		cmd.Dir = Root(t)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		return path, cmd.Run()
	}))
	path, err := build.(func() (string, error))()
	require.NoError(t, err, "build %s", pkg)
	return path
}
