package canary

import "slices"

// judgeLong looks at up to which length the end of a text counts. A server that cuts texts gives the same vector to a text that is too
// long and to a longer one with the same beginning.
func (j *judge) judgeLong() {
	plan := j.m.plan
	if len(plan.rungs) == 0 || slices.Contains(j.m.skipped, callLong) {
		return
	}
	effective, shrunk := 0.0, false
	reached := true
	for i, r := range plan.rungs {
		answered := i < len(j.m.rungs)
		distinct := answered && j.distinct(&j.m.rungs[i], i+1 == len(j.m.rungs))
		reached = reached && distinct
		// That the longest one of all was read to its end would show only beside a longer one.
		if reached && i+1 < len(plan.rungs) {
			effective = j.m.rungs[i].tokens
		}
		switch most := float64(plan.settings.MaxTokens); {
		case distinct:
		case most == 0: // there is no model that reads less than the shortest of these texts
			shrunk = shrunk || i == 0
		case answered:
			shrunk = shrunk || j.m.rungs[i].tokens < 0.98*most
		default: // refused: the estimate may be a little short
			shrunk = shrunk || float64(r.tokens) < 0.85*most
		}
		if pinned, ok := j.pinnedRung(r.entry); ok && pinned.Distinct && !distinct {
			shrunk = true
		}
	}
	j.values[checkEffective] = effective
	if shrunk {
		j.broken = append(j.broken, checkEffective)
	}
}

// distinct is whether the text has another vector than the next longer one. Of the last one it is not known, and of one without a
// vector neither; they count as distinct.
func (j *judge) distinct(r *measuredRung, last bool) bool {
	if last || r.distance < 0 {
		return true
	}
	pinned, ok := j.pinnedRung(r.entry)
	switch {
	case ok && pinned.Distinct && pinned.Distance >= 0:
		return r.distance > sameFraction*pinned.Distance
	case ok && pinned.Distance >= 0:
		return r.distance > max(4*pinned.Distance, j.sameTexts())
	}
	return r.distance > j.sameTexts()
}

// sameTexts is 1 − cosine up to which vectors are taken for those of the same text.
func (j *judge) sameTexts() float64 { return max(sameDistance, 4*j.m.noise()) }

func (j *judge) pinnedRung(e int) (*PinnedRung, bool) {
	if j.pins == nil {
		return nil, false
	}
	i := slices.IndexFunc(j.pins.Rungs, func(r PinnedRung) bool { return r.Key == j.m.plan.entries[e].key })
	if i < 0 {
		return nil, false
	}
	return &j.pins.Rungs[i], true
}
