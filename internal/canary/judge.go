package canary

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Verdict is how a round was judged.
type Verdict struct {
	Verdict embedding.CanaryVerdict
	// Reasons are the names of the checks that speak for the verdict, the weightiest first. There are none for same and learning.
	Reasons []string
	// Checks holds what was measured, by name. All values are finite.
	Checks []embedding.CanaryCheck
	// Skipped are the names of what the budget left out, or the server refused.
	Skipped []string
	// CosineMin, CosineMedian and CosineMean are of the plain texts' vectors to the pinned ones; HasCosine is false where there are
	// none.
	CosineMin, CosineMedian, CosineMean float64
	HasCosine                           bool
	// Worst are the plain texts furthest from the pinned ones, up to five, the worst first.
	Worst []TextCosine
}

// TextCosine is a text and the cosine of its vector to the pinned one.
type TextCosine struct {
	ID     string
	Cosine float64
}

// Judge compares a measurement with pins. Without pins (nil) it finds only what is wrong whatever the model is, and else says
// learning. The worst that there is evidence for is the verdict: broken before unstable, and these before what may be a change of
// the model, because vectors of a server that is broken or unstable say nothing of its model.
func Judge(m *Measurement, pins *Pins) Verdict {
	j := &judge{m: m, pins: pins, values: make(map[string]float64)}
	j.judgeRepeats()
	j.judgeAnswers()
	j.judgeNorm()
	j.judgeTexts()
	j.judgeVariants()
	j.judgeLong()
	j.judgeInstruction()
	if pins != nil && m.Dimension == pins.Dimension {
		j.judgePinned()
		j.judgeFresh()
		j.judgeSearch()
	}
	return j.verdict()
}

// judge gathers evidence.
type judge struct {
	m      *Measurement
	pins   *Pins // nil while there are none
	values map[string]float64
	// Reasons for each verdict.
	broken, unstable, other []string
	// band is what the distances to the pinned vectors say, with the reasons.
	band        embedding.CanaryVerdict
	bandReasons []string
	result      Verdict
}

func (j *judge) verdict() Verdict {
	v := &j.result
	v.Verdict, v.Reasons = embedding.CanaryLearning, nil
	switch {
	case len(j.broken) > 0:
		v.Verdict, v.Reasons = embedding.CanaryBroken, j.broken
	case len(j.unstable) > 0:
		v.Verdict, v.Reasons = embedding.CanaryUnstable, j.unstable
	case len(j.other) > 0 || j.band == embedding.CanaryOtherModel:
		v.Verdict, v.Reasons = embedding.CanaryOtherModel, slices.Concat(j.bandReasons, j.other)
	case j.band != "":
		v.Verdict, v.Reasons = j.band, j.bandReasons
	}
	for name, value := range j.m.figures {
		j.values[name] = value
	}
	for name, value := range j.values {
		v.Checks = append(v.Checks, embedding.CanaryCheck{Name: name, Value: value})
	}
	slices.SortFunc(v.Checks, func(a, b embedding.CanaryCheck) int { return strings.Compare(a.Name, b.Name) })
	v.Skipped = slices.Clone(j.m.skipped)
	return *v
}

// judgeRepeats looks at vectors of the same text in one round.
func (j *judge) judgeRepeats() {
	for _, check := range []string{checkRepeat, checkAgain, checkAlone, checkEqual, checkFreshRepeat} {
		distances := j.m.distances[check]
		if len(distances) == 0 {
			continue
		}
		worst := slices.Max(distances)
		j.values[check] = 1 - worst
		if worst > j.repeatTolerance() {
			j.unstable = append(j.unstable, check)
		}
	}
}

func (j *judge) repeatTolerance() float64 {
	if j.pins == nil {
		return repeatTolerance
	}
	return min(max(minRepeatTolerance, 4*j.pins.RepeatSpread), maxRepeatTolerance)
}

// judgeAnswers looks for answers that can not be right whatever is in them.
func (j *judge) judgeAnswers() {
	counts := j.m.counts
	if j.pins != nil && j.m.Dimension > 0 && j.m.Dimension != j.pins.Dimension {
		counts = map[string]int{checkDimension: len(j.m.calls)}
		for name, n := range j.m.counts {
			counts[name] += n
		}
	}
	for _, check := range []string{checkNonFinite, checkZero, checkCount, checkDimension, checkMatryoshkaNo} {
		j.count(check, counts[check])
	}
	swapped := counts[checkOrder]
	if j.pins != nil && j.m.Dimension == j.pins.Dimension {
		for _, c := range j.m.calls {
			swapped += j.swapped(&c)
		}
	}
	j.count(checkOrder, swapped)
}

// count takes a number of things of which there must be none.
func (j *judge) count(check string, n int) {
	j.values[check] = float64(n)
	if n > 0 {
		j.broken = append(j.broken, check)
	}
}

