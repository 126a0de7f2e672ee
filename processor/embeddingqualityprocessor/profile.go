package embeddingqualityprocessor

import (
	"cmp"
	"math"
	"sync"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

const (
	// minObserved is the number of vectors from which an expectation is learned.
	minObserved = 32
	// maxObserved is the number of norms at which older ones begin to lose weight, so that a fault that was there
	// at the start is outgrown.
	maxObserved = 1024
	// unitShare is the share of norms near 1 that says that the server normalises.
	unitShare = 0.95
)

// profileKey names what shares a profile: replicas and requested dimensions of one model do, so that one of them
// cannot redefine what is right.
type profileKey struct{ model, taskType string }

// profile holds what vectors of one model and task are expected to be like. Once learned, an expectation stays: a
// server that changes later is what must be noticed.
type profile struct {
	mu        sync.Mutex
	dimension int // 0 until known
	norm      float64

	votes    map[int]int // vectors by dimension, until the dimension is known
	voted    int
	observed int // norms
	unit     int // norms near 1 among them
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

// expected is what a vector has to be like.
type expected struct {
	dimension int
	norm      float64 // 0 if any norm will do
}

// expect returns what the vectors of ev have to be like. While no dimension is known, that of ev is right.
func (p *profile) expect(ev *embedding.Event) expected {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := expected{dimension: p.dimension, norm: p.norm}
	if ev.RequestedDimension > 0 {
		e.dimension = ev.RequestedDimension
	}
	if e.dimension == 0 {
		e.dimension = ev.OutputDimension
	}
	return e
}

// observe learns from the vectors of ev what the user has not said. Vectors that are wrong whatever is expected have
// no say, neither have vectors of another dimension than expected in the norm.
func (p *profile) observe(ev *embedding.Event, rows []row, tolerance float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rows {
		switch rows[i].reason {
		case embedding.ReasonNonFinite, embedding.ReasonZero, embedding.ReasonDimension:
			continue
		}
		if ev.RequestedDimension <= 0 && p.dimension == 0 {
			p.vote(ev.OutputDimension)
		}
		if p.norm == 0 {
			p.observeNorm(near(rows[i].norm, 1, tolerance))
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

func (p *profile) observeNorm(unit bool) {
	p.observed++
	if unit {
		p.unit++
	}
	switch {
	case p.observed >= minObserved && float64(p.unit) >= unitShare*float64(p.observed):
		p.norm = 1
	case p.observed >= maxObserved:
		p.observed /= 2
		p.unit /= 2
	}
}

// near is whether norm is within the relative tolerance of want.
func near(norm, want, tolerance float64) bool {
	return math.Abs(norm-want) <= tolerance*want
}
