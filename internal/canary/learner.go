package canary

import (
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Learner makes Pins of the measurements of several rounds in a row.
type Learner struct {
	plan   *Plan
	rounds int
	taken  []*Measurement
}

// leastRounds is how many vectors of a text show how much they differ.
const leastRounds = 2

// NewLearner returns a Learner that pins what rounds in a row without a fault agree on, at least 2. It takes more of them where the
// budget makes texts take turns.
func NewLearner(plan *Plan, rounds int) *Learner {
	return &Learner{plan: plan, rounds: max(rounds, leastRounds)}
}

// Rounds returns how many rounds there were since learning started last.
func (l *Learner) Rounds() int { return len(l.taken) }

// Add takes the measurement of the next round. The verdict is learning, or what is wrong: what is broken or unstable, ignores the
// instruction, or changes from one round to the next, is not pinned, and learning starts over. Pins are nil until they are learned;
// Origin is left to the caller.
func (l *Learner) Add(m *Measurement) (Verdict, *Pins) {
	v := Judge(m, nil)
	if v.Verdict != embedding.CanaryLearning {
		l.taken = nil
		return v, nil
	}
	if d, ok := l.change(m); ok {
		v.Checks = append(v.Checks, embedding.CanaryCheck{Name: checkRounds, Value: d})
		slices.SortFunc(v.Checks, func(a, b embedding.CanaryCheck) int { return strings.Compare(a.Name, b.Name) })
		if d > repeatTolerance {
			v.Verdict, v.Reasons = embedding.CanaryUnstable, []string{checkRounds}
			l.taken = nil
		}
	}
	l.taken = append(l.taken, m)
	if len(l.taken) < l.rounds || !l.complete() {
		return v, nil
	}
	pins := l.pin()
	l.taken = nil
	return v, pins
}

// change returns the largest median distance of the texts in m to those of an earlier round.
func (l *Learner) change(m *Measurement) (float64, bool) {
	change, ok := 0.0, false
	for _, earlier := range l.taken {
		if earlier.Dimension != m.Dimension {
			return 2, true
		}
		if d := commonDistances(earlier, m); len(d) > 0 {
			change, ok = max(change, median(d)), true
		}
	}
	return change, ok
}

// commonDistances returns 1 − cosine of the plain texts that two measurements of one plan and dimension have.
func commonDistances(a, b *Measurement) []float64 {
	var distances []float64
	for e := range a.plan.entries {
		if a.plan.entries[e].class == classPlain && a.points[e].known() && b.points[e].known() {
			distances = append(distances, distance(a.points[e], b.points[e]))
		}
	}
	return distances
}

// complete is whether every block of calls was there as often as it takes.
func (l *Learner) complete() bool {
	sent := make([]int, len(l.plan.blocks))
	for _, m := range l.taken {
		for _, b := range m.chosen {
			sent[b]++
		}
	}
	return !slices.ContainsFunc(sent, func(n int) bool { return n < leastRounds })
}

// pin makes pins of the rounds.
func (l *Learner) pin() *Pins {
	first := l.taken[0]
	p := &Pins{
		Dimension: first.Dimension, Rounds: len(l.taken), Suite: l.plan.suite, ResponseModel: first.Model,
		QueryInstruction: l.plan.settings.QueryInstruction, DocumentInstruction: l.plan.settings.DocumentInstruction,
	}
	for e := range l.plan.entries {
		if l.plan.entries[e].class.pinned() {
			l.pinText(p, e)
		}
	}
	p.index()
	figures := make(map[string][]float64)
	var instruction []float64
	for _, m := range l.taken {
		var distances []float64
		for e := range l.plan.entries {
			if t, ok := p.text(&l.plan.entries[e]); ok && l.plan.entries[e].class == classPlain && m.points[e].known() {
				distances = append(distances, distance(m.points[e], t.point()))
			}
		}
		p.MedianSpread = max(p.MedianSpread, ofNewRound(median(distances), len(l.taken)))
		for _, check := range []string{checkRepeat, checkAgain, checkAlone, checkEqual, checkFreshRepeat} {
			p.RepeatSpread = max(p.RepeatSpread, largest(m.distances[check]))
		}
		if len(m.instruction) > 0 {
			instruction = append(instruction, median(m.instruction))
		}
		for name, value := range m.figures {
			figures[name] = append(figures[name], value)
		}
	}
	if len(instruction) > 0 {
		p.Instruction = stat.Mean(instruction, nil)
	}
	p.Figures = make(map[string]float64, len(figures))
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		p.Figures[name] = stat.Mean(figures[name], nil)
	}
	l.pinFresh(p)
	l.pinLong(p)
	return p
}

