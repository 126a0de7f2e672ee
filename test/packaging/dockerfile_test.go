package packaging

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// Stages of the Dockerfile.
const (
	buildStage     = "build"
	runtimeBase    = "gcr.io/distroless/base-nossl-debian13"
	collectorStage = "collector"
	demoStage      = "demo"
)

// readDockerfile parses the Dockerfile with BuildKit's own parser.
func readDockerfile(t testing.TB) ([]instructions.Stage, *parser.Result) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy", "docker", "Dockerfile"))
	require.NoError(t, err)
	result, err := parser.Parse(bytes.NewReader(text))
	require.NoError(t, err)
	stages, _, err := instructions.Parse(result.AST, nil)
	require.NoError(t, err)
	return stages, result
}

// stage returns the instructions of a stage and of those that it is based on, first ones first, and the image below.
func stage(t testing.TB, stages []instructions.Stage, name string) (commands []instructions.Command, base string) {
	t.Helper()
	for {
		i := slices.IndexFunc(stages, func(s instructions.Stage) bool { return s.Name == name })
		if i < 0 {
			return commands, name
		}
		commands = append(slices.Clone(stages[i].Commands), commands...)
		name = stages[i].BaseName
	}
}

// context holds the files that .dockerignore lets into a build.
type context struct {
	t      testing.TB
	ignore *patternmatcher.PatternMatcher
}

func newContext(t testing.TB) *context {
	t.Helper()
	file, err := os.Open(filepath.Join(collector.Root(t), ".dockerignore"))
	require.NoError(t, err)
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	require.NoError(t, err)
	ignore, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	return &context{t: t, ignore: ignore}
}

// files returns the files below a path of the context, by their path in the repository. What git ignores is never there.
func (c *context) files(below string) []string {
	c.t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", below)
	cmd.Dir = collector.Root(c.t)
	out, err := cmd.Output()
	require.NoError(c.t, err)
	var files []string
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		ignored, err := c.ignore.MatchesOrParentMatches(name)
		require.NoError(c.t, err)
		if !ignored && name != "" {
			files = append(files, name)
		}
	}
	return files
}

