package embeddingqualityprocessor

import (
	"cmp"
	"sync"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/validity"
)

// minObserved is the number of vectors from which a dimension is expected.
const minObserved = 32

// profileKey names what shares a profile: replicas and requested dimensions of one model do, so that one of them
// cannot redefine what is right.
type profileKey struct{ model, taskType string }

// profile holds what vectors of one model and task are expected to be like. Once learned, an expectation stays: a
// server that changes later is what must be noticed.
type profile struct {
	mu        sync.Mutex
	dimension int // 0 until known
	norm      float64

	votes map[int]int // vectors by dimension, until the dimension is known
	voted int
	norms validity.Norms
}

// newProfile returns a profile that starts from what the user says of the model.
func newProfile(m ModelConfig) *profile {
	return &profile{dimension: m.Dimension, norm: m.Norm}
}

// saved returns what was learned, if anything was.
func (p *profile) saved(key profileKey) (s savedProfile, learned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return savedProfile{key.model, key.taskType, p.dimension, p.norm}, p.dimension != 0 || p.norm != 0
}

// restore takes over what was learned, and the user has not said otherwise.
func (p *profile) restore(s savedProfile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dimension, p.norm = cmp.Or(p.dimension, s.Dimension), cmp.Or(p.norm, s.Norm)
}

// expect returns what the vectors of ev have to be like. While no dimension is known, that of ev is right.
func (p *profile) expect(ev *embedding.Event, tolerance float64) validity.Expected {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := validity.Expected{Dimension: p.dimension, Norm: p.norm, Tolerance: tolerance}
	if ev.RequestedDimension > 0 {
		e.Dimension = ev.RequestedDimension
	}
	if e.Dimension == 0 {
		e.Dimension = ev.OutputDimension
	}
	return e
}

// observe learns from the vectors of ev what the user has not said. Vectors that are wrong whatever is expected have
// no say, neither have vectors of another dimension than expected in the norm.
func (p *profile) observe(ev *embedding.Event, rows []row, tolerance float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rows {
		switch rows[i].Fault {
		case validity.NonFinite, validity.Zero, validity.Dimension:
			continue
		}
		if ev.RequestedDimension <= 0 && p.dimension == 0 {
			p.vote(ev.OutputDimension)
		}
		if p.norm == 0 && p.norms.Observe(rows[i].Norm, tolerance) {
			p.norm = 1
		}
	}
}

// vote counts a vector of dimension d; after minObserved vectors the commonest dimension is the right one.
func (p *profile) vote(d int) {
	if p.votes == nil {
		p.votes = make(map[int]int)
	}
	p.votes[d]++
	p.voted++
	if p.voted < minObserved {
		return
	}
	most := 0
	for dimension, n := range p.votes {
		if n > most || n == most && dimension > p.dimension {
			p.dimension, most = dimension, n
		}
	}
	p.votes = nil
}
