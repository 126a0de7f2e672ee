package nvmlreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSchedule(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	s := newSchedule(cfg)
	begin := time.Unix(1_700_000_000, 0)
	counts := [tiers]int{}
	for i := range 60 {
		// A scrape may come a little early or late.
		jitter := time.Duration(i%3-1) * 20 * time.Millisecond
		for tier, due := range s.due(begin.Add(time.Duration(i)*cfg.CollectionInterval + jitter)) {
			if due {
				counts[tier]++
			}
		}
	}
	require.Equal(t, [tiers]int{everyScrape: 60, moderate: 60, costly: 20, rare: 10}, counts)
}
