package embeddingcanaryreceiver

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testPace(random float64) *pace {
	return newPace(createDefaultConfig().(*Config), func() float64 { return random })
}

// after returns how long after its start the round after r begins.
func (p *pace) after(r ended) time.Duration {
	r.start = noon
	r.end = noon.Add(time.Second)
	return p.next(r).Sub(noon)
}

func TestPace(t *testing.T) {
	middle := testPace(0.5)
	assert.Equal(t, time.Minute, middle.after(ended{complete: true}))
	assert.Equal(t, 54*time.Second, testPace(0).after(ended{complete: true}), "a tenth earlier")
	assert.Equal(t, 66*time.Second, testPace(1).after(ended{complete: true}), "a tenth later")
	assert.Equal(t, time.Minute, middle.after(ended{}), "an unreachable server is asked as often as any")
	assert.Equal(t, 5*time.Second, middle.first())
}

// TestServerTime: a slow server gets rounds further apart, and one that was slow for a round does not.
func TestServerTime(t *testing.T) {
	p := testPace(0.5)
	slow, quick := ended{complete: true, busy: 3 * time.Second}, ended{complete: true, busy: time.Second}
	assert.Equal(t, time.Minute, p.after(slow), "a server that warms up")
	assert.Equal(t, time.Minute, p.after(quick))
	assert.Equal(t, time.Minute, p.after(slow), "a burst of traffic")
	assert.Equal(t, 150*time.Second, p.after(ended{busy: 3 * time.Second}), "a round that failed says nothing of a usual one")
	assert.Equal(t, time.Minute, p.after(slow))
	assert.Equal(t, 150*time.Second, p.after(slow), "the third on end")
	assert.Equal(t, time.Minute, p.after(quick))

	p = testPace(0.5)
	p.share = 1e-300
	assert.Positive(t, p.after(ended{complete: true, busy: time.Hour}))
}

func TestBackoff(t *testing.T) {
	p := testPace(0)
	overloaded := ended{spare: true}
	var pauses []time.Duration
	for range 7 {
		pauses = append(pauses, p.after(overloaded)-time.Second)
	}
	m := time.Minute
	assert.Equal(t, []time.Duration{m, 2 * m, 4 * m, 8 * m, 16 * m, 30 * m, 30 * m}, pauses)
	assert.Equal(t, 54*time.Second, p.after(ended{}), "down in between")
	assert.Equal(t, time.Hour, p.after(ended{spare: true, retryAfter: time.Hour})-time.Second, "the server knows better")
	assert.Equal(t, 54*time.Second, p.after(ended{complete: true}))
	assert.Equal(t, m, p.after(overloaded)-time.Second, "as if for the first time")
}

// TestPaceBounds: no round begins before the one before is over or before the server wants one, nor a third slow one before their
// share of time is used up.
func TestPaceBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := createDefaultConfig().(*Config)
		cfg.Interval = time.Duration(rapid.Int64Range(int64(minInterval), int64(time.Hour)).Draw(rt, "interval"))
		cfg.Jitter = rapid.Float64Range(0, 0.5).Draw(rt, "jitter")
		cfg.Budget.ServerTime = rapid.Float64Range(0.001, 1).Draw(rt, "share")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		p := newPace(cfg, random.Float64)
		assert.LessOrEqual(rt, p.first(), min(cfg.Interval, maxFirstDelay))
		var slowFor []time.Duration
		duration := rapid.Int64Range(0, int64(time.Hour))
		for range 20 {
			r := ended{start: noon, busy: time.Duration(duration.Draw(rt, "busy"))}
			r.end = noon.Add(r.busy + time.Duration(duration.Draw(rt, "rest")))
			r.complete = rapid.Bool().Draw(rt, "complete")
			r.spare = !r.complete && rapid.Bool().Draw(rt, "spare")
			r.retryAfter = time.Duration(duration.Draw(rt, "retry after"))
			next := p.next(r)
			assert.False(rt, next.Before(r.end))
			taken := r.busy
			if r.complete {
				slowFor = append(slowFor, r.busy)
				taken = 0
				if n := len(slowFor); n >= steadyRounds {
					taken = slices.Min(slowFor[n-steadyRounds:])
				}
			}
			assert.GreaterOrEqual(rt, next.Sub(noon).Seconds()*cfg.Budget.ServerTime+1e-6, taken.Seconds())
			if r.spare {
				assert.GreaterOrEqual(rt, next.Sub(r.end), max(r.retryAfter, cfg.Backoff.Initial))
			}
		}
	})
}
