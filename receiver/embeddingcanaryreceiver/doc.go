//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package embeddingcanaryreceiver asks embedding servers for the vectors of known texts, round after round, and says
// whether they are still the ones they were.
package embeddingcanaryreceiver
