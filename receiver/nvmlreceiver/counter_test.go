package nvmlreceiver

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a counter of the driver does, what is emitted is its first reading and every event since.
func TestCounterCountsEveryEvent(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		bits := 32 << (seed % 2)
		raw := random.Uint64() >> (64 - bits) >> (seed % 3)
		var c counter
		want := raw
		require.Equal(t, want, c.add(raw, bits))
		for range 300 {
			switch random.IntN(20) {
			case 0:
				// The driver starts anew and has counted a little since.
				since := random.Uint64N(min(raw, 1000) + 1)
				if bits == 32 && raw >= 1<<31 {
					// So near to the end of its range a restart looks like a wrap; nobody can tell them apart.
					continue
				}
				if since == raw {
					continue
				}
				raw = since
				want += since
			default:
				step := random.Uint64N(1 << 31)
				want += step
				raw += step
				if bits == 32 {
					raw &= 1<<32 - 1
				}
			}
			require.Equal(t, want, c.add(raw, bits), "seed %d", seed)
		}
	}
}

func TestCounterNeverFalls(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2))
		var c counter
		var last uint64
		for range 300 {
			value := c.add(random.Uint64()>>(40+seed%20), 64)
			require.GreaterOrEqual(t, value, last)
			last = value
		}
	}
}

func TestCounterWrapAndRestart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		bits     int
		readings []uint64
		want     uint64
	}{
		{"first reading counts", 64, []uint64{5000}, 5000},
		{"grows", 64, []uint64{5000, 5000, 5600}, 5600},
		{"64 bits restart", 64, []uint64{5000, 300}, 5300},
		{"32 bits wrap", 32, []uint64{1<<32 - 10, 90}, 1<<32 + 90},
		{"32 bits restart", 32, []uint64{1_000_000, 90}, 1_000_090},
		{"32 bits wrap twice", 32, []uint64{1<<32 - 1, 1, 1 << 31, 1<<32 - 1, 0}, 2 << 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c counter
			var got uint64
			for _, reading := range tt.readings {
				got = c.add(reading, tt.bits)
			}
			require.Equal(t, tt.want, got)
		})
	}
}
