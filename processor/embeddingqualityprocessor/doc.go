//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package embeddingqualityprocessor judges the vectors of embedding events: each vector as it passes, and each window
// of them against a reference learned from the stream.
package embeddingqualityprocessor
