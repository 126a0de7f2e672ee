package failopen

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// persistentQueue keeps what was accepted in files.
const persistentQueue = `
extensions:
  file_storage:
    directory: %s
    create_directory: true
exporters:
  otlp_http:
    sending_queue:
      storage: file_storage
      queue_size: 100000
service:
  extensions: [health_check, file_storage]
`

// TestKill kills the collector in the middle of load and starts it again.
//
//   - Calls fail that were in flight, and those made while nothing listens.
//   - Events that the queue had accepted are delivered after the start, each at least once.
//   - Events of calls that had ended, but that no worker had handed on yet, may be lost with the process.
func TestKill(t *testing.T) {
	s := newSink(t)
	s.listen()
	s.setRefuse(true) // so that what is delivered has been in the file
	k := startStack(t, s, fmt.Sprintf(persistentQueue, filepath.Join(t.TempDir(), "queue")))
	const before, during, after = 500, 2000, 500
	k.callAll(0, before)
	k.eventually("events in the queue", before, func() int { return k.scrape(metricAccepted) })

	// Load, until a call fails because the collector has been killed.
	var killed atomic.Bool
	var mu sync.Mutex
	next, succeeded := before, map[int]bool{}
	var done sync.WaitGroup
	for range clients {
		done.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if n >= before+during {
					return
				}
				if err := k.call(n, 100); err != nil {
					assert.True(t, killed.Load(), "call %d failed before the kill: %v", n, err)
					return
				}
				mu.Lock()
				succeeded[n] = true
				mu.Unlock()
			}
		})
	}
	for range before + during/4 { // the calls made before, and a quarter of these
		<-k.arrived
	}
	accepted := k.scrape(metricAccepted)
	killed.Store(true)
	require.NoError(t, syscall.Kill(k.process.PID(), syscall.SIGKILL))
	require.Error(t, k.process.Wait())
	done.Wait()
	failed := next - before - len(succeeded)
	require.Less(t, next, before+during, "the load was over before the kill")

	k.start()
	const from = before + during
	k.callAll(from, from+after)
	s.setRefuse(false)
	for n := range before {
		k.eventually(fmt.Sprintf("whether the event of call %d, accepted before the kill, is there", n), 1, func() int { return min(1, s.times(n)) })
	}
	for n := from; n < from+after; n++ {
		k.eventually(fmt.Sprintf("events of call %d, made after the start", n), 1, func() int { return s.times(n) })
	}
	k.eventually("events left in the queue", 0, func() int { return k.scrape("otelcol_exporter_queue_size") })
	delivered := s.distinct()
	assert.GreaterOrEqual(t, delivered, accepted+after)
	assert.LessOrEqual(t, delivered, next+after)
	lost := 0
	for n := range succeeded {
		if s.times(n) == 0 {
			lost++
		}
	}
	assert.Zero(t, k.scrape(metricDropped))
	t.Logf("%d calls before the kill, %d failed; %d events accepted at the last look, %d of %d delivered, %d of calls that succeeded lost",
		next, failed, accepted, delivered-after, next, lost)
}

// TestTerminate ends the collector as a service manager does, with calls in flight.
func TestTerminate(t *testing.T) {
	s := newSink(t)
	s.listen()
	k := startStack(t, s, "")
	k.callAll(0, calls)
	k.hold.Lock()
	var done sync.WaitGroup
	for n := range clients {
		done.Go(func() { assert.NoError(t, k.call(calls+n, 100), "call %d", calls+n) })
	}
	for range calls + clients {
		<-k.arrived
	}
	require.NoError(t, syscall.Kill(k.process.PID(), syscall.SIGTERM))
	require.Eventually(t, func() bool { // the tap takes no new connections, and its calls are in flight still
		conn, err := net.Dial("tcp", k.tap)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, patience, tick)
	k.hold.Unlock()
	done.Wait()
	require.NoError(t, k.process.Wait(), k.process.Output())
	assert.Equal(t, calls+clients, s.distinct())
	t.Logf("%d calls, %d of them in flight at the end, %d delivered", calls+clients, clients, s.distinct())
}
