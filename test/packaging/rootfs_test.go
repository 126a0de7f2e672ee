package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// prepared returns a folder that setup.sh has made.
func prepared(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(collector.Root(t), "build", "packaging", name)
	require.DirExists(t, dir, "run test/packaging/setup.sh, or make packaging")
	return dir
}

// built returns a program that `make build` has left beside the collector.
func built(t testing.TB, name string) string {
	t.Helper()
	binary := os.Getenv("OTELCOL_EMBEDDING")
	require.NotEmpty(t, binary, "run make packaging, or set OTELCOL_EMBEDDING=<repository>/build/otelcol-embedding after make build")
	file := filepath.Join(filepath.Dir(binary), name)
	require.FileExists(t, file, "run make build")
	return file
}

// rootfs is a file system that a test changes as it likes: a layer over a folder that stays as it is.
type rootfs struct {
	t     testing.TB
	dir   string
	upper string // what was added
}

func newRootfs(t testing.TB, lower string) *rootfs {
	t.Helper()
	base := t.TempDir()
	r := &rootfs{t: t, dir: filepath.Join(base, "root"), upper: filepath.Join(base, "upper")}
	work := filepath.Join(base, "work")
	for _, dir := range []string{r.dir, r.upper, work} {
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	require.NoError(t, syscall.Mount("overlay", r.dir, "overlay", 0, "lowerdir="+lower+",upperdir="+r.upper+",workdir="+work))
	t.Cleanup(func() {
		// Lazily: programs of the test may not have ended yet.
		_ = syscall.Unmount(r.dir, syscall.MNT_DETACH)
		_ = os.RemoveAll(work)
	})
	return r
}

// path returns where a path of the root is on this host.
func (r *rootfs) path(inside string) string { return filepath.Join(r.dir, inside) }

// copyIn copies files or folders as `cp -a` does.
func (r *rootfs) copyIn(inside string, files ...string) {
	r.t.Helper()
	require.NoError(r.t, os.MkdirAll(filepath.Dir(r.path(inside)+"x"), 0o755))
	out, err := exec.Command("cp", append(append([]string{"-a", "--no-preserve=ownership"}, files...), r.path(inside))...).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
}

// mount binds a file or folder of this host.
func (r *rootfs) mount(inside, source string) {
	r.t.Helper()
	info, err := os.Stat(source)
	require.NoError(r.t, err)
	target := r.path(inside)
	if info.IsDir() {
		require.NoError(r.t, os.MkdirAll(target, 0o755))
	} else {
		require.NoError(r.t, os.MkdirAll(filepath.Dir(target), 0o755))
		file, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(r.t, err)
		require.NoError(r.t, file.Close())
	}
	require.NoError(r.t, syscall.Mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""), "%s at %s", source, inside)
}

// mountSystem mounts what an engine gives every container.
func (r *rootfs) mountSystem() {
	r.t.Helper()
	require.NoError(r.t, os.MkdirAll(r.path("/proc"), 0o755))
	require.NoError(r.t, syscall.Mount("proc", r.path("/proc"), "proc", 0, ""))
	for _, device := range []string{"null", "zero", "random", "urandom"} {
		r.mount("/dev/"+device, "/dev/"+device)
	}
	r.mount("/etc/hosts", "/etc/hosts")
}

// seal makes the root itself read-only; what is mounted in it stays as it is.
func (r *rootfs) seal() {
	r.t.Helper()
	require.NoError(r.t, syscall.Mount("", r.dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}

// start runs a program in the root with no environment but the given one, in a network namespace if one is named.
func (r *rootfs) start(namespace, user string, env []string, argv ...string) *collector.Process {
	r.t.Helper()
	chroot, err := exec.LookPath("chroot") // the container's PATH may lack its folder
	require.NoError(r.t, err)
	args := append(append([]string{"-i"}, env...), chroot, "--userspec="+user, r.dir)
	args = append(args, argv...)
	if namespace == "" {
		return collector.Start(r.t, "env", nil, args...)
	}
	return collector.Start(r.t, "ip", nil, append([]string{"netns", "exec", namespace, "env"}, args...)...)
}
