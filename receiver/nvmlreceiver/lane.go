package nvmlreceiver

import (
	"fmt"
	"runtime/debug"
	"time"
)

// lane runs work that calls into the driver on a goroutine of its own, one piece at a time, because a call may hang
// for as long as it likes and cannot be broken off. Work that does not end in time is left behind: whoever waits goes
// on, the lane stays busy until the call returns, and what the work owns must not be touched until then.
//
// The methods are for one goroutine.
type lane struct {
	done    chan struct{}
	since   time.Time
	failure error
}

// start runs the work, unless the lane is still busy. A panic in it ends the work and is kept for err.
func (l *lane) start(work func()) bool {
	if l.busy() {
		return false
	}
	done := make(chan struct{})
	l.done, l.since, l.failure = done, time.Now(), nil
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				l.failure = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		work()
	}()
	return true
}

// wait returns true as soon as the work has ended, and false when the time is up.
func (l *lane) wait(limit time.Duration) bool {
	if l.done == nil {
		return true
	}
	select {
	case <-l.done:
		return true
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.done:
		return true
	case <-timer.C:
		return false
	}
}

func (l *lane) busy() bool { return !l.wait(0) }

// err is the panic of work that has ended.
func (l *lane) err() error { return l.failure }
