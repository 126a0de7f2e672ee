package embeddingcanaryreceiver

import (
	"slices"
	"time"
)

// maxFirstDelay bounds how long the first round waits.
const maxFirstDelay = 10 * time.Second

// pace says when the rounds at one replica begin.
type pace struct {
	interval time.Duration
	jitter   float64
	share    float64 // of time that calls may be running
	backoff  BackoffConfig

	random func() float64  // from 0 up to 1
	pause  time.Duration   // after the latest overload, 0 after a complete round
	busy   []time.Duration // of the latest complete rounds, at most steadyRounds
}

// steadyRounds is how many complete rounds must have been slow for the server to be slow. What one round takes on top may be time that
// its calls waited behind traffic, or for a server that warms up: either would make the canary silent for many times as long as it
// lasts.
const steadyRounds = 3

func newPace(cfg *Config, random func() float64) *pace {
	return &pace{
		interval: cfg.Interval, jitter: cfg.Jitter, share: cfg.Budget.ServerTime, backoff: cfg.Backoff, random: random,
	}
}

// first returns how long the first round waits, so that collectors that start together do not call together.
func (p *pace) first() time.Duration {
	return time.Duration(p.random() * float64(min(p.interval, maxFirstDelay)))
}

// ended is what the pace has to know of a round.
type ended struct {
	start, end time.Time
	// busy is for how long calls were running that were answered.
	busy time.Duration
	// complete is whether all were.
	complete bool
	// spare is whether the server asked for fewer calls, or hangs.
	spare      bool
	retryAfter time.Duration
}

// next returns when the round after this one begins. Rounds never overlap.
func (p *pace) next(r ended) time.Time {
	at := r.start.Add(scaled(p.interval, 1+p.jitter*(2*p.random()-1)))
	at = later(at, r.start.Add(scaled(p.taken(r), 1/p.share)))
	at = later(at, r.end)
	switch {
	case r.spare:
		p.pause = min(max(2*p.pause, p.backoff.Initial), p.backoff.Max)
		// Only later, or the server would be called before the time that it asked for.
		at = later(at, r.end.Add(scaled(max(p.pause, r.retryAfter), 1+p.jitter*p.random())))
	case r.complete:
		p.pause = 0
	}
	return at
}

// taken is the time of a round that counts as the server's: the least of the latest complete rounds.
func (p *pace) taken(r ended) time.Duration {
	if !r.complete {
		return r.busy
	}
	p.busy = append(p.busy, r.busy)
	if len(p.busy) < steadyRounds {
		return 0
	}
	p.busy = p.busy[len(p.busy)-steadyRounds:]
	return slices.Min(p.busy)
}

// scaled returns d times a factor, at most a year.
func scaled(d time.Duration, factor float64) time.Duration {
	return time.Duration(min(float64(d)*factor, float64(365*24*time.Hour)))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
