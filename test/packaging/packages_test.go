package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// pkg returns the package that `make packages` has left, of the distribution's version.
func pkg(t testing.TB, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(collector.Root(t), "build", "packages", strings.ReplaceAll(pattern, "VERSION", distVersion(t))))
	require.NoError(t, err)
	require.Len(t, files, 1, "%s: run make packages", pattern)
	return files[0]
}

const (
	debPattern = "otelcol-embedding_VERSION-1_*.deb"
	rpmPattern = "otelcol-embedding-VERSION-1.*.rpm"
)

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
	return string(out)
}

// TestLintian has the smallest program stand for all: lintian looks at every string of each, and they are of one kind.
func TestLintian(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	run(t, "dpkg-deb", "--raw-extract", pkg(t, debPattern), tree)
	for _, program := range []string{"otelcol-embedding", "embeddingquality"} {
		run(t, "cp", filepath.Join(tree, "usr/bin/embeddingcanary"), filepath.Join(tree, "usr/bin", program))
	}
	run(t, "sh", "-c", `cd "$1" && md5sum $(find usr etc -type f) >DEBIAN/md5sums`, "sh", tree)
	deb := filepath.Join(filepath.Dir(tree), filepath.Base(pkg(t, debPattern)))
	run(t, "dpkg-deb", "-Zgzip", "-z1", "--build", tree, deb)
	assert.Empty(t, strings.TrimSpace(run(t, "lintian", "--allow-root", "--fail-on", "error,warning", deb)))
}

// TestPackageFiles holds the files of both packages against each other.
func TestPackageFiles(t *testing.T) {
	deb := map[string]bool{}
	for line := range strings.Lines(run(t, "dpkg-deb", "--contents", pkg(t, debPattern))) {
		fields := strings.Fields(line)
		require.Contains(t, line, " root/root ")
		if !strings.HasPrefix(line, "d") {
			deb[strings.TrimPrefix(fields[len(fields)-1], ".")] = true
		}
	}
	rpm := map[string]bool{"/usr/share/lintian/overrides/otelcol-embedding": true} // Debian's alone
	for line := range strings.Lines(run(t, "rpm", "--query", "--list", "--package", pkg(t, rpmPattern))) {
		rpm[strings.TrimSpace(line)] = true
	}
	assert.Equal(t, deb, rpm)

	config := strings.Fields(run(t, "rpm", "--query", "--configfiles", "--package", pkg(t, rpmPattern)))
	conffiles := strings.Fields(run(t, "dpkg-deb", "--info", pkg(t, debPattern), "conffiles"))
	assert.ElementsMatch(t, config, conffiles)
	for file := range deb {
		assert.Equal(t, strings.HasPrefix(file, "/etc/"), slices.Contains(conffiles, file), "%s", file)
	}
	scripts := run(t, "rpm", "--query", "--scripts", "--package", pkg(t, rpmPattern))
	for _, when := range []string{"postinstall", "preuninstall", "postuninstall"} {
		assert.Contains(t, scripts, when+" scriptlet")
	}
}

// TestEnvironmentFile holds the unit's environment file against the variables that the configurations name.
func TestEnvironmentFile(t *testing.T) {
	root := collector.Root(t)
	raw, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "environment"))
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#([A-Z_]+)=`).FindAllSubmatch(raw, -1) {
		shown[string(match[1])] = true
	}
	for line := range strings.Lines(string(raw)) {
		assert.True(t, strings.HasPrefix(line, "#") || line == "\n", "a line that is not commented: %s", line)
	}
	used := map[string]bool{"OTELCOL_OPTIONS": true, "OTEL_RESOURCE_ATTRIBUTES": true} // the unit's, and the SDK's
	files, err := filepath.Glob(filepath.Join(root, "config", "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		config, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`\$\{env:([A-Z_]+):-`).FindAllSubmatch(config, -1) {
			used[string(match[1])] = true
		}
	}
	assert.Equal(t, used, shown)
}

// TestServiceMemory makes sure that the memory_limiter acts before the unit's limits do.
func TestServiceMemory(t *testing.T) {
	root := collector.Root(t)
	unit, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "otelcol-embedding.service"))
	require.NoError(t, err)
	mebibytes := func(key string) int {
		match := regexp.MustCompile(`(?m)^` + key + `=(\d+)([MG])$`).FindSubmatch(unit)
		require.NotNil(t, match, key)
		number, err := strconv.Atoi(string(match[1]))
		require.NoError(t, err)
		if string(match[2]) == "G" {
			number *= 1024
		}
		return number
	}
	raw, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "service.yaml"))
	require.NoError(t, err)
	var config struct {
		Processors struct {
			MemoryLimiter struct {
				Limit int `yaml:"limit_mib"`
			} `yaml:"memory_limiter"`
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &config))
	assert.Positive(t, config.Processors.MemoryLimiter.Limit)
	assert.Less(t, config.Processors.MemoryLimiter.Limit, mebibytes("MemoryHigh"))
	assert.Less(t, mebibytes("MemoryHigh"), mebibytes("MemoryMax"))
}