// ofNewRound returns how far from the mean of n rounds another one is to be expected, if one of them was so far: all of them pulled the
// mean towards themselves. For independent noise of variance σ², the one is σ²(1+1/n), the other σ²(1−1/n).
func ofNewRound(distance float64, n int) float64 {
	return distance * float64(n+1) / float64(n-1)
}

// pinText pins the mean direction of a text's vectors.
func (l *Learner) pinText(p *Pins, e int) {
	sum := make([]float64, p.Dimension)
	var vectors []point
	norm := 0.0
	for _, m := range l.taken {
		v := m.points[e]
		if !v.known() {
			continue
		}
		vectors = append(vectors, v)
		norm += v.norm
		for i, x := range v.x {
			sum[i] += float64(x) / v.norm
		}
	}
	if len(vectors) < leastRounds {
		return // the server refused it
	}
	mean := make([]float32, len(sum))
	for i, x := range sum {
		mean[i] = float32(x / float64(len(vectors)))
	}
	pinned, ok := newPoint(mean)
	if !ok {
		return
	}
	entry := &l.plan.entries[e]
	t := PinnedText{ID: entry.id, Key: entry.key, Norm: norm / float64(len(vectors)), Vector: mean}
	for _, v := range vectors {
		t.Spread = max(t.Spread, ofNewRound(distance(v, pinned), len(vectors)))
	}
	for i := range mean {
		mean[i] = float32(float64(mean[i]) / pinned.norm)
	}
	if entry.class == classPlain {
		p.MaxSpread = max(p.MaxSpread, t.Spread)
	}
	p.Texts = append(p.Texts, t)
}

func (l *Learner) pinFresh(p *Pins) {
	for i, b := range l.plan.bases {
		var distances []float64
		for _, m := range l.taken {
			if d := m.fresh[i]; !math.IsNaN(d) {
				distances = append(distances, d)
			}
		}
		if len(distances) > 0 {
			p.Fresh = append(p.Fresh, PinnedFresh{
				l.plan.entries[b].key, stat.Mean(distances, nil), slices.Min(distances), slices.Max(distances),
			})
		}
	}
}

// pinLong pins what is the least that any of the rounds says of long texts.
func (l *Learner) pinLong(p *Pins) {
	first := true
	for _, m := range l.taken {
		if slices.Contains(m.skipped, callLong) || len(l.plan.rungs) == 0 {
			continue
		}
		j := &judge{m: m, values: make(map[string]float64)}
		j.judgeLong()
		var rungs []PinnedRung
		for i := range m.rungs {
			r := &m.rungs[i]
			rungs = append(rungs, PinnedRung{l.plan.entries[r.entry].key, r.tokens, r.distance, j.distinct(r, i+1 == len(m.rungs))})
		}
		if first {
			p.Rungs, p.EffectiveTokens, first = rungs, j.values[checkEffective], false
			continue
		}
		p.EffectiveTokens = min(p.EffectiveTokens, j.values[checkEffective])
		p.Rungs = p.Rungs[:min(len(p.Rungs), len(rungs))]
		for i := range p.Rungs {
			p.Rungs[i].Distance = min(p.Rungs[i].Distance, rungs[i].Distance)
			p.Rungs[i].Distinct = p.Rungs[i].Distinct && rungs[i].Distinct
		}
	}
}
