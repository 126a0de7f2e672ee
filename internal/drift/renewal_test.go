package drift

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestRenewalDoesNotHideSlowDrift: where each new reference is learned from what has drifted since the last, windows are as usual for
// it all the time, and yet the drift is found.
func TestRenewalDoesNotHideSlowDrift(t *testing.T) {
	const runLength = 100_000
	for name, test := range map[string]struct {
		cosine float64 // between the means before and after a renewal
		want   []Statistic
	}{
		"drift": {0.997, []Statistic{StatisticAnchor}},
		"none":  {1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPopulation(128, 1, rand.New(rand.NewPCG(1, 5)))
			m := NewMonitor(p.learn(1000))
			var alarms []Statistic
			for i := 0; i < 12 && len(alarms) == 0; i++ {
				next := NewMonitor(p.learn(1000))
				for range MinNull + 20 {
					f := m.Add(p.window(m.reference, 100, nil, 0), runLength)
					alarms = append(alarms, f.Alarms()...)
					next.Add(p.window(next.reference, 100, nil, 0), runLength)
				}
				m.Renew(next)
				m = restored(t, next)
				p.mean = turned(p.mean, test.cosine, p.random)
			}
			slices.Sort(alarms)
			assert.Equal(t, test.want, slices.Compact(alarms))
		})
	}
}
