package nvmlreceiver

// counter makes one counter that never falls out of a counter of the driver, which falls when it wraps and when the
// driver or the GPU is restarted. Its value is what the driver counted at first, plus all that was added since.
//
// So one start time, that of the first reading, holds for as long as the collector runs.
type counter struct {
	last, total uint64
	started     bool
}

// add takes a reading of the driver's counter, which is bits wide (32 or 64), and returns the value.
//
// A reading below the last one is a wrap where that takes less than half the range, since the counter is read
// much more often than it wraps. Otherwise the counter was restarted, and what it shows came after the restart.
func (c *counter) add(reading uint64, bits int) uint64 {
	switch {
	case !c.started:
		c.started = true
		c.total = reading
	case reading >= c.last:
		c.total += reading - c.last
	case bits == 32 && reading+1<<32-c.last < 1<<31:
		c.total += reading + 1<<32 - c.last
	default:
		c.total += reading
	}
	c.last = reading
	return c.total
}
