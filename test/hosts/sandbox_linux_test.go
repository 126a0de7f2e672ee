//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// sandboxEnv is set in the process that runs the tests, to the folder of what the sandbox has in place of the machine's files.
const sandboxEnv = "HOSTS_TEST_SANDBOX"

// TestMain runs the tests in namespaces of their own. What they do to the network and to /etc/hosts is seen by them and by the
// processes that they start, and gone with the last of these.
func TestMain(m *testing.M) {
	dir := os.Getenv(sandboxEnv)
	if dir == "" {
		fmt.Fprintln(os.Stderr, enterSandbox())
		os.Exit(1)
	}
	if err := furnishSandbox(dir); err != nil {
		fmt.Fprintln(os.Stderr, "set up the sandbox:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// enterSandbox makes this process another one of the same program in namespaces of its own. It returns only if that cannot be.
func enterSandbox() error {
	for _, tool := range []string{"unshare", "nsenter", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("these tests need %s on the PATH (Debian: apt-get install util-linux iproute2)", tool)
		}
	}
	flags := []string{"--net", "--mount"}
	if os.Geteuid() != 0 {
		flags = append(flags, "--user", "--map-root-user")
	}
	if out, err := exec.Command("unshare", append(flags, "ip", "link", "set", "lo", "up")...).CombinedOutput(); err != nil {
		return fmt.Errorf("these tests need network namespaces, which this user may not make: %w: %s"+
			"Run them as root with CAP_SYS_ADMIN, or allow unprivileged user namespaces "+
			"(sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns=0)", err, out)
	}
	dir, err := os.MkdirTemp("", "otelcol-embedding-hosts")
	if err != nil {
		return err
	}
	if err := os.Setenv(sandboxEnv, dir); err != nil {
		return err
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{unshare}, flags...)
	return syscall.Exec(unshare, append(append(args, program), os.Args[1:]...), os.Environ())
}

// furnishSandbox gives the sandbox its own /run, for the names of namespaces, and its own names of hosts.
func furnishSandbox(dir string) error {
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	for _, name := range []string{"hosts", "resolv.conf"} {
		file, target := filepath.Join(dir, name), filepath.Join("/etc", name)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(file, target, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s: %w", target, err)
		}
	}
	return nil
}
