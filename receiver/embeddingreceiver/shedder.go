package embeddingreceiver

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// shedder decides of which calls the answer is captured while the process is short of CPU. Then goroutines that pass calls on
// wait for a CPU, and copying and reading answers would make them wait longer: the answers of most calls are left unread
// until there is time again.
//
// Whether goroutines wait is what Go's scheduler measures. Where they do for a second on end, which is no burst that the queue
// of captured calls is there for, the share of calls that are captured falls by half, again and again; while they do not,
// it rises by small steps, as TCP finds its share of a line.
type shedder struct {
	share   atomic.Uint64 // float64 bits
	samples [1]metrics.Sample
	before  []uint64 // the scheduler's histogram at the last look
	began   func()   // called when the share begins to fall
	busy    int      // looks on end that found waits

	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	// schedulerLatencies is the histogram of how long goroutines waited for a CPU, cumulative since the process began.
	schedulerLatencies = "/sched/latencies:seconds"
	// shedInterval is the time between two looks at it.
	shedInterval = 100 * time.Millisecond
	// busyLatency is a wait that tells of a shortage, in seconds, where busyShare of all waits are as long. On two cores, one
	// in a hundred is at 300 calls a second, and one in four where there are as many calls as the tap can pass on.
	busyLatency = 200e-6
	busyShare   = 0.1
	// burst is how many looks on end must find waits before the share falls.
	burst = int(time.Second / shedInterval)
	// minWaits is how many waits tell anything.
	minWaits = 50
	// minCaptured is the share of calls that are captured whatever happens, so that a fault still shows.
	minCaptured = 0.01
	// recovery is what the share rises by in one interval.
	recovery = 0.05
)

func newShedder(began func()) *shedder {
	s := &shedder{began: began}
	s.samples[0].Name = schedulerLatencies
	s.share.Store(math.Float64bits(1))
	return s
}

func (s *shedder) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.waits() // from here on
	s.done.Go(func() {
		ticker := time.NewTicker(shedInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.adjust(s.waits())
			}
		}
	})
}

func (s *shedder) stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
	}
}

// captured returns the share of calls whose answers are captured.
func (s *shedder) captured() float64 { return math.Float64frombits(s.share.Load()) }

// capture decides for one call.
func (s *shedder) capture() bool {
	share := s.captured()
	return share >= 1 || rand.Float64() < share
}

// adjust takes over how many waits for a CPU there were, and how many of them were long.
func (s *shedder) adjust(all, long uint64) {
	share := s.captured()
	if all < minWaits || float64(long) < busyShare*float64(all) {
		s.busy = 0
		s.share.Store(math.Float64bits(min(1, share+recovery)))
		return
	}
	if s.busy++; s.busy < burst {
		return
	}
	if share >= 1 {
		s.began()
	}
	s.share.Store(math.Float64bits(max(minCaptured, share/2)))
}

// waits returns the waits for a CPU since the last call, and how many of them were at least busyLatency long.
func (s *shedder) waits() (all, long uint64) {
	metrics.Read(s.samples[:])
	if s.samples[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0, 0 // a runtime that does not measure it
	}
	h := s.samples[0].Value.Float64Histogram()
	if len(s.before) != len(h.Counts) {
		s.before = make([]uint64, len(h.Counts))
	}
	for i, n := range h.Counts {
		since := n - s.before[i]
		all += since
		if h.Buckets[i] >= busyLatency {
			long += since
		}
		s.before[i] = n
	}
	return all, long
}
