package canary

import "github.com/otelcol-embedding/otelcol-embedding/internal/embedding"

// Verdict is how a round was judged.
type Verdict struct {
	Verdict embedding.CanaryVerdict
	// Reasons are the names of the checks that speak for the verdict, the weightiest first. There are none for same and learning.
	Reasons []string
	// Checks holds what was measured, by name. All values are finite.
	Checks []embedding.CanaryCheck
	// Skipped are the names of what the budget left out, or the server refused.
	Skipped []string
	// CosineMin, CosineMedian and CosineMean are of the texts' vectors to the pinned ones; HasCosine is false where there are none.
	CosineMin, CosineMedian, CosineMean float64
	HasCosine                           bool
	// Worst are the texts furthest from the pinned ones, up to five, the worst first.
	Worst []TextCosine
}

// TextCosine is a text and the cosine of its vector to the pinned one.
type TextCosine struct {
	ID     string
	Cosine float64
}

// Judge compares a measurement with pins. Without pins (nil) it finds only what is wrong whatever the model is, and else says
// learning.
func Judge(m *Measurement, pins *Pins) Verdict { return Verdict{} }
