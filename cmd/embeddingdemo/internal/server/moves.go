package server

import "github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"

// A move takes vectors away from where the model puts them, each text's by its own way and always the same.
type move struct {
	// cause tells ways apart.
	cause string
	by    hashing.Spread

	// towards is the model whose vectors are mixed in; nil for a random direction.
	towards *hashing.Embedder

	// only are the inputs that are moved; nil for all.
	only []bool
}

// spreadOf returns how far the vectors of a number format are from the exact ones: sizes as measured for embedding
// models of some billion parameters, not the arithmetic itself.
func spreadOf(format string) hashing.Spread {
	switch format {
	case formatFP16:
		return hashing.Spread{Lowest: 0.001, Highest: 0.003}
	case formatBF16:
		return hashing.Spread{Lowest: 0.010, Highest: 0.018}
	case formatQ8:
		return hashing.Spread{Lowest: 0.020, Highest: 0.0315}
	case formatFP8:
		return hashing.Spread{Lowest: 0.064, Highest: 0.099}
	default:
		return hashing.Spread{Lowest: 0.177, Highest: 0.248}
	}
}

func rounding(format string) move {
	return move{cause: faultRounding + " " + format, by: spreadOf(format)}
}

// moves asks the faults that move vectors, in the order of their list, whether they hit. asked are the keys of the
// inputs as they came.
func (s *Server) moves(inputs []input, asked []uint64) []move {
	var moves []move
	if _, ok := s.faults.hit(faultPooling); ok {
		moves = append(moves, move{
			cause: faultPooling, by: hashing.Spread{Lowest: 0.9, Highest: 1.35}, towards: s.pooled,
		})
	}
	if _, ok := s.faults.hit(faultEOS); ok {
		moves = append(moves, move{
			cause: faultEOS, by: hashing.Spread{Lowest: 0.34, Highest: 0.58}, towards: s.endless,
		})
	}
	if s.faults.on(faultBatch) && equalLengths(inputs) {
		if _, ok := s.faults.hit(faultBatch); ok {
			moves = append(moves, move{cause: faultBatch, by: hashing.Spread{Lowest: 0.5, Highest: 0.9}})
		}
	}
	if repeated := s.repeated(asked); repeated != nil {
		moves = append(moves, move{
			cause: faultCache, by: hashing.Spread{Lowest: 1.3, Highest: 1.5}, only: repeated,
		})
	}
	if format, ok := s.faults.hit(faultRounding); ok {
		moves = append(moves, rounding(format))
	}
	return moves
}

// apply moves x, the vector that the model gave to input i.
func (m move) apply(x []float32, i int, in input, model *hashing.Embedder) {
	switch {
	case m.only != nil && !m.only[i]:
	case m.towards != nil:
		model.Blend(x, in.embed(m.towards), m.cause, in.key(), m.by)
	default:
		model.Disturb(x, m.cause, in.key(), m.by)
	}
}

// equalLengths tells whether two of the inputs have as many tokens.
func equalLengths(inputs []input) bool {
	seen := make(map[int]bool, len(inputs))
	for _, in := range inputs {
		if seen[in.tokens] {
			return true
		}
		seen[in.tokens] = true
	}
	return false
}

// repeated returns which of the inputs were asked before since the fault cache is on, nil where it does not hit.
func (s *Server) repeated(asked []uint64) []bool {
	texts := s.faults.texts(faultCache)
	if texts == nil {
		return nil
	}
	repeated, some := make([]bool, len(asked)), false
	for i, key := range asked {
		repeated[i] = texts.add(key)
		some = some || repeated[i]
	}
	if !some {
		return nil
	}
	if _, ok := s.faults.hit(faultCache); !ok {
		return nil
	}
	return repeated
}
