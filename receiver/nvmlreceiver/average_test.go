package nvmlreceiver

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// However a history is cut into scrapes, the means and their times add up to the mean of the whole: no moment is
// missed and none counts twice. The driver hands out samples again that it has handed out before, which is tried too.
func TestAverageAddsUp(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 3))
		history := make([]nvml.Sample, 2+random.IntN(300))
		at := uint64(1_700_000_000_000_000)
		for i := range history {
			at += 100_000 + random.Uint64N(100_000)
			history[i] = nvml.Sample{Timestamp: at, Value: float64(random.IntN(101))}
		}
		var whole average
		want, wantCovered := whole.add(history)

		var parts average
		var sum float64
		var covered uint64
		// The first scrape has two samples at least, so that the length of the first is known as in the whole.
		for from, to := 0, 2+random.IntN(len(history)-1); ; to = min(to+random.IntN(20), len(history)) {
			again := random.IntN(from + 1)
			mean, time := parts.add(history[again:to])
			sum += mean * float64(time)
			covered += time
			if from = to; to == len(history) {
				break
			}
		}
		require.Equal(t, wantCovered, covered, "seed %d", seed)
		require.InDelta(t, want, sum/float64(covered), 1e-9, "seed %d", seed)
	}
}

func TestAverageWeighsByTime(t *testing.T) {
	var a average
	mean, covered := a.add([]nvml.Sample{{Timestamp: 1000, Value: 0}, {Timestamp: 1100, Value: 100}, {Timestamp: 1400, Value: 0}})
	// 100 at the length of the next, 100, 300.
	require.EqualValues(t, 500, covered)
	require.InDelta(t, 20, mean, 1e-9)

	mean, covered = a.add([]nvml.Sample{{Timestamp: 1500, Value: 50}})
	require.EqualValues(t, 100, covered, "from the last sample of before")
	require.InDelta(t, 50, mean, 1e-9)
}

func TestAverageWithoutNewSamples(t *testing.T) {
	var a average
	_, covered := a.add(nil)
	require.Zero(t, covered)
	_, covered = a.add([]nvml.Sample{{Timestamp: 1000, Value: 10}})
	require.NotZero(t, covered)
	_, covered = a.add([]nvml.Sample{{Timestamp: 1000, Value: 10}})
	require.Zero(t, covered, "seen before")
}

// A scrape that comes too late for the history of the driver must not take the oldest sample for the lost time.
func TestAverageAfterGap(t *testing.T) {
	var a average
	a.add([]nvml.Sample{{Timestamp: 1000, Value: 10}, {Timestamp: 1100, Value: 10}})
	mean, covered := a.add([]nvml.Sample{{Timestamp: 9000, Value: 100}, {Timestamp: 9100, Value: 0}})
	require.EqualValues(t, 200, covered)
	require.InDelta(t, 50, mean, 1e-9)
}
