package vector

import "golang.org/x/sys/cpu"

//go:generate go -C asm run . -out ../addto_amd64.s -stubs ../addto_amd64_stub.go -pkg vector

// addRounds does what AddTo does for the first elements, and returns for how many. Compiled Go adds one element at a time, which
// takes six times as long; see BenchmarkAddTo.
func addRounds(sum []float64, x []float32) int {
	const round = 16
	rounds := len(x) / round
	if rounds == 0 || !cpu.X86.HasAVX {
		return 0
	}
	addTo(&sum[0], &x[0], rounds)
	return rounds * round
}
