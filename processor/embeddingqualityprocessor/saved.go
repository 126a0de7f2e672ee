package embeddingqualityprocessor

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// savedParts is which parts of a group the storage has as they are. The reference is most of a group and hardly ever changes, so that
// it is saved by itself.
type savedParts struct{ reference, state bool }

// savedGroup is a group without its reference, as encoding/gob writes it: fields may come and go.
type savedGroup struct {
	Generation string
	Pinned     bool
	Since      time.Time
	Sources    map[string]uint32
	LastSource uint32

	// Learner is set until there is a reference, and what follows from then on.
	Learner      []byte
	Digest       string // of the reference
	Detectors    []byte
	Differential []byte
	Pending      []byte
	Findings     drift.Findings
	Replicas     map[string]drift.Weight
	Pool         drift.Pool

	Texts   []byte // drift.Consistency
	Healthy []byte // drift.ConsistencyTally
	Held    map[uint32]savedVerdict
}

type savedVerdict struct {
	Verdict embedding.Verdict
	Windows int
	Flips   bool
}

// save returns the parts of the group that have changed since they were saved, nil for those that have not. They count as saved, unless
// notSaved is called.
func (g *group) save(generation string) (reference, state []byte, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.saved.state {
		return nil, nil, nil
	}
	s := savedGroup{
		Generation: generation, Pinned: g.pinned, Since: g.since, Sources: g.sources, LastSource: g.lastSource,
		Findings: g.findings, Replicas: g.replicas, Pool: g.pool.Pool,
		Held: make(map[uint32]savedVerdict, len(g.held)),
	}
	for source, h := range g.held {
		s.Held[source] = savedVerdict{h.verdict, h.windows, h.flips}
	}
	var errs [7]error
	if g.learner != nil {
		s.Learner, errs[0] = g.learner.AppendBinary(nil)
	}
	if g.monitor != nil {
		s.Digest = g.digest
		s.Detectors, errs[1] = g.monitor.AppendDetectors(nil)
		s.Differential, errs[2] = g.differential.AppendBinary(nil)
		s.Pending, errs[3] = g.pending.AppendBinary(nil)
		if !g.saved.reference && !g.pinned {
			reference, errs[4] = g.reference.Load().AppendBinary(nil)
		}
	}
	s.Texts, s.Healthy, errs[5] = g.repeats.save()
	g.saved = savedParts{reference: true, state: true} // until they change
	var b bytes.Buffer
	errs[6] = gob.NewEncoder(&b).Encode(&s)
	return reference, b.Bytes(), errors.Join(errs[:]...)
}

// errGeneration is why a group is not restored that was saved under another generation.
var errGeneration = errors.New("of another generation")

// restore makes a group that has seen nothing the one that was saved. Where it returns an error, the group is as good as new.
func (g *group) restore(reference, state []byte, generation string) error {
	var s savedGroup
	if err := gob.NewDecoder(bytes.NewReader(state)).Decode(&s); err != nil {
		return err
	}
	if s.Generation != generation {
		return errGeneration
	}
	g.pool.Pool = s.Pool
	g.sources, g.lastSource = s.Sources, s.LastSource
	if g.sources == nil {
		g.sources = make(map[string]uint32)
	}
	for source, h := range s.Held {
		g.held[source] = heldVerdict{h.Verdict, h.Windows, h.Flips}
	}
	if err := g.repeats.restore(s.Texts, s.Healthy); err != nil {
		return err
	}
	switch {
	case g.pinned:
		// If the file is the one that it was, what was learned since is worth more than what it knows.
		if !s.Pinned || s.Digest != g.digest {
			return nil
		}
		return g.restoreMonitor(g.monitor, &s)
	case s.Pinned:
		return nil
	case len(s.Learner) > 0:
		g.learner = &drift.Learner{}
		return g.learner.UnmarshalBinary(s.Learner)
	case len(s.Detectors) == 0:
		return nil
	}
	r := &drift.Reference{}
	if err := r.UnmarshalBinary(reference); err != nil {
		return err
	}
	if err := g.restoreMonitor(drift.NewMonitor(r), &s); err != nil {
		return err
	}
	if g.digest != s.Digest {
		return errors.New("the reference is not the one that the rest belongs to")
	}
	g.saved.reference = true
	return nil
}

func (g *group) restoreMonitor(m *drift.Monitor, s *savedGroup) error {
	differential, pending := &drift.Differential{}, &drift.Window{}
	if err := errors.Join(
		m.UnmarshalDetectors(s.Detectors),
		differential.UnmarshalBinary(s.Differential),
		pending.UnmarshalBinary(s.Pending),
	); err != nil {
		return err
	}
	if err := pending.Fits(m.Reference()); err != nil {
		return err
	}
	g.use(m)
	g.differential, g.pending = differential, pending
	g.findings, g.replicas, g.since = s.Findings, s.Replicas, s.Since
	return nil
}

func (r *repeats) save() (texts, healthy []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts, err = r.store.AppendBinary(nil)
	if err != nil {
		return nil, nil, err
	}
	healthy, err = r.healthy.AppendBinary(nil)
	return texts, healthy, err
}

func (r *repeats) restore(texts, healthy []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.store.UnmarshalBinary(texts); err != nil {
		return err
	}
	if err := r.healthy.UnmarshalBinary(healthy); err != nil {
		return err
	}
	r.tolerance = r.healthy.Tolerance()
	return nil
}

// savedIndex says what else is in the storage, and holds what is small.
type savedIndex struct {
	Groups   []groupKey
	Profiles []savedProfile
	// Closed is when the first window began that was not closed yet, for merging.
	Closed time.Time
}

type savedProfile struct {
	Model, TaskType string
	Dimension       int
	Norm            float64
}

func (i *savedIndex) marshal() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(i)
	return b.Bytes(), err
}

func (i *savedIndex) unmarshal(data []byte) error {
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(i); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}
