package fakenvml

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childEnv names the test that runs in a process of its own.
const childEnv = "FAKENVML_CHILD_OF"

// Alone tells whether the calling test runs in a process that InOwnProcess made for it.
func Alone(t *testing.T) bool { return os.Getenv(childEnv) == t.Name() }

// InOwnProcess runs the calling test again in a new process, since a process can call only one NVML library, and
// returns true there. In the process that the test began in it returns false when the new one has passed. Entries of
// env are added to the environment.
func InOwnProcess(t *testing.T, env ...string) bool {
	t.Helper()
	if Alone(t) {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("fakenvml: %v", err)
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.count=1", "-test.run="+pattern)
	// Without the last, every child of a test with the race detector would sleep for a second before it ends.
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a process of its own: %v\n%s", err, output)
	}
	if passed := "--- PASS: " + t.Name() + " "; !strings.Contains(string(output), passed) {
		t.Fatalf("in a process of its own: want %q in\n%s", passed, output)
	}
	return false
}
