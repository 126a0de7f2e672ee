package server

import "github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"

// models returns the model that answers each input, after the faults model_swap, stale and alternating, and what the
// other replica of alternating does to vectors. asked are the keys of the inputs.
func (s *Server) models(asked []uint64) ([]*hashing.Embedder, []move) {
	models := make([]*hashing.Embedder, len(asked))
	set := func(model *hashing.Embedder) {
		for i := range models {
			models[i] = model
		}
	}
	set(s.model)
	if _, ok := s.faults.hit(faultModelSwap); ok {
		set(s.swapped)
	}
	if fresh := s.fresh(asked); fresh != nil {
		for i := range models {
			models[i] = s.model
			if fresh[i] {
				models[i] = s.swapped
			}
		}
	}
	if replica, turn := s.faults.hitTurn(faultAlternating); turn > 0 && turn%2 == 0 {
		if replica == replicaModel {
			set(s.swapped)
			return models, nil
		}
		return models, []move{rounding(formatQ4)}
	}
	return models, nil
}

// fresh returns which of the inputs were not asked before the fault stale was on, nil where it does not hit. While it
// is off it remembers them.
func (s *Server) fresh(asked []uint64) []bool {
	if !s.faults.on(faultStale) {
		for _, key := range asked {
			s.asked.add(key)
		}
		return nil
	}
	fresh, some := make([]bool, len(asked)), false
	for i, key := range asked {
		fresh[i] = !s.asked.knows(key)
		some = some || fresh[i]
	}
	if !some {
		return nil
	}
	if _, ok := s.faults.hit(faultStale); !ok {
		return nil
	}
	return fresh
}
