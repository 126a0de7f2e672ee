package stream

import (
	"encoding/binary"
	"math/rand/v2"
)

// Source yields a stream of vectors. It is not for use by several goroutines at once.
type Source interface {
	// Next fills x, whose length is the dimension of the source, with the next vector.
	Next(x []float32)
}

// purpose keeps the random numbers of a fault, say, apart from those of a source of the same seed.
type purpose byte

const (
	forModel purpose = iota
	forRotation
	forTurn
	forMix
	forTopics
	forVectors
	forPool
	forFault
	forEffect
	forReplicas
	forRepeats
)

// newRandom returns a fast generator, started in a state that a slower but cryptographic one draws: states that were
// as close as the seeds 1, 2, 3 are would stay related for ever.
func newRandom(seed uint64, p purpose) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	key[8] = byte(p)
	state := rand.NewChaCha8(key)
	return rand.New(rand.NewPCG(state.Uint64(), state.Uint64()))
}
