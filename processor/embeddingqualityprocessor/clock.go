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

func every(period time.Duration, f func()) (stop func()) {
	ticker := time.NewTicker(period)
	stopping, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer ticker.Stop()
		for {
			select {
			case <-stopping:
				return
			case <-ticker.C:
				f()
			}
		}
	}()
	return func() {
		close(stopping)
		<-done
	}
}
