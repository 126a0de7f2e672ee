package drift

import (
	"math"
	"slices"
)

const (
	// MinNull is the number of windows from which a Null tells how unusual another is.
	MinNull = 200
	// maxNull is the number of windows after which a Null takes no more: four hours of those of ten seconds.
	maxNull = 1440
	// minLevel stands for the level of windows that were all exactly like their reference.
	minLevel = 1e-9
	// minP is the smallest p-value. Further out it would be the model that speaks, and not the data.
	minP = 1e-30
)

// Sample is the value of a statistic in one window.
type Sample struct {
	// Value is positive: a squared distance, or what behaves like one.
	Value float64
	// Sampling is what independent vectors without a fault would make of it on average. It depends on the number of vectors.
	Sampling float64
}

// Null is the distribution of a statistic over windows without a fault, learned from such windows. No formula knows it:
// topics come and go and neighbours in a stream resemble each other, so that the mean of a window is many times as far from
// its reference as independent vectors would leave it, and stays there for windows in a row.
//
// The mean of Value is modelled as Sampling plus a constant, the part that more vectors do not average out, so that windows of
// different size compare. What could be foreseen from the windows before is taken out: a topic that stays for twenty windows is
// one surprise, and not twenty.
type Null struct {
	// Independent is set where windows have nothing to do with the ones before, so that there is nothing to forecast from.
	Independent bool

	n       int
	samples [][2]float32 // value and sampling of each, in the order of time; nil when no more are learned
	fit     nullFit
}

// nullFit is what follows from the samples.
type nullFit struct {
	n      int     // how many samples it is of
	excess float64 // of the mean of Value over that of Sampling
	mean   float64 // of the levels
	levels tail    // of the levels
	forecast
	surprises []float32 // in ascending order
	tail      tail      // of the surprises
}

// N returns the number of windows learned from.
func (n *Null) N() int { return n.n }

// Ready is whether there are enough of them.
func (n *Null) Ready() bool { return n.n >= MinNull }

// Add learns from a window. Beyond maxNull it has no effect: a null that went on learning would take a slow drift for what is
// usual.
func (n *Null) Add(s Sample) {
	if n.n == maxNull {
		return
	}
	n.n++
	if len(n.samples) == cap(n.samples) {
		n.samples = append(make([][2]float32, 0, len(n.samples)+MinNull), n.samples...) // doubled, it would be most of what is kept
	}
	n.samples = append(n.samples, [2]float32{float32(s.Value), float32(s.Sampling)})
	if n.Ready() && (n.fit.n == 0 || n.n == maxNull || n.n >= n.fit.n+n.fit.n/10) {
		n.refit()
	}
	if n.n == maxNull {
		n.samples = nil
	}
}

func (f *nullFit) level(s Sample) float64 {
	if mean := s.Sampling + f.excess; mean > 0 {
		return s.Value / mean
	}
	return 0
}

// A forecast predicts the level of a window from those before it, as a Kalman filter in its steady state does for what changes
// slowly and is seen with noise.
type forecast struct {
	persistence float64 // how much of a deviation from the mean lasts to the next window
	gain        float64 // how much of a surprise is taken for such a deviation, where the mean is expected
}

// surprise returns level over what was expected of it, and the deviation that is expected of the next. What is above most does not
// follow from itself: a fault that stays would explain itself away.
//
// The gain rises with what is expected. Noise of a squared distance grows with the distance, and what swings with its square, so that
// the higher the level the more of a surprise is there to stay. With one gain for all levels, a forecast would stay behind each time
// that a topic takes over, for windows in a row, and evidence would pile up.
func (f *nullFit) surprise(level, deviation, most float64) (surprise, next float64) {
	mean := max(f.mean, minLevel)
	expected := max(mean+deviation, minLevel)
	gain := f.gain * expected / (f.gain*expected + (1-f.gain)*mean)
	return level / expected, f.persistence * (deviation + gain*(min(level, most)-mean-deviation))
}

// p returns the probability of a surprise at least as large: by rank among those of the null, and beyond, by their tail.
func (n *Null) p(surprise float64) float64 {
	f := &n.fit
	size := len(f.surprises)
	at, _ := slices.BinarySearch(f.surprises, float32(surprise))
	if above := size - at; above >= tailSize(size) {
		return float64(1+above) / float64(1+size)
	}
	return max(minP, f.tail.p(surprise))
}

// refit estimates the model from all samples.
func (n *Null) refit() {
	size := n.n
	f := nullFit{n: size, surprises: make([]float32, 0, size)}
	for _, s := range n.samples {
		f.excess += (float64(s[0]) - float64(s[1])) / float64(size)
	}
	f.excess = max(0, f.excess)
	levels := make([]float64, size)
	for i, s := range n.samples {
		levels[i] = f.level(Sample{float64(s[0]), float64(s[1])})
		f.mean += levels[i] / float64(size)
	}
	f.levels = newTail(levels)
	if !n.Independent {
		f.forecast = f.bestForecast(levels)
	}
	deviation, surprise := 0.0, 0.0
	for _, level := range levels {
		surprise, deviation = f.surprise(level, deviation, math.Inf(1))
		f.surprises = append(f.surprises, float32(surprise))
	}
	f.tail = newTail(f.surprises)
	slices.Sort(f.surprises)
	n.fit = f
}

// bestForecast returns the forecast with the least deviance, of a gamma distribution as sums of squares have, over levels.
func (f *nullFit) bestForecast(levels []float64) forecast {
	best, least := forecast{}, math.Inf(1)
	for _, persistence := range [...]float64{0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995} {
		for _, gain := range [...]float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1} {
			f.forecast = forecast{persistence, gain}
			deviation, deviance := 0.0, 0.0
			for _, level := range levels {
				expected := max(f.mean+deviation, minLevel)
				var surprise float64
				surprise, deviation = f.surprise(level, deviation, math.Inf(1))
				deviance += math.Log(expected) + surprise
			}
			if deviance < least {
				best, least = f.forecast, deviance
			}
		}
	}
	return best
}