// swapped counts the vectors of a call that are pinned for another of its texts.
func (j *judge) swapped(c *callPoints) int {
	right := make([]point, len(c.entries))
	for i, e := range c.entries {
		if t, ok := j.pins.text(&j.m.plan.entries[e]); ok {
			right[i] = t.point()
		}
	}
	return swapped(c.points, right)
}

func (j *judge) judgeNorm() {
	if j.m.Dimension == 0 {
		return
	}
	j.values[checkNorm] = finite(j.m.normError)
	if !j.m.plan.settings.Unnormalized && j.m.normError > normTolerance {
		j.broken = append(j.broken, checkNorm)
	}
}

// finite limits what lengths of any size make of a difference.
func finite(v float64) float64 { return min(v, math.MaxFloat32) }

// judgeTexts looks at how the vectors of different texts differ.
func (j *judge) judgeTexts() {
	m := j.m
	texts := m.compared()
	if len(texts) < 2 {
		return
	}
	identical := m.counts[checkIdentical]
	j.values[checkIdentical] = float64(identical)
	if float64(identical) > max(2, identicalShare*float64(len(texts))) || j.newlyIdentical() {
		j.broken = append(j.broken, checkIdentical)
	}
	if m.figures[checkDistance] < collapsedDistance {
		j.broken = append(j.broken, checkDistance)
	}
	if order, ok := m.figures[checkPairOrder]; ok && order < leastPairOrder && len(m.plan.pairs) >= leastQueries {
		j.broken = append(j.broken, checkPairOrder)
	}
	var fresh []float64
	for _, d := range m.fresh {
		if !math.IsNaN(d) {
			fresh = append(fresh, d)
		}
	}
	if len(fresh) > 0 {
		j.values[checkFresh] = 1 - median(fresh)
		if largest(fresh) <= identicalDistance {
			j.broken = append(j.broken, checkFresh)
		}
	}
}

// newlyIdentical is whether two texts have the same vector whose pinned vectors are different ones.
func (j *judge) newlyIdentical() bool {
	return j.pins != nil && slices.ContainsFunc(j.m.identical, func(pair [2]int) bool {
		a, okA := j.pins.text(&j.m.plan.entries[pair[0]])
		b, okB := j.pins.text(&j.m.plan.entries[pair[1]])
		return okA && okB && distance(a.point(), b.point()) > sameDistance
	})
}

// judgeVariants compares encodings and dimensions. That they differ says nothing of them where it does not each time, or all calls
// differ.
func (j *judge) judgeVariants() {
	for _, check := range []string{checkEncoding, checkMatryoshka} {
		worst, always, found := 0.0, 0.0, false
		for v, distances := range j.m.variants {
			if v.check == check {
				worst, always, found = max(worst, slices.Max(distances)), max(always, slices.Min(distances)), true
			}
		}
		if !found {
			continue
		}
		j.values[check] = 1 - worst
		switch tolerance := j.repeatTolerance(); {
		case always > tolerance && len(j.unstable) == 0:
			j.broken = append(j.broken, check)
		case worst > tolerance:
			j.unstable = append(j.unstable, check)
		}
	}
	if j.m.hasMatryoshka {
		j.values[checkMatryoshkaLen] = finite(j.m.matryoshkaNorm)
		if !j.m.plan.settings.Unnormalized && j.m.matryoshkaNorm > normTolerance {
			j.broken = append(j.broken, checkMatryoshkaLen)
		}
	}
}

// judgeInstruction looks at whether queries with and without the instruction differ.
func (j *judge) judgeInstruction() {
	if len(j.m.instruction) == 0 {
		return
	}
	effect := median(j.m.instruction)
	j.values[checkInstruction] = 1 - effect
	least := max(identicalDistance, 2*j.m.noise())
	if j.pins != nil && j.pins.Instruction > 0 {
		least = sameFraction * j.pins.Instruction
	}
	if effect <= least {
		j.other = append(j.other, checkInstruction)
	}
}

