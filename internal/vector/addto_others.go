//go:build !amd64

package vector

// addRounds leaves all elements to AddTo.
func addRounds([]float64, []float32) int { return 0 }
