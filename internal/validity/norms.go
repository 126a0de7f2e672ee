package validity

const (
	// minObserved is the number of norms from which one is expected.
	minObserved = 32
	// maxObserved is the number of norms at which older ones begin to lose weight, so that a fault that was there at the start is
	// outgrown.
	maxObserved = 1024
	// unitShare is the share of norms near 1 that says that the server normalises.
	unitShare = 0.95
)

// Norms learns whether norms are to be 1. Any other norm is never expected: servers scale vectors to length 1 or not at all.
type Norms struct{ observed, unit int }

// Observe takes over the norm of a vector, and returns whether norms are to be 1, within the relative tolerance.
func (n *Norms) Observe(norm, tolerance float64) bool {
	n.observed++
	if near(norm, 1, tolerance) {
		n.unit++
	}
	if n.observed >= minObserved && float64(n.unit) >= unitShare*float64(n.observed) {
		return true
	}
	if n.observed >= maxObserved {
		n.observed /= 2
		n.unit /= 2
	}
	return false
}
