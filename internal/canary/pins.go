package canary

import (
	"fmt"
	"time"
)

// Pins is what the vectors of the texts were when they were learned, and how much they differed from call to call. It is never written
// to after it was made, but for Origin.
type Pins struct {
	Origin
	// Dimension is the length of the vectors.
	Dimension int
	// Rounds is the number of rounds that they were learned from.
	Rounds int
	// Suite is the digest of the suite.
	Suite string
	// ResponseModel is the name that answers gave, if any.
	ResponseModel string
	// QueryInstruction and DocumentInstruction are what queries and documents began with.
	QueryInstruction, DocumentInstruction string
	// RepeatSpread is the largest 1 − cosine of two vectors of one text in the same round.
	RepeatSpread float64
	// MedianSpread is the largest median, over plain texts, of 1 − cosine between a round and the pinned vectors, as it is expected
	// of a round that the pins were not learned from; MaxSpread is the largest of a text.
	MedianSpread, MaxSpread float64
	// Instruction is the median 1 − cosine of queries with and without the instruction, 0 where there is none.
	Instruction float64
	// Fresh are texts with a part that changes from round to round, compared with the same texts without it.
	Fresh []PinnedFresh
	// Rungs are the long texts, from the shortest.
	Rungs []PinnedRung
	// EffectiveTokens is the number of tokens up to which the end of a text counts, as far as it was tried.
	EffectiveTokens float64
	// Figures are means of other measurements, by the names of their checks.
	Figures map[string]float64
	Texts   []PinnedText

	byKey map[string]int // index into Texts
}

// Origin says where pins come from. All of it is for people, but Created, which tells pins apart.
type Origin struct {
	// Name is what the server is called.
	Name string `json:"name,omitempty"`
	// Model is the one that was asked for.
	Model string `json:"model,omitempty"`
	// DType and Hardware are what the server computed with, as the user says.
	DType    string    `json:"dtype,omitempty"`
	Hardware string    `json:"hardware,omitempty"`
	Created  time.Time `json:"created"`
}

// PinnedFresh is how far a text with a changing part was from the one without, as 1 − cosine.
type PinnedFresh struct {
	Key  string  `json:"key"`
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
}

// PinnedRung is how far a long text was from the next longer one, as 1 − cosine.
type PinnedRung struct {
	Key    string  `json:"key"`
	Tokens float64 `json:"tokens"`
	// Distance is negative where the text was the longest that was answered.
	Distance float64 `json:"distance"`
	// Distinct is whether the two vectors were different ones, or are taken to have been.
	Distinct bool `json:"distinct"`
}

// PinnedText is the vector of a text.
type PinnedText struct {
	ID string
	// Key is the beginning of the SHA-256 of the text, in hexadecimal digits.
	Key string
	// Norm is the length of the vectors, in the mean.
	Norm float64
	// Spread is the largest 1 − cosine of a round's vector, as it is expected of a round that the pins were not learned from.
	Spread float64
	// Vector has length 1.
	Vector []float32
}

// index makes byKey.
func (p *Pins) index() {
	p.byKey = make(map[string]int, len(p.Texts))
	for i := range p.Texts {
		p.byKey[p.Texts[i].Key] = i
	}
}

// text returns what is pinned of an entry.
func (p *Pins) text(e *entry) (*PinnedText, bool) {
	i, ok := p.byKey[e.key]
	if !ok {
		return nil, false
	}
	return &p.Texts[i], true
}

func (t *PinnedText) point() point {
	p, _ := newPoint(t.Vector)
	return p
}

// Fits returns an error that says why the pins are of no use for a plan, if they are: fewer than half of its plain texts are pinned.
func (p *Pins) Fits(plan *Plan) error {
	plain := plan.of(classPlain)
	n := countFunc(plain, func(e int) bool {
		_, ok := p.text(&plan.entries[e])
		return ok
	})
	if 2*n >= len(plain) {
		return nil
	}
	return fmt.Errorf("pins: found %d of the %d plain texts of the suite; want at least half: pins of the same suite", n, len(plain))
}
