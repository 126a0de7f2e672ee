package nvmlreceiver

import "github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"

// average is the time-weighted mean of the driver's samples from one call to the next. Every moment between the first
// and the last sample that the driver still had enters exactly one mean.
type average struct {
	// until is the time of the last sample that was used, in microseconds since 1970; 0 before the first.
	until uint64
}

// add takes the samples that came since the last call, oldest first, and returns their mean and the time that it
// covers, in microseconds. The time is 0 and there is no mean where there are no new samples.
//
// A sample holds from the sample before it to its own time. Of the first sample that is known only where it follows
// on the last call; in the very first call, and when the driver has dropped samples since the last one, it is taken to
// hold as long as the next one, so that a gap does not enlarge its weight.
func (a *average) add(samples []nvml.Sample) (mean float64, covered uint64) {
	var sum float64
	previous := a.until
	for i, sample := range samples {
		if sample.Timestamp <= previous {
			// Seen before, or out of order.
			continue
		}
		span := sample.Timestamp - previous
		if covered == 0 {
			if period := periodAfter(samples, i); period > 0 && (previous == 0 || span > 2*period) {
				span = period
			} else if previous == 0 {
				// A single sample: its span does not matter for the mean.
				span = 1
			}
		}
		sum += sample.Value * float64(span)
		covered += span
		previous = sample.Timestamp
	}
	if covered == 0 {
		return 0, 0
	}
	a.until = previous
	return sum / float64(covered), covered
}

// periodAfter returns the time from sample i to the next, 0 where there is none.
func periodAfter(samples []nvml.Sample, i int) uint64 {
	if i+1 >= len(samples) || samples[i+1].Timestamp <= samples[i].Timestamp {
		return 0
	}
	return samples[i+1].Timestamp - samples[i].Timestamp
}
