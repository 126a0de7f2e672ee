package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
)

// labels is about how many ticks an axis has at most.
const labels = 8

// apply sets range, scale and ticks of an axis that is to show the values.
func (a Axis) apply(axis *plot.Axis, values []float64, margin float64) {
	axis.Min, axis.Max = a.extent(values, margin)
	switch a.Scale {
	case Log:
		axis.Scale = plot.LogScale{}
		axis.Tick.Marker = plot.TickerFunc(logTicks)
	case Time:
		axis.Tick.Marker = plot.TickerFunc(timeTicks)
	default:
		axis.Tick.Marker = plot.TickerFunc(linearTicks)
	}
}

func (a Axis) title() string {
	if a.Unit == "" {
		return a.Label
	}
	return a.Label + " [" + a.Unit + "]"
}

// extent is the range of the axis: that of the values, with a margin on both sides as a share of it.
func (a Axis) extent(values []float64, margin float64) (low, high float64) {
	if a.From < a.To {
		return a.From, a.To
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if a.shows(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	switch {
	case low > high && a.Scale == Log:
		return 1, 10
	case low > high:
		return 0, 1
	case a.Scale == Log && low == high:
		return max(low/2, math.SmallestNonzeroFloat64), min(high*2, math.MaxFloat64)
	case a.Scale == Log:
		l, h := math.Log10(low), math.Log10(high)
		around := (h - l) * margin
		return max(math.Pow(10, l-around), math.SmallestNonzeroFloat64), min(math.Pow(10, h+around), math.MaxFloat64)
	case low == high:
		around := max(math.Abs(low)/2, 0.5)
		return low - around, high + around
	}
	around := (high - low) * margin
	// The margin does not take an axis of positive numbers below zero, where it would have nothing to show.
	if low >= 0 && low-around < 0 {
		return 0, high + around
	}
	return low - around, high + around
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten.
func linearTicks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Ceil(math.Log10((high-low)/labels)))
	for _, divisor := range []float64{5, 2} {
		if (high-low)/(step/divisor) <= labels {
			step /= divisor
			break
		}
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var ticks []plot.Tick
	largest := max(math.Abs(low), math.Abs(high))
	first := math.Ceil(low/step - 1e-9)
	// The number of rounds is bounded, because where a range is narrow and far from 0, adding a step changes nothing.
	for i := range labels + 1 {
		v := (first+float64(i))*step + 0 // turns −0 into 0
		if v > high+step*1e-9 {
			break
		}
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if largest >= 1e6 && step >= 1e5 || largest < 1e-4 {
			label = strconv.FormatFloat(v, 'g', int(math.Log10(largest/step))+2, 64)
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: tidy(label)})
	}
	return ticks
}

// logTicks are powers of ten, or also 2 and 5 times these where there are few of them.
func logTicks(low, high float64) []plot.Tick {
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	stride := max(1, math.Ceil((last-first)/labels))
	plain := first >= -3 && last <= 6
	factors := []float64{1}
	if math.Log10(high/low) <= 2 {
		factors = []float64{1, 2, 5}
	}
	var ticks []plot.Tick
	for e := math.Ceil(first/stride) * stride; e <= last; e += stride {
		for _, factor := range factors {
			v := factor * math.Pow(10, e)
			if v >= low*(1-1e-9) && v <= high*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: v, Label: logLabel(factor, int(e), plain)})
			}
		}
	}
	return ticks
}

// logLabel is short: the fonts lack some of the superscripts that 10ⁿ would need.
func logLabel(factor float64, exponent int, plain bool) string {
	if plain || exponent == 0 {
		return strconv.FormatFloat(factor*math.Pow(10, float64(exponent)), 'f', max(0, -exponent), 64)
	}
	return tidy(fmt.Sprintf("%ge%d", factor, exponent))
}

// tidy shortens exponents and sets minus signs.
func tidy(number string) string {
	return strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e−", "-", "−").Replace(number)
}

// timeTicks are at full seconds, minutes, hours or days.
func timeTicks(low, high float64) []plot.Tick {
	const minute, hour, day = 60, 3600, 86400
	steps := []float64{
		1, 2, 5, 10, 20, 30, minute, 2 * minute, 5 * minute, 10 * minute, 20 * minute, 30 * minute,
		hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 5 * day, 10 * day, 30 * day, 90 * day,
	}
	step, format := 365.0*day, "2006-01-02"
	for _, s := range steps {
		if (high-low)/s <= labels {
			step = s
			break
		}
	}
	switch {
	case step < minute:
		format = "15:04:05"
	case step < day:
		format = "15:04"
	}
	var ticks []plot.Tick
	for v := math.Ceil(low/step) * step; v <= high; v += step {
		label := time.Unix(int64(v), 0).UTC().Format(format)
		if step < day && math.Mod(v, day) == 0 {
			label = time.Unix(int64(v), 0).UTC().Format("Jan 2") // instead of midnight
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label})
	}
	return ticks
}