func TestDockerfile(t *testing.T) {
	stages, result := readDockerfile(t)
	assert.Empty(t, result.Warnings)
	names := map[string]bool{}
	for _, s := range stages {
		if !names[s.BaseName] {
			assert.Contains(t, []string{"golang:1.26-bookworm", runtimeBase}, s.BaseName)
		}
		names[s.Name] = true
	}
	assert.Equal(t, collectorStage, stages[len(stages)-1].Name, "the stage that is built where none is named")

	// Go is that of go.mod.
	gomod, err := os.ReadFile(filepath.Join(collector.Root(t), "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(gomod)
	require.NotNil(t, version)
	assert.Equal(t, "golang:"+string(version[1])+"-bookworm", stages[0].BaseName)

	context := newContext(t)
	for _, name := range []string{collectorStage, demoStage} {
		commands, _ := stage(t, stages, name)
		user, entrypoint := "", []string(nil)
		for _, command := range commands {
			switch c := command.(type) {
			case *instructions.UserCommand:
				user = c.User
			case *instructions.EntrypointCommand:
				entrypoint = c.CmdLine
				assert.False(t, c.PrependShell, "the image has no shell")
			case *instructions.CmdCommand:
				assert.False(t, c.PrependShell, "the image has no shell")
			case *instructions.RunCommand:
				assert.Fail(t, "the image has no shell", "%s: %s", name, c)
			case *instructions.CopyCommand:
				if c.From != "" {
					assert.True(t, names[c.From], "COPY --from=%s", c.From)
					continue
				}
				for _, source := range c.SourcePaths {
					assert.NotEmpty(t, context.files(source), "COPY %s: not there, or in .dockerignore", source)
				}
			}
		}
		assert.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, user, "%s: runAsNonRoot asks for a number", name)
		assert.NotEmpty(t, entrypoint, name)
	}
}

// TestDockerContext builds nothing, but lists every package that `make build` needs, in a folder that holds what
// .dockerignore lets through.
func TestDockerContext(t *testing.T) {
	dir := t.TempDir()
	root := collector.Root(t)
	for _, name := range newContext(t).files(".") {
		require.False(t, strings.HasPrefix(name, "docs/") || strings.HasSuffix(name, "_test.go"), name)
		content, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	// -n prints the commands of the build: every package, embedded file and flag has to be there for it.
	cmd := exec.Command("make", "--no-print-directory", "-n", "build")
	cmd.Dir = dir
	commands, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", commands)
	for _, program := range []string{"otelcol-embedding", "embeddingdemo", "embeddingcanary", "embeddingquality"} {
		assert.Contains(t, string(commands), "-o build/"+program)
	}
	cmd = exec.Command("go", "list", "-deps", "-tags="+buildTags(t), "-f", "{{with .Error}}{{.}}{{end}}", ".", "./cmd/...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Empty(t, strings.TrimSpace(string(out)))
}

// TestVersions holds the version that compose.yaml runs against that of the distribution.
func TestVersions(t *testing.T) {
	assert.Equal(t, distVersion(t), composeDefaults(t)["OTELCOL_EMBEDDING_VERSION"])
}

func distVersion(t testing.TB) string { return manifest(t).Dist.Version }

func buildTags(t testing.TB) string { return manifest(t).Dist.BuildTags }

type builderConfig struct {
	Dist struct {
		Version   string `yaml:"version"`
		BuildTags string `yaml:"build_tags"`
	} `yaml:"dist"`
}

func manifest(t testing.TB) builderConfig {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(collector.Root(t), "builder-config.yaml"))
	require.NoError(t, err)
	var m builderConfig
	require.NoError(t, yaml.Unmarshal(raw, &m))
	require.NotEmpty(t, m.Dist.Version)
	return m
}

// TestGlibc looks at what the programs ask of the C library. The packages promise 2.34, and the images have a later one.
func TestGlibc(t *testing.T) {
	for _, name := range []string{"otelcol-embedding", "embeddingdemo", "embeddingcanary", "embeddingquality"} {
		file, err := elf.Open(built(t, name))
		require.NoError(t, err)
		defer file.Close()
		libraries, err := file.ImportedLibraries()
		require.NoError(t, err)
		for _, library := range libraries {
			assert.Contains(t, []string{"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, library, name)
		}
		symbols, err := file.ImportedSymbols()
		require.NoError(t, err)
		for _, symbol := range symbols {
			minor, ok := strings.CutPrefix(symbol.Version, "GLIBC_2.")
			if !ok {
				continue
			}
			minor, _, _ = strings.Cut(minor, ".")
			number, err := strconv.Atoi(minor)
			require.NoError(t, err, symbol)
			assert.LessOrEqual(t, number, 34, "%s needs %s of glibc 2.%d", name, symbol.Name, number)
		}
	}
}

// image is a built image, as far as a program in it can tell.
type image struct {
	*rootfs
	env             map[string]string
	user            string
	entrypoint, cmd []string
}

// newImage follows the Dockerfile's instructions for a stage over the packages of the base image.
func newImage(t testing.TB, name string) *image {
	t.Helper()
	stages, _ := readDockerfile(t)
	commands, base := stage(t, stages, name)
	require.Equal(t, runtimeBase, base)
	context := newContext(t)
	i := &image{rootfs: newRootfs(t, prepared(t, "runtime")), env: map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	for _, command := range commands {
		switch c := command.(type) {
		case *instructions.CopyCommand:
			i.copy(c, context)
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				i.env[pair.Key] = pair.Value
			}
		case *instructions.UserCommand:
			i.user = c.User
		case *instructions.EntrypointCommand:
			i.entrypoint = c.CmdLine
		case *instructions.CmdCommand:
			i.cmd = c.CmdLine
		case *instructions.ArgCommand, *instructions.LabelCommand, *instructions.ExposeCommand, *instructions.VolumeCommand:
		default:
			require.FailNow(t, "an instruction that this test does not follow", "%s", command)
		}
	}
	return i
}

func (i *image) copy(c *instructions.CopyCommand, context *context) {
	i.t.Helper()
	for _, source := range c.SourcePaths {
		switch {
		case c.From == "":
			for _, name := range context.files(source) {
				inside := path.Join(c.DestPath, strings.TrimPrefix(name, source))
				if name == source {
					inside = path.Join(c.DestPath, path.Base(name))
				}
				require.NoError(i.t, os.MkdirAll(filepath.Dir(i.path(inside)), 0o755))
				i.copyIn(inside, filepath.Join(collector.Root(i.t), name))
			}
		case strings.HasPrefix(source, "/src/build/"):
			i.copyIn(c.DestPath, built(i.t, path.Base(source)))
		case source == "/state":
			require.NoError(i.t, os.MkdirAll(i.path(c.DestPath), 0o755))
			out, err := exec.Command("chown", c.Chown, i.path(c.DestPath)).CombinedOutput()
			require.NoError(i.t, err, "%s", out)
		default:
			require.FailNow(i.t, "a source that this test does not know", "COPY --from=%s %s", c.From, source)
		}
	}
}

// environment returns the image's environment with more on top.
func (i *image) environment(more map[string]string) []string {
	all := maps.Clone(i.env)
	maps.Copy(all, more)
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		pairs = append(pairs, key+"="+all[key])
	}
	return pairs
}

// TestImageFiles looks at what the image adds to its base: no program but ours, nothing writable but the state.
func TestImageFiles(t *testing.T) {
	i := newImage(t, collectorStage)
	var programs, writable []string
	require.NoError(t, filepath.WalkDir(i.upper, func(name string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		inside := strings.TrimPrefix(name, i.upper)
		if info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			programs = append(programs, inside)
		}
		if ownerOf(info) != 0 {
			writable = append(writable, inside)
		}
		return nil
	}))
	assert.Equal(t, []string{"/usr/bin/embeddingcanary", "/usr/bin/embeddingquality", "/usr/bin/otelcol-embedding"}, programs)
	assert.Equal(t, []string{"/var/lib/otelcol-embedding"}, writable)
	for _, file := range []string{"standalone.yaml", "agent.yaml", "gateway.yaml", "quickstart.yaml", "servers/vllm.yaml"} {
		assert.FileExists(t, i.path("/etc/otelcol-embedding/"+file))
	}
}
