package canary

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// Measurement is what the answers of a round say by themselves. It is never written to.
type Measurement struct {
	// Dimension is the length of the vectors, 0 where there were none.
	Dimension int
	// Model is the name that the answers give, if any.
	Model string
	// Tokens is what the server counted.
	Tokens int64

	plan    *Plan
	chosen  []int // indices of the plan's blocks
	skipped []string
	// points are the vectors of entries of full length: the first of each.
	points []point
	// calls are those of plain texts, with all their vectors.
	calls []callPoints
	// distances are between two vectors of the same text, by check, and variants between its vector and one in another form.
	distances map[string][]float64
	variants  map[variant][]float64
	// counts are numbers of what can not be right, by check.
	counts map[string]int
	// normError is the largest difference of a length from 1, over full vectors, and matryoshkaNorm over the others.
	normError, matryoshkaNorm float64
	hasMatryoshka             bool
	// rungs are the long texts that were answered, from the shortest.
	rungs []measuredRung
	// identical are pairs of plain texts that have the same vector.
	identical [][2]int
	// fresh is 1 − cosine of each base and its fresh text; NaN where one of the two is missing.
	fresh []float64
	// instruction is 1 − cosine of queries with and without the instruction.
	instruction []float64
	// figures are values that are only looked at beside pinned ones.
	figures map[string]float64
}

// variant is a text in another encoding or a smaller dimension.
type variant struct {
	check, encoding   string
	dimensions, entry int
}

// callPoints is the vectors of a call; those that can not be used are not known.
type callPoints struct {
	check   string
	entries []int
	points  []point
}

// measuredRung is a long text with the 1 − cosine to the next longer one that was answered.
type measuredRung struct {
	entry  int
	tokens float64 // as the server counted, else as estimated
	// distance is negative for the last one, and for one whose vector can not be used.
	distance float64
}

// Measure returns what the answers say. A call without an answer counts as one that was answered with nothing.
func (r *Round) Measure() *Measurement {
	m := &Measurement{
		plan:      r.plan,
		chosen:    r.chosen,
		skipped:   slices.Clone(r.skipped),
		points:    make([]point, len(r.plan.entries)),
		distances: make(map[string][]float64),
		variants:  make(map[variant][]float64),
		counts: map[string]int{
			checkNonFinite: 0, checkZero: 0, checkCount: 0, checkDimension: 0, checkOrder: 0, checkMatryoshkaNo: 0,
		},
		figures: make(map[string]float64),
	}
	m.Dimension = r.usualDimension()
	full := make(map[string][]callPoints) // by check
	for i := range r.planned {
		c := &r.planned[i]
		a := &r.answers[i]
		m.Tokens += a.Tokens
		m.Model = cmp.Or(m.Model, a.Model)
		if a.Refused {
			m.takeRefusal(c)
			continue
		}
		vectors := m.read(c, a)
		switch {
		case c.dimensions > 0:
			m.measureMatryoshka(c, vectors)
		case c.encoding != "":
			m.measureEncoding(c, vectors)
		default:
			full[c.check] = append(full[c.check], callPoints{c.check, c.entries, vectors})
			for j, p := range vectors {
				if e := c.entries[j]; p.known() && !m.points[e].known() {
					m.points[e] = p
				}
			}
		}
	}
	for _, check := range []string{callProbe, callRepeat, callAgain, callTexts} {
		m.calls = append(m.calls, full[check]...)
	}
	m.measureRepeats(full)
	m.measureLong(r)
	m.measureFresh()
	m.measureInstruction()
	m.measureTexts()
	m.measurePairs()
	m.measureRetrieval()
	slices.Sort(m.skipped)
	m.skipped = slices.Compact(m.skipped)
	return m
}

// usualDimension is the commonest of calls for the model's own. Vectors that are not finite may stand for an answer that could not be
// written down, and have any.
func (r *Round) usualDimension() int {
	counts := make(map[int]int)
	for i, c := range r.planned {
		if a := &r.answers[i]; c.dimensions == 0 && !a.Refused && !a.Ragged && a.Dimension > 0 && a.Count > 0 && isFinite(a.Vectors) {
			counts[a.Dimension]++
		}
	}
	best := 0
	for _, d := range slices.Sorted(maps.Keys(counts)) {
		if counts[d] > counts[best] {
			best = d
		}
	}
	return best
}

// takeRefusal notes what is not to be known because the server refused a call.
func (m *Measurement) takeRefusal(c *planned) {
	switch {
	case c.dimensions > 0:
		m.counts[checkMatryoshkaNo] += len(c.entries)
	case c.check != callLong: // there it is an answer
		m.skipped = append(m.skipped, c.check)
	}
}

// read returns the vector of each text of a call, those that can be used, and counts the others.
func (m *Measurement) read(c *planned, a *Answer) []point {
	vectors := make([]point, len(c.entries))
	if a.Count != len(c.entries) {
		m.counts[checkCount]++
		return vectors
	}
	want := cmp.Or(c.dimensions, m.Dimension)
	if a.Ragged || a.Dimension != want || want < 1 || len(a.Vectors) != a.Count*a.Dimension {
		if isFinite(a.Vectors) {
			m.counts[checkDimension]++
		} else {
			m.counts[checkNonFinite] += a.Count
		}
		return vectors
	}
	for i := range vectors {
		x := a.Vectors[i*want : (i+1)*want : (i+1)*want]
		p, ok := newPoint(x)
		switch {
		case ok:
			vectors[i] = p
			if c.dimensions == 0 {
				m.normError = max(m.normError, math.Abs(p.norm-1))
			}
		case p.norm == 0:
			m.counts[checkZero]++
		default:
			m.counts[checkNonFinite]++
		}
	}
	return vectors
}

