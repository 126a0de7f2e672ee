package canary

// Measurement is what the answers of a round say by themselves. It is never written to.
type Measurement struct {
	// Dimension is the length of the vectors, 0 where there were none.
	Dimension int
	// Model is the name that the answers give, if any.
	Model string
	// Tokens is what the server counted.
	Tokens int64
}

// Measure returns what the answers say. A call without an answer counts as one that was answered with nothing.
func (r *Round) Measure() *Measurement { return &Measurement{} }
