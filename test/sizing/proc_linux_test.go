//go:build sizing

package sizing

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// usage is what a process has taken so far.
type usage struct {
	cpu     time.Duration
	peak    int64 // bytes of memory
	written int64 // bytes to disk
}

// clockTick is the unit of CPU time in /proc, which Linux fixes for programs.
const clockTick = time.Second / 100

// used reads what a process has taken, as the kernel counts it.
func used(t *testing.T, pid int) usage {
	t.Helper()
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the third on: the name may hold spaces
	for _, i := range []int{11, 12} {
		ticks, err := strconv.ParseInt(string(fields[i]), 10, 64)
		require.NoError(t, err)
		u.cpu += time.Duration(ticks) * clockTick
	}
	u.peak = value(t, fmt.Sprintf("/proc/%d/status", pid), "VmHWM:") << 10
	u.written = value(t, fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
	return u
}

func value(t *testing.T, file, name string) int64 {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(content)) {
		if after, ok := strings.CutPrefix(line, name); ok {
			v, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
			require.NoError(t, err)
			return v
		}
	}
	require.FailNow(t, "missing", "%s in %s", name, file)
	return 0
}

// machine describes the processor, without a name of the host.
func machine(t *testing.T) string {
	content, err := os.ReadFile("/proc/cpuinfo")
	require.NoError(t, err)
	model, cores := "unknown processor", strings.Count(string(content), "processor\t:")
	if _, after, ok := strings.Cut(string(content), "model name\t: "); ok {
		model, _, _ = strings.Cut(after, "\n")
	}
	return fmt.Sprintf("%s, %d cores", model, cores)
}