func isFinite(x []float32) bool {
	squared, _ := vector.Measure(x, nil)
	return squared <= math.MaxFloat64
}

// compare adds the distances of the same texts.
func (m *Measurement) compare(check string, a, b []point) {
	for i := range a {
		if a[i].known() && b[i].known() {
			m.distances[check] = append(m.distances[check], distance(a[i], b[i]))
		}
	}
}

const (
	// swappedFrom is 1 − cosine from which a vector is not that of its text, and swappedTo up to which it is that of another one.
	swappedFrom, swappedTo = 0.05, 0.01
)

// swapped returns how many vectors are far from the one of their text and near to that of another one.
func swapped(found, right []point) int {
	n := 0
	for i, p := range found {
		if !p.known() || !right[i].known() || distance(p, right[i]) < swappedFrom {
			continue
		}
		if slices.ContainsFunc(right, func(other point) bool { return other.known() && distance(p, other) <= swappedTo }) {
			n++
		}
	}
	return n
}

// measureRepeats compares vectors of the same text in different calls.
func (m *Measurement) measureRepeats(full map[string][]callPoints) {
	first := make(map[int]point) // by entry
	var all []point
	for i, probe := range full[callProbe] {
		if repeats := full[callRepeat]; i < len(repeats) {
			m.compare(checkRepeat, probe.points, repeats[i].points)
			m.counts[checkOrder] += swapped(repeats[i].points, probe.points)
		}
		for j, e := range probe.entries {
			first[e] = probe.points[j]
			all = append(all, probe.points[j])
		}
	}
	// elsewhere compares with what was answered first, and looks for the vectors in it.
	elsewhere := func(check string, calls []callPoints) {
		for _, c := range calls {
			right := make([]point, len(c.entries), len(c.entries)+len(all))
			for i, e := range c.entries {
				right[i] = first[e]
			}
			m.compare(check, right, c.points)
			found := append(slices.Clone(c.points), make([]point, len(all))...)
			m.counts[checkOrder] += swapped(found, append(right, all...))
		}
	}
	elsewhere(checkAgain, full[callAgain])
	elsewhere(checkAlone, full[callAlone])
	for i, fresh := range full[callFresh] {
		if repeats := full[callFreshRepeat]; i < len(repeats) {
			m.compare(checkFreshRepeat, fresh.points, repeats[i].points)
		}
	}
	for _, batch := range full[callEqual] {
		for i, alone := range full[callEqualAlone] {
			m.compare(checkEqual, alone.points, batch.points[i:i+1])
		}
	}
}

// noise is how much two vectors of the same text differ in this round: half of them by less. What is more than any server's noise does
// not count, but is for judgeRepeats.
func (m *Measurement) noise() float64 {
	noise := 0.0
	for _, check := range []string{checkRepeat, checkAgain, checkAlone} {
		noise = max(noise, median(m.distances[check]))
	}
	return min(noise, repeatTolerance)
}

// measureEncoding compares vectors in another encoding with those that were answered first.
func (m *Measurement) measureEncoding(c *planned, vectors []point) {
	for i, p := range vectors {
		if first := m.points[c.entries[i]]; p.known() && first.known() {
			v := variant{checkEncoding, c.encoding, 0, c.entries[i]}
			m.variants[v] = append(m.variants[v], distance(first, p))
		}
	}
}

// measureMatryoshka compares vectors in a smaller dimension with those that were answered first, cut to it.
func (m *Measurement) measureMatryoshka(c *planned, vectors []point) {
	for i, p := range vectors {
		if !p.known() {
			continue
		}
		m.hasMatryoshka = true
		m.matryoshkaNorm = max(m.matryoshkaNorm, math.Abs(p.norm-1))
		whole := m.points[c.entries[i]]
		if !whole.known() || c.dimensions > m.Dimension {
			continue
		}
		if cut, ok := whole.cut(c.dimensions); ok {
			v := variant{checkMatryoshka, "", c.dimensions, c.entries[i]}
			m.variants[v] = append(m.variants[v], distance(cut, p))
		}
	}
}

// measureLong compares each long text with the next.
func (m *Measurement) measureLong(r *Round) {
	for i, c := range r.planned {
		if c.check != callLong {
			continue
		}
		a := &r.answers[i]
		if a.Refused {
			break
		}
		at := slices.IndexFunc(m.plan.rungs, func(g rung) bool { return g.entry == c.entries[0] })
		g := measuredRung{c.entries[0], float64(m.plan.rungs[at].tokens), -1}
		if a.Tokens > 0 {
			g.tokens = float64(a.Tokens)
		}
		m.rungs = append(m.rungs, g)
	}
	for i := 0; i+1 < len(m.rungs); i++ {
		a, b := m.points[m.rungs[i].entry], m.points[m.rungs[i+1].entry]
		if a.known() && b.known() {
			m.rungs[i].distance = distance(a, b)
		}
	}
}

func (m *Measurement) measureFresh() {
	for i, b := range m.plan.bases {
		base, fresh := m.points[b], m.points[m.plan.fresh[i]]
		d := math.NaN()
		if base.known() && fresh.known() {
			d = distance(base, fresh)
		}
		m.fresh = append(m.fresh, d)
	}
}

func (m *Measurement) measureInstruction() {
	for _, e := range m.plan.bare {
		// The entry with the instruction comes right behind the one without.
		if bare, with := m.points[e], m.points[e+1]; bare.known() && with.known() {
			m.instruction = append(m.instruction, distance(bare, with))
		}
	}
}
