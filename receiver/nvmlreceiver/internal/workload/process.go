package workload

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is what is known of a process.
type Process struct {
	PID uint32
	// Executable is the name that the kernel keeps, at most 15 bytes: of the executable file, unless the process has
	// given itself another.
	Executable string
	Container  Container
}

// Processes looks processes up in a proc file system. It is not for several goroutines at once.
type Processes struct {
	procPath string
	limit    int
	// known saves reading the cgroups of a process again and again: for that the kernel takes a lock of the whole host.
	known map[uint32]*knownProcess
}

type knownProcess struct {
	startTime uint64
	container Container
	// seen tells that the process was looked up in this round.
	seen bool
}

// NewProcesses makes a Processes of the proc file system at a path, usually /proc. It remembers at most limit
// processes; more than those are looked up as well, at a higher cost.
func NewProcesses(procPath string, limit int) *Processes {
	return &Processes{procPath: procPath, limit: limit, known: map[uint32]*knownProcess{}}
}

// Lookup returns what is known of a process. Of one that does not exist, or may not be read, that is its PID alone,
// and the second result is false. The container of a process is that of its first look-up.
func (p *Processes) Lookup(pid uint32) (Process, bool) {
	process := Process{PID: pid}
	// The open directory is of this one process, even when the process ends meanwhile and its pid is used again.
	dir, err := os.OpenRoot(filepath.Join(p.procPath, strconv.FormatUint(uint64(pid), 10)))
	if err != nil {
		return process, false
	}
	defer func() { _ = dir.Close() }()
	data, err := readSmall(dir, "stat")
	if err != nil {
		return process, false
	}
	name, startTime, err := parseStat(data)
	if err != nil {
		return process, false
	}
	process.Executable = name
	if known := p.known[pid]; known != nil && known.startTime == startTime {
		known.seen = true
		process.Container = known.container
		return process, true
	}
	delete(p.known, pid)
	if data, err = readSmall(dir, "cgroup"); err != nil {
		return process, true
	}
	process.Container = ParseCgroup(data)
	if len(p.known) < p.limit {
		p.known[pid] = &knownProcess{startTime: startTime, container: process.Container, seen: true}
	}
	return process, true
}

// EndRound forgets the processes that were not looked up since it was last called.
func (p *Processes) EndRound() {
	for pid, known := range p.known {
		if !known.seen {
			delete(p.known, pid)
		}
		known.seen = false
	}
}

// hostPIDNamespace is the PID namespace that the kernel starts with. Its number is the same everywhere.
const hostPIDNamespace = "pid:[4026531836]"

// InHostPIDNamespace tells whether this process is in the PID namespace of the host, so that it sees all processes of
// the host, by the same pids. It is false where there is no telling.
func (p *Processes) InHostPIDNamespace() bool {
	namespace, err := os.Readlink(filepath.Join(p.procPath, "self", "ns", "pid"))
	return err == nil && namespace == hostPIDNamespace
}

// parseStat reads a /proc/<pid>/stat: the name of the executable, and when the process started, in clock ticks since
// the host did.
func parseStat(data []byte) (name string, startTime uint64, err error) {
	// The name is in parentheses and may have any characters, parentheses and spaces too. Nothing behind it has any.
	opening, closing := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if opening < 0 || closing < opening {
		return "", 0, fmt.Errorf("no name in %.64q", data)
	}
	// The name is the second field, the start time the twenty-second.
	const startTimeField = 22 - 3
	fields := bytes.Fields(data[closing+1:])
	if len(fields) <= startTimeField {
		return "", 0, fmt.Errorf("%d fields behind the name", len(fields))
	}
	if startTime, err = strconv.ParseUint(string(fields[startTimeField]), 10, 64); err != nil {
		return "", 0, fmt.Errorf("start time: %w", err)
	}
	// A name that was cut to 15 bytes may end within a character, which attributes must not.
	return strings.ToValidUTF8(string(data[opening+1:closing]), ""), startTime, nil
}

// maxFileSize bounds what is read of a file. The files have a few hundred bytes.
const maxFileSize = 64 << 10

func readSmall(dir *os.Root, name string) ([]byte, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxFileSize))
}
