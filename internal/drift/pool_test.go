package drift

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// uniform returns the opinion of a monitor of a healthy stream, whose p-values are uniform.
func uniform(random *rand.Rand, vectors float64) Opinion {
	o := Opinion{Vectors: vectors}
	for i := range o.P {
		o.P[i] = 1 - random.Float64()
	}
	return o
}

// TestPoolRunLength: opinions on healthy windows make no more false alarms than asked for, whether they are independent or all the
// same.
func TestPoolRunLength(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const runLength, windows = 200, 100_000
	for name, opinions := range map[string]func() []Opinion{
		"one":         func() []Opinion { return []Opinion{uniform(random, 1)} },
		"independent": func() []Opinion { return []Opinion{uniform(random, 1), uniform(random, 5), uniform(random, 2)} },
		"the same": func() []Opinion {
			o := uniform(random, 3)
			return []Opinion{o, o, o}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pool
			alarms := 0
			for range windows {
				for _, w := range p.Add(opinions(), runLength) {
					if w.Alarm() {
						alarms++
						p = Pool{}
						break
					}
				}
			}
			assert.Less(t, float64(alarms), float64(windows)/runLength)
			assert.Positive(t, alarms)
		})
	}
}

// TestPoolFindsWhatOneSees: a change that shows to one monitor of four is found.
func TestPoolFindsWhatOneSees(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	var p Pool
	for range 20 {
		changed := uniform(random, 100)
		changed.P[0] = 1e-6
		w := p.Add([]Opinion{changed, uniform(random, 100), uniform(random, 100), uniform(random, 100)}, 1000)
		if w[0].Alarm() {
			assert.False(t, w[1].Alarm())
			return
		}
	}
	assert.Fail(t, "not found")
}

// TestPoolWithoutOpinions: windows on which nobody says anything change nothing.
func TestPoolWithoutOpinions(t *testing.T) {
	p := Pool{Evidence: [statistics][2]float64{{2, 2}}}
	w := p.Add(nil, 1000)
	assert.Equal(t, 1.0, w[0].P)
	assert.InDelta(t, 2/NewThreshold(1000, statistics).evidence, w[0].Evidence, 1e-12)
	assert.Equal(t, Pool{Evidence: [statistics][2]float64{{2, 2}}}, p)
}
