package nvmlreceiver

import "time"

// tier is how often a question is asked. Calls into the driver serialize on its locks and cost from less than a
// microsecond to some milliseconds, so what is dear or hardly changes is asked less often.
type tier int

const (
	// everyScrape is for calls of microseconds.
	everyScrape tier = iota
	// moderate is for calls of about 0.1 to 1 ms.
	moderate
	// costly is for calls of more than 1 ms.
	costly
	// rare is for what hardly ever changes.
	rare
	tiers
)

// schedule remembers when each tier was last read.
type schedule struct {
	intervals [tiers]time.Duration
	// tolerance lets a scrape that comes a little early count as being in time.
	tolerance time.Duration
	last      [tiers]time.Time
}

func newSchedule(cfg *Config) schedule {
	return schedule{
		intervals: [tiers]time.Duration{moderate: cfg.Intervals.Moderate, costly: cfg.Intervals.Costly, rare: cfg.Intervals.Rare},
		tolerance: cfg.CollectionInterval / 2,
	}
}

// due returns which tiers are to be read now, and remembers that they were.
func (s *schedule) due(now time.Time) (due [tiers]bool) {
	for t := range tiers {
		if s.last[t].IsZero() || now.Sub(s.last[t])+s.tolerance >= s.intervals[t] {
			due[t] = true
			s.last[t] = now
		}
	}
	return due
}
