package embeddingqualityprocessor

import "slices"

// size returns the memory that what is kept takes, in bytes.
func (j *judge) size() int {
	j.mu.Lock()
	groups, states := slices.Collect(values(j.groups)), slices.Collect(values(j.states))
	j.mu.Unlock()
	size := 0
	for _, g := range groups {
		size += g.size()
	}
	for _, s := range states {
		size += s.size()
	}
	return size
}

func (g *group) size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	size := g.repeats.store.Size() + g.differential.Size()
	if g.learner != nil {
		size += g.learner.Size()
	}
	if g.monitor != nil {
		size += g.monitor.Size() + g.pending.Size()
	}
	r := &g.renewal
	if r.learner != nil {
		size += r.learner.Size()
	}
	if r.monitor != nil {
		size += r.monitor.Size() + r.pending.Size()
	}
	return size
}

// duplicateSize is what a vector takes in duplicates, about: hash and fingerprint, in a table that is three quarters full.
const duplicateSize = 22

func (s *state) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := duplicateSize * s.texts.Len()
	if s.window != nil {
		size += s.window.Size()
	}
	if s.trial.window != nil {
		size += s.trial.window.Size()
	}
	return size
}
