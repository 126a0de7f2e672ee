package server

import (
	"math"
	"net/http"
	"slices"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"
)

// effects are what the faults that hit a request do to its vectors.
type effects struct {
	// models are those that answer, one for each input.
	models []*hashing.Embedder

	// constant puts the empty text in the place of every other.
	constant bool

	// moves happen one after the other.
	moves []move

	// dimension is the length of the vectors, and cutLength whether they keep the length that a cut leaves them.
	dimension int
	cutLength bool

	// factor multiplies vectors, fill stands in the place of every element; nil for neither.
	factor, fill *float32

	// rotated and reversed are wrong orders of vectors and of elements.
	rotated, reversed bool

	// missing leaves the last vector out.
	missing bool
}

// effects asks the faults of vectors, in the order of their list, whether they hit the request. asked are the keys of
// the inputs as they came. The error is the answer where vectors cannot be sent.
func (s *Server) effects(req *request, asked []uint64) (*effects, *apiError) {
	e := &effects{dimension: req.dimensions}
	_, e.constant = s.faults.hit(faultConstant)
	e.models, e.moves = s.models(asked)
	e.moves = append(e.moves, s.moves(req.inputs, asked)...)
	if dimension, ok := s.faults.hitNumber(faultDimension); ok {
		e.dimension = int(dimension)
	}
	if req.dimensions < s.config.Dimension {
		_, e.cutLength = s.faults.hit(faultMatryoshka)
	}
	if factor, ok := s.faults.hitNumber(faultUnnormalised); ok {
		e.factor = new(float32(factor))
	}
	if _, ok := s.faults.hit(faultZero); ok {
		e.fill = new(float32(0))
	}
	if nan, ok := s.faults.hit(faultNaN); ok {
		if nan == nanError && !req.base64 {
			// What Starlette's JSON response raises, and vLLM's catch-all turns into an answer.
			return nil, &apiError{
				status:  http.StatusInternalServerError,
				message: "Out of range float values are not JSON compliant",
			}
		}
		e.fill = new(float32(math.NaN()))
	}
	if len(req.inputs) > 1 {
		_, e.rotated = s.faults.hit(faultOrder)
	}
	if req.base64 {
		_, e.reversed = s.faults.hit(faultEncoding)
	}
	_, e.missing = s.faults.hit(faultMissing)
	return e, nil
}

// vectors returns the vectors of the inputs.
func (e *effects) vectors(inputs []input) [][]float32 {
	out := make([][]float32, len(inputs))
	for i, in := range inputs {
		at := i
		if e.rotated {
			at = (i + len(out) - 1) % len(out)
		}
		out[at] = e.vector(i, in)
	}
	if e.missing {
		out = out[:len(out)-1]
	}
	return out
}

func (e *effects) vector(i int, in input) []float32 {
	if e.constant {
		in = input{}
	}
	model := e.models[i]
	x := in.embed(model)
	for _, m := range e.moves {
		m.apply(x, i, in, model)
	}
	x = resize(x, e.dimension, !e.cutLength)
	switch {
	case e.fill != nil:
		for i := range x {
			x[i] = *e.fill
		}
	case e.factor != nil:
		for i := range x {
			x[i] *= *e.factor
		}
	}
	if e.reversed {
		slices.Reverse(x)
	}
	return x
}

// resize returns the first n elements of x, or x again and again for a longer vector, scaled to length 1 if so wished.
func resize(x []float32, n int, normalise bool) []float32 {
	if n == len(x) {
		return x
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = x[i%len(x)]
	}
	if normalise {
		hashing.Normalize(out)
	}
	return out
}
