package embeddingqualityprocessor

import (
	"encoding/binary"
	"sync"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const (
	// maxCompared bounds how many vectors of a window are compared with those that their texts had before: each takes as long as
	// everything else that is done with a vector.
	maxCompared = 512
	// minSettled is the number of texts, that had kept their vectors until then, from which a change of the model is seen.
	minSettled = 4
	// changedShare is the share of them that another model gives other vectors to.
	changedShare = 0.8
	// flippedShare is the share of the texts whose vectors had changed lately, of which an unstable output changes them again, and another
	// model none.
	flippedShare = 0.2
	// minRepeats is the number of repeats from which a replica is blamed.
	minRepeats = 4
	// maxHealthyRepeats is the number of repeats that the tolerance is learned from.
	maxHealthyRepeats = 10_000
)

// repeats compares the vectors of texts that come again: the same text has to get the same vector.
type repeats struct {
	mu        sync.Mutex
	store     *drift.Consistency
	tolerance float64
	healthy   drift.ConsistencyTally // of windows without a mismatch

	// What follows is of the window.
	compared int
	all      drift.ConsistencyTally             // each repeat once
	sources  map[uint32]*drift.ConsistencyTally // each repeat with both replicas that took part
}

func newRepeats() *repeats {
	r := &repeats{
		store:   drift.NewConsistency(drift.ConsistencyTexts),
		sources: make(map[uint32]*drift.ConsistencyTally),
	}
	r.tolerance = r.healthy.Tolerance()
	return r
}

// add takes over a valid vector of a text, made by a replica.
func (r *repeats) add(text embedding.Fingerprint, x []float32, norm float64, source uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.compared == maxCompared {
		return
	}
	r.compared++
	repeat, known := r.store.Compare(binary.LittleEndian.Uint64(text[:]), x, norm, source, r.tolerance)
	if !known {
		return
	}
	r.all.Add(&repeat)
	r.source(source).Add(&repeat)
	if repeat.Source != source {
		r.source(repeat.Source).Add(&repeat)
	}
}

func (r *repeats) source(source uint32) *drift.ConsistencyTally {
	t, ok := r.sources[source]
	if !ok {
		t = &drift.ConsistencyTally{}
		r.sources[source] = t
	}
	return t
}

// end ends the window and returns what was found of each replica that has repeats in it.
func (r *repeats) end() map[uint32]repeatsFinding {
	r.mu.Lock()
	defer r.mu.Unlock()
	findings := judgeRepeats(&r.all, r.sources)
	total := r.all.SameSource.Total()
	total.Mismatches += r.all.OtherSource.Total().Mismatches
	if healthy := r.healthy.SameSource.Total(); total.Mismatches == 0 && healthy.Repeats < maxHealthyRepeats {
		r.healthy.Merge(&r.all)
		r.tolerance = r.healthy.Tolerance()
	}
	r.compared, r.all = 0, drift.ConsistencyTally{}
	clear(r.sources)
	return findings
}

// repeatsFinding is what the repeats of a replica say in one window.
type repeatsFinding struct {
	embedding.Repeats
	// verdict is empty where all vectors agree.
	verdict embedding.Verdict
	// flips is whether vectors change again and again, which no change of the model makes them do.
	flips bool
	tally *drift.ConsistencyTally
}

// judgeRepeats tells what is wrong by where vectors disagree; see drift.ConsistencyTally.
func judgeRepeats(all *drift.ConsistencyTally, sources map[uint32]*drift.ConsistencyTally) map[uint32]repeatsFinding {
	settled := drift.RepeatCounts{
		Repeats:    all.SameSource.Settled.Repeats + all.OtherSource.Settled.Repeats,
		Mismatches: all.SameSource.Settled.Mismatches + all.OtherSource.Settled.Mismatches,
	}
	changed := settled.Repeats >= minSettled && float64(settled.Mismatches) >= changedShare*float64(settled.Repeats)
	// Between replicas, of which one may be at fault, texts change with the replica that they come to.
	lately := all.SameSource.Changed
	flips := lately.Repeats >= minSettled && float64(lately.Mismatches) >= flippedShare*float64(lately.Repeats)
	faulty, blamed := blame(all, sources)
	findings := make(map[uint32]repeatsFinding, len(sources))
	for source, t := range sources {
		same, other := t.SameSource.Total(), t.OtherSource.Total()
		f := repeatsFinding{tally: t, Repeats: embedding.Repeats{
			Count:      int64(same.Repeats + other.Repeats),
			Mismatches: int64(same.Mismatches + other.Mismatches),
			MinCosine:  1 - t.Farthest,
		}}
		switch {
		case f.Mismatches == 0 || blamed && source != faulty:
		case blamed:
			f.verdict = embedding.VerdictReplicaFault
		case changed && !flips:
			f.verdict = embedding.VerdictModelChanged
		default:
			f.verdict, f.flips = embedding.VerdictUnstableOutput, flips
		}
		findings[source] = f
	}
	return findings
}

// blame returns the replica that disagrees with the others while each agrees with itself, if there is one. Of two that disagree,
// nobody knows which is wrong.
func blame(all *drift.ConsistencyTally, sources map[uint32]*drift.ConsistencyTally) (faulty uint32, ok bool) {
	if len(sources) < 3 || all.SameSource.Total().Mismatches > 0 || all.OtherSource.Total().Mismatches == 0 {
		return 0, false
	}
	most, next := 0.0, 0.0
	for source, t := range sources {
		other := t.OtherSource.Total()
		if other.Repeats < minRepeats {
			continue
		}
		if share := float64(other.Mismatches) / float64(other.Repeats); share > most {
			faulty, most, next = source, share, most
		} else {
			next = max(next, share)
		}
	}
	return faulty, most >= 0.5 && next < most
}