// judgePinned compares all vectors with the pinned ones.
func (j *judge) judgePinned() {
	var distances, ratios, odd, long []float64
	outliers, far := 0, 0
	var worst []TextCosine
	noise := 0.0
	for _, check := range []string{checkRepeat, checkAgain, checkAlone} {
		noise = max(noise, largest(j.m.distances[check]))
	}
	for e := range j.m.plan.entries {
		found := &j.m.plan.entries[e]
		t, ok := j.pins.text(found)
		if !ok || !j.m.points[e].known() {
			continue
		}
		d := distance(j.m.points[e], t.point())
		switch found.class {
		case classOdd, classBlank:
			odd = append(odd, d)
		case classLong:
			long = append(long, d)
		case classPlain:
			distances = append(distances, d)
			ratios = append(ratios, j.m.points[e].norm/t.Norm)
			worst = append(worst, TextCosine{found.id, 1 - d})
			if d > max(outlierDistance, 5*t.Spread, 5*j.pins.MaxSpread, 4*min(noise, repeatTolerance)) {
				outliers++
				if d > quantisationDistance {
					far++
				}
			}
		}
	}
	for check, ds := range map[string][]float64{checkOddMin: odd, checkLongMin: long} {
		if len(ds) > 0 {
			j.values[check] = 1 - slices.Max(ds)
		}
	}
	if len(distances) == 0 {
		return
	}
	slices.SortStableFunc(worst, func(a, b TextCosine) int { return cmp.Compare(a.Cosine, b.Cosine) })
	v := &j.result
	v.Worst, v.HasCosine = worst[:min(len(worst), 5)], true
	middle := median(distances)
	v.CosineMin, v.CosineMedian, v.CosineMean = 1-slices.Max(distances), 1-middle, 1-stat.Mean(distances, nil)
	j.values[checkPinnedMin], j.values[checkPinnedMedian], j.values[checkPinnedMean] = v.CosineMin, v.CosineMedian, v.CosineMean
	j.values[checkPinnedTexts], j.values[checkOutliers] = float64(len(distances)), float64(outliers)

	j.band = band(middle, min(max(sameDistance, 3*j.pins.MedianSpread, 2*j.m.noise()), maxSameDistance))
	if j.band != embedding.CanarySame {
		j.bandReasons = append(j.bandReasons, checkPinnedMedian)
	}
	if far > 0 {
		j.bandReasons = append(j.bandReasons, checkOutliers)
		switch {
		case float64(far) >= farShare*float64(len(distances)):
			j.band = embedding.CanaryOtherModel
		case j.band == embedding.CanarySame:
			j.band = embedding.CanaryNumericChange
		}
	}
	ratio := median(ratios)
	j.values[checkNormRatio] = finite(ratio)
	if middle <= quantisationDistance && (ratio > normRatio || ratio < 1/normRatio) {
		j.broken = append(j.broken, checkNormRatio)
	}
	j.judgeCalls()
	if tau, ok := j.kendall(); ok {
		j.values[checkKendall] = tau
	}
	if model := j.m.Model; model != "" && j.pins.ResponseModel != "" && model != j.pins.ResponseModel && len(j.bandReasons) > 0 {
		j.bandReasons = append(j.bandReasons, reasonModel)
	}
}

// judgeCalls looks for calls that are far from the pinned vectors while others are near: they come from different models.
func (j *judge) judgeCalls() {
	near, far := 0, 0
	for _, c := range j.m.calls {
		var distances []float64
		for i, e := range c.entries {
			if t, ok := j.pins.text(&j.m.plan.entries[e]); ok && c.points[i].known() {
				distances = append(distances, distance(c.points[i], t.point()))
			}
		}
		if len(distances) < 3 {
			continue
		}
		switch d := median(distances); {
		case d <= maxSameDistance:
			near++
		case d > quantisationDistance:
			far++
		}
	}
	if near > 0 {
		j.values[checkCalls] = float64(far)
		if far > 0 {
			j.unstable = append(j.unstable, checkCalls)
		}
	}
}

// kendall compares the order of all similarities with the pinned one.
func (j *judge) kendall() (float64, bool) {
	var found, pinned []point
	for _, e := range j.m.compared() {
		if t, ok := j.pins.text(&j.m.plan.entries[e]); ok {
			found, pinned = append(found, j.m.points[e]), append(pinned, t.point())
		}
	}
	if len(found) < 3 {
		return 0, false
	}
	var x, y []float64
	for a := range found {
		for b := range a {
			x, y = append(x, distance(found[a], found[b])), append(y, distance(pinned[a], pinned[b]))
		}
	}
	return kendall(x, y), true
}

// judgeFresh looks at whether texts that are new to the server are as near to those that they vary as they were. Pinned texts may come
// out of a store of an earlier model; these can not.
func (j *judge) judgeFresh() {
	var shifts []float64
	spread := 0.0
	for i, b := range j.m.plan.bases {
		at := slices.IndexFunc(j.pins.Fresh, func(f PinnedFresh) bool { return f.Key == j.m.plan.entries[b].key })
		if at < 0 || math.IsNaN(j.m.fresh[i]) {
			continue
		}
		f := j.pins.Fresh[at]
		shifts = append(shifts, j.m.fresh[i]-f.Mean)
		spread = max(spread, f.Max-f.Min)
	}
	if len(shifts) == 0 || !j.result.HasCosine {
		return
	}
	shift := median(shifts)
	j.values[checkFreshShift] = shift
	// A change that moves each vector by itself moves two of them away from each other by twice as much.
	if shift > max(freshShift, 3*spread)+3*(1-j.result.CosineMedian) {
		j.other = append(j.other, checkFreshShift)
	}
}

// judgeSearch looks at whether documents are found as they were. Their vectors are not pinned.
func (j *judge) judgeSearch() {
	found, ok := j.m.figures[checkMRR]
	pinned, known := j.pins.Figures[checkMRR]
	if ok && known && len(j.m.plan.queries) >= leastQueries && found < pinned-searchDrop {
		j.other = append(j.other, checkMRR)
	}
}
