package failopen

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onSmallDisk returns the command that runs a program with a disk of 1 MiB at the folder dir. Only the program sees the
// disk, which ends with it.
func onSmallDisk(dir, program string, args []string) (string, []string) {
	const script = `mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"`
	return "unshare", append([]string{"--map-root-user", "--mount", "sh", "-c", script, dir, program}, args...)
}

// needSmallDisk skips the test where the system gives no disk to it.
func needSmallDisk(t *testing.T, dir string) {
	t.Helper()
	program, args := onSmallDisk(dir, "true", nil)
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Skipf("no disk that can be filled: the system lets this user mount none in a namespace of its own: %v: %s", err, out)
	}
}

// TestFullDiskUnderQueue is for a persistent queue that has filled its disk. What the tap counts is exact. What the queue
// had accepted it may lose: without room it cannot write down what it takes out, and gives up some of that.
func TestFullDiskUnderQueue(t *testing.T) {
	disk := t.TempDir()
	needSmallDisk(t, disk)
	s := newSink(t)
	s.listen()
	s.setRefuse(true)
	k := newStack(t, s, fmt.Sprintf(persistentQueue, disk)+`
receivers:
  embedding:
    tap:
      flush_interval: 0s # the disk has no room for a whole batch
`)
	k.disk = disk
	k.start()
	k.callAll(0, calls)
	k.eventually("events accepted or dropped", calls, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	assert.Positive(t, k.dropped("logs_refused"), "the disk is not full")
	assert.Positive(t, k.scrape(metricAccepted))
	accepted := k.scrape(metricAccepted)
	assert.Equal(t, calls, accepted+k.scrape(metricDropped))
	assert.Zero(t, k.scrape(metricMemory))
	assert.Less(t, k.resident(), residentLimit)
	s.setRefuse(false)
	require.Eventually(t, func() bool { return s.distinct() > 0 }, patience, tick)
	k.callAll(calls, calls+100) // the collector goes on
	k.eventually("events accepted or dropped", calls+100, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	assert.LessOrEqual(t, s.distinct(), k.scrape(metricAccepted))
	t.Logf("%d calls, %d accepted until the disk was full, %d dropped, at most %d MiB resident", calls, accepted, calls-accepted,
		k.resident()>>20)
	assert.Contains(t, k.process.Output(), "no space left on device")
}

// TestFullDiskUnderFile is for a log of requests in a file on a full disk.
func TestFullDiskUnderFile(t *testing.T) {
	s := newSink(t)
	k := startStack(t, s, `
exporters:
  file:
    path: /dev/full
service:
  pipelines:
    logs:
      exporters: [file]
`)
	k.callAll(0, calls)
	k.eventually("events accepted or dropped", calls, func() int { return k.scrape(metricAccepted) + k.scrape(metricDropped) })
	t.Logf("%d accepted, %d refused", k.scrape(metricAccepted), k.scrape(metricRefused))
	assert.Equal(t, k.scrape(metricRefused), k.scrape(metricDropped))
	assert.Positive(t, k.dropped("logs_refused"))
}
