package workload

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// procFS is a proc file system made of plain files.
type procFS struct {
	t    *testing.T
	path string
}

func newProcFS(t *testing.T) procFS { return procFS{t: t, path: t.TempDir()} }

func (p procFS) write(pid uint32, file, content string) {
	dir := filepath.Join(p.path, strconv.FormatUint(uint64(pid), 10))
	require.NoError(p.t, os.MkdirAll(dir, 0o755))
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
}

func stat(pid uint32, name string, startTime uint64) string {
	return fmt.Sprintf("%d (%s) S 1 17 17 0 -1 4194560 5 0 0 0 1 2 0 0 20 0 3 0 %d 1000000 200 18446744073709551615"+
		" 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, name, startTime)
}

func (p procFS) start(pid uint32, name string, startTime uint64, container string) {
	p.write(pid, "stat", stat(pid, name, startTime))
	p.write(pid, "cgroup", "0::/docker/"+container+"\n")
}

func (p procFS) end(pid uint32) {
	require.NoError(p.t, os.RemoveAll(filepath.Join(p.path, strconv.FormatUint(uint64(pid), 10))))
}

func TestLookup(t *testing.T) {
	proc := newProcFS(t)
	proc.start(17, "python3", 100, idA)
	processes := NewProcesses(proc.path, 10)
	process, ok := processes.Lookup(17)
	require.True(t, ok)
	require.Equal(t, Process{PID: 17, Executable: "python3", Container: Container{ID: idA}}, process)

	// A process can take another name at any time.
	proc.start(17, "VLLM::Worker_TP", 100, idA)
	process, ok = processes.Lookup(17)
	require.True(t, ok)
	require.Equal(t, Process{PID: 17, Executable: "VLLM::Worker_TP", Container: Container{ID: idA}}, process)
}

func TestLookupOfWhatIsNotThere(t *testing.T) {
	proc := newProcFS(t)
	proc.write(18, "cgroup", "0::/docker/"+idA+"\n")
	proc.write(19, "stat", "")
	processes := NewProcesses(proc.path, 10)
	for _, pid := range []uint32{0, 17, 18, 19, 1<<32 - 1} {
		process, ok := processes.Lookup(pid)
		require.False(t, ok, pid)
		require.Equal(t, Process{PID: pid}, process)
	}
	_, ok := NewProcesses(filepath.Join(proc.path, "none"), 10).Lookup(18)
	require.False(t, ok)
	require.Empty(t, processes.known)
}

func TestLookupWithoutCgroup(t *testing.T) {
	proc := newProcFS(t)
	proc.write(17, "stat", stat(17, "python3", 100))
	processes := NewProcesses(proc.path, 10)
	process, ok := processes.Lookup(17)
	require.True(t, ok)
	require.Equal(t, Process{PID: 17, Executable: "python3"}, process)

	proc.start(17, "python3", 100, idA)
	process, ok = processes.Lookup(17)
	require.True(t, ok)
	require.Equal(t, idA, process.Container.ID, "what could not be read is not remembered")
}

func TestLookupOfReusedPID(t *testing.T) {
	proc := newProcFS(t)
	processes := NewProcesses(proc.path, 10)
	proc.start(17, "python3", 100, idA)
	_, ok := processes.Lookup(17)
	require.True(t, ok)

	proc.start(17, "trainer", 101, idB)
	process, ok := processes.Lookup(17)
	require.True(t, ok)
	require.Equal(t, Process{PID: 17, Executable: "trainer", Container: Container{ID: idB}}, process)

	proc.end(17)
	_, ok = processes.Lookup(17)
	require.False(t, ok)
}

// TestLookupRemembers tells from a changed cgroup, which no real process of these has, whether it was read again.
func TestLookupRemembers(t *testing.T) {
	proc := newProcFS(t)
	processes := NewProcesses(proc.path, 10)
	container := func(pid uint32) string {
		process, ok := processes.Lookup(pid)
		require.True(t, ok)
		return process.Container.ID
	}
	for _, pid := range []uint32{17, 18} {
		proc.start(pid, "python3", 100, idA)
		require.Equal(t, idA, container(pid))
	}
	processes.EndRound()
	for _, pid := range []uint32{17, 18} {
		proc.start(pid, "python3", 100, idB)
	}
	require.Equal(t, idA, container(17))
	processes.EndRound()
	require.Equal(t, idA, container(17), "looked up in every round")
	require.Equal(t, idB, container(18), "not looked up in the last round")
	processes.EndRound()
	processes.EndRound()
	require.Empty(t, processes.known)
}

func TestLookupOfMoreThanTheLimit(t *testing.T) {
	proc := newProcFS(t)
	processes := NewProcesses(proc.path, 2)
	for range 2 {
		for _, pid := range []uint32{17, 18, 19, 20} {
			proc.start(pid, "python3", 100, idA)
			process, ok := processes.Lookup(pid)
			require.True(t, ok)
			require.Equal(t, idA, process.Container.ID)
		}
		require.ElementsMatch(t, []uint32{17, 18}, slices.Collect(maps.Keys(processes.known)))
	}
	// One that is another now has the place of the one it was.
	proc.start(18, "python3", 200, idB)
	process, _ := processes.Lookup(18)
	require.Equal(t, idB, process.Container.ID)
	require.EqualValues(t, 200, processes.known[18].startTime)
}

func TestLookupReadsLittle(t *testing.T) {
	proc := newProcFS(t)
	proc.write(17, "stat", stat(17, "python3", 100))
	proc.write(17, "cgroup", strings.Repeat("1:cpu:/a\n", maxFileSize/8)+"0::/docker/"+idA+"\n")
	process, ok := NewProcesses(proc.path, 10).Lookup(17)
	require.True(t, ok)
	require.Zero(t, process.Container, "beyond what is read")
}

func TestParseStat(t *testing.T) {
	for _, tt := range []struct{ written, want string }{
		{"python3", "python3"},
		{"", ""},
		{"tmux: server", "tmux: server"},
		{"a) S 1 2 (b", "a) S 1 2 (b"},
		{"(sd-pam)", "(sd-pam)"},
		{"))))((((", "))))(((("},
		{"gestión", "gestión"},
		{"trainer-gesti\xc3", "trainer-gesti"},
	} {
		name, startTime, err := parseStat([]byte(stat(17, tt.written, 4711)))
		require.NoError(t, err)
		require.Equal(t, tt.want, name)
		require.EqualValues(t, 4711, startTime)
	}
	for _, data := range []string{
		"", "17", "17 (a", "17 a) S", "17 )a( S", "17 (a)", "17 (a) S 1 2",
		"17 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18",
		"17 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 -1",
	} {
		_, _, err := parseStat([]byte(data))
		require.Error(t, err, data)
	}
}

// FuzzParseStat reads files of any content. A name must be valid text.
func FuzzParseStat(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		name, _, err := parseStat(data)
		if err != nil {
			require.Empty(t, name)
			return
		}
		require.Equal(t, name, strings.ToValidUTF8(name, ""))
		require.Less(t, len(name), len(data))
	})
}
