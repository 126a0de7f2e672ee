package workload

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLookupOfRealProcess looks up a process from before its start to after its end.
func TestLookupOfRealProcess(t *testing.T) {
	processes := NewProcesses("/proc", 10)
	cat := exec.Command("cat")
	input, err := cat.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cat.Start())
	pid := uint32(cat.Process.Pid)
	for range 2 {
		process, ok := processes.Lookup(pid)
		require.True(t, ok)
		require.Equal(t, pid, process.PID)
		require.Equal(t, "cat", process.Executable)
	}
	require.Contains(t, processes.known, pid)

	require.NoError(t, input.Close())
	require.NoError(t, cat.Wait())
	process, ok := processes.Lookup(pid)
	require.False(t, ok)
	require.Equal(t, Process{PID: pid}, process)
	processes.EndRound()
	processes.EndRound()
	require.Empty(t, processes.known)
}

func TestInHostPIDNamespace(t *testing.T) {
	namespace, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(t, err)
	require.Equal(t, namespace == "pid:[4026531836]", NewProcesses("/proc", 10).InHostPIDNamespace())

	for link, want := range map[string]bool{"pid:[4026531836]": true, "pid:[4026532510]": false} {
		proc := t.TempDir()
		ns := filepath.Join(proc, "self", "ns")
		require.NoError(t, os.MkdirAll(ns, 0o755))
		require.NoError(t, os.Symlink(link, filepath.Join(ns, "pid")))
		require.Equal(t, want, NewProcesses(proc, 10).InHostPIDNamespace())
	}
	require.False(t, NewProcesses(t.TempDir(), 10).InHostPIDNamespace())
}
