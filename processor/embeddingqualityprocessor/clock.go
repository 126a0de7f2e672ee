package embeddingqualityprocessor

import "time"

// clock is the time by which windows end.
type clock struct {
	now func() time.Time
	// every calls f each period, one call at a time. stop ends that, when a call that is under way has returned.
	every func(period time.Duration, f func()) (stop func())
}

func systemClock() clock {
	return clock{now: time.Now, every: every}
}

// every calls f whenever the time is a multiple of the period, as it is on all hosts at once, so that their windows are the same.
func every(period time.Duration, f func()) (stop func()) {
	stopping, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			now := time.Now()
			timer := time.NewTimer(now.Truncate(period).Add(period).Sub(now))
			select {
			case <-stopping:
				timer.Stop()
				return
			case <-timer.C:
				f()
			}
		}
	}()
	return func() {
		close(stopping)
		<-done
	}
}
