package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// boot mounts what systemd needs below $1, and becomes it. The cgroups are those of the namespace.
const boot = `set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t tmpfs tmpfs "$1/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs tmpfs "$1/$folder"; done
mkdir "$1/dev/shm"
for device in null zero full random urandom tty; do touch "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
ip link set lo up
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin "$2" "$1" /lib/systemd/systemd --log-target=journal
`

// debian is a Debian that systemd has booted, in namespaces of its own.
type debian struct {
	*rootfs
	pid string
}

func bootDebian(t testing.TB) *debian {
	t.Helper()
	d := &debian{rootfs: newRootfs(t, prepared(t, "debian"))}
	chroot, err := exec.LookPath("chroot")
	require.NoError(t, err)
	p := collector.Start(t, "unshare", nil, "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child",
		"sh", "-c", boot, "sh", d.dir, chroot)
	d.wait("systemd is up", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID()))
		if d.pid = strings.TrimSpace(string(children)); err != nil || d.pid == "" {
			return false
		}
		out, _ := d.try("systemctl", "is-system-running")
		return strings.Contains(out, "running") || strings.Contains(out, "degraded")
	})
	return d
}

func (d *debian) try(argv ...string) (string, error) {
	args := []string{"--target", d.pid, "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wd",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}
	out, err := exec.Command("nsenter", append(args, argv...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run runs a command in the Debian, as root.
func (d *debian) run(argv ...string) string {
	d.t.Helper()
	out, err := d.try(argv...)
	if err != nil {
		journal, _ := d.try("journalctl", "--no-pager", "--unit=otelcol-embedding", "--lines=30")
		require.NoError(d.t, err, "%s: %s\n%s", strings.Join(argv, " "), out, journal)
	}
	return out
}

func (d *debian) wait(what string, done func() bool) {
	d.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			status, _ := d.try("systemctl", "status", "--no-pager", "--lines=30", "otelcol-embedding")
			require.FailNow(d.t, "not in time", "%s\n%s", what, status)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// waitPage waits until a page of the Debian has the text.
func (d *debian) waitPage(url, text string) {
	d.t.Helper()
	d.wait(text+" on "+url, func() bool {
		page, err := d.try("curl", "--silent", "--fail", url)
		return err == nil && strings.Contains(page, text)
	})
}

func (d *debian) write(inside, content string) {
	d.t.Helper()
	// Through the namespace's own view: the root is mounted once more there.
	cmd := exec.Command("nsenter", "--target", d.pid, "--mount", "--root", "--wd", "tee", inside)
	cmd.Stdin = strings.NewReader(content)
	require.NoError(d.t, cmd.Run())
}

const unit = "otelcol-embedding.service"

// TestDebian is the life of the package on a host: installed, running in its sandbox, told to read its configuration
// anew, upgraded, removed, purged.
func TestDebian(t *testing.T) {
	d := bootDebian(t)
	library := fakenvml.Build(t, t.TempDir())
	scenario := filepath.Join(t.TempDir(), "scenario")
	fakenvml.Healthy(1).Write(t, scenario)
	d.copyIn("/srv/first.deb", pkg(t, debPattern))
	d.copyIn("/srv/second.deb", upgraded(t))
	d.copyIn("/usr/bin/embeddingdemo", built(t, "embeddingdemo"))
	d.copyIn(driverLibrary, library)
	d.copyIn("/etc/scenario", scenario)
	require.NoError(t, os.Chmod(d.path("/etc/scenario"), 0o644))
	d.run("systemd-run", "--unit=demo", "embeddingdemo", "serve")

	d.run("dpkg", "--install", "/srv/first.deb")
	assert.Equal(t, "enabled", d.run("systemctl", "is-enabled", unit))
	d.waitPage("http://localhost:13133", "available")
	assert.Empty(t, d.run("systemd-analyze", "verify", unit))
	// 2.0: what is left open is the network, other processes (whose GPU memory is told apart) and the GPUs.
	d.run("systemd-analyze", "security", "--no-pager", "--threshold=20", unit)

	// In its sandbox, with a driver's library.
	d.write("/etc/otelcol-embedding/environment", "# ours\n"+fakenvml.ScenarioEnv+"=/etc/scenario\n")
	d.run("systemctl", "restart", unit)
	d.waitPage("http://localhost:13133", "available")
	d.run("curl", "--silent", "--fail", "--header", "Content-Type: application/json",
		"--data", `{"model": "qwen3-embedding-4b", "input": "a text"}`, "http://localhost:8080/v1/embeddings")
	for _, metric := range []string{"embedding_requests_total{", "hw_gpu_memory_usage_bytes{", "system_memory_usage_bytes{", "embedding_canary_ok{"} {
		d.waitPage("http://localhost:9464/metrics", metric)
	}
	pid := d.run("systemctl", "show", "--property=MainPID", "--value", unit)
	status := d.run("cat", "/proc/"+pid+"/status")
	for _, line := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"} {
		assert.Contains(t, status, line)
	}
	assert.Equal(t, "otelcol-embedding", d.run("stat", "--format=%U", "/var/lib/otelcol-embedding"))
	assert.NotEmpty(t, d.run("ls", "/var/lib/otelcol-embedding"))

	// A wrong configuration is refused, and the collector goes on.
	const file = "/etc/otelcol-embedding/standalone.yaml"
	right := d.run("cat", file)
	d.write(file, strings.Replace(right, "window: 10s", "window: soon", 1))
	_, err := d.try("systemctl", "reload", unit)
	assert.Error(t, err, "reload of a wrong configuration")
	assert.Equal(t, pid, d.run("systemctl", "show", "--property=MainPID", "--value", unit))
	assert.Equal(t, "active", d.run("systemctl", "is-active", unit))
	// A right one is taken over by the same process.
	d.write(file, strings.Replace(right, "window: 10s", "window: 20s", 1)+"\n")
	d.run("systemctl", "reload", unit)
	d.wait("the configuration is read", func() bool {
		journal, _ := d.try("journalctl", "--no-pager", "--unit", unit)
		return strings.Contains(journal, "Config updated, restart service")
	})
	d.waitPage("http://localhost:13133", "available")
	assert.Equal(t, pid, d.run("systemctl", "show", "--property=MainPID", "--value", unit))

	// An upgrade keeps what was changed, and leaves the process alone.
	out := d.run("dpkg", "--force-confdef", "--install", "/srv/second.deb")
	assert.Contains(t, out, "systemctl restart otelcol-embedding")
	assert.Equal(t, pid, d.run("systemctl", "show", "--property=MainPID", "--value", unit))
	assert.Contains(t, d.run("cat", file), "window: 20s")
	assert.Contains(t, d.run("cat", "/etc/otelcol-embedding/environment"), "# ours")
	assert.Contains(t, d.run("cat", "/etc/otelcol-embedding/environment.dpkg-dist"), "# second")

	d.run("dpkg", "--remove", "otelcol-embedding")
	_, err = d.try("systemctl", "is-active", unit)
	assert.Error(t, err, "it runs after it was removed")
	assert.NotEmpty(t, d.run("ls", "/var/lib/otelcol-embedding"), "what was learned is there for the next install")
	// Installed again, it runs as before.
	d.run("dpkg", "--force-confdef", "--install", "/srv/second.deb")
	d.waitPage("http://localhost:13133", "available")

	d.run("dpkg", "--purge", "otelcol-embedding")
	for _, folder := range []string{"/etc/otelcol-embedding", "/var/lib/otelcol-embedding", "/etc/systemd/system/multi-user.target.wants/" + unit} {
		_, err := d.try("stat", folder)
		assert.Error(t, err, "%s is left", folder)
	}
}

// upgraded is the package with a later version, and another environment file.
func upgraded(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	run(t, "dpkg-deb", "--raw-extract", pkg(t, debPattern), tree)
	run(t, "sed", "-i", "s/^Version: .*/Version: 99.0.0-1/", filepath.Join(tree, "DEBIAN", "control"))
	environment := filepath.Join(tree, "etc", "otelcol-embedding", "environment")
	content, err := os.ReadFile(environment)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(environment, append([]byte("# second\n"), content...), 0o640))
	file := filepath.Join(dir, "second.deb")
	run(t, "dpkg-deb", "-Znone", "--build", tree, file)
	return file
}

// TestPackageWithoutSystemd installs the package where systemd does not run, as in a container's build.
func TestPackageWithoutSystemd(t *testing.T) {
	r := newRootfs(t, prepared(t, "debian"))
	r.copyIn("/srv/first.deb", pkg(t, debPattern))
	run(t, "chroot", r.dir, "dpkg", "--install", "/srv/first.deb")
	assert.Contains(t, run(t, "chroot", r.dir, "otelcol-embedding", "--version"), distVersion(t))
	run(t, "chroot", r.dir, "otelcol-embedding", "validate", "--config=/etc/otelcol-embedding/standalone.yaml", "--config=/etc/otelcol-embedding/service.yaml")
	run(t, "chroot", r.dir, "dpkg", "--purge", "otelcol-embedding")
}
