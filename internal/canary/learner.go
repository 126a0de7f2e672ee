package canary

// Learner makes Pins of the measurements of several rounds in a row.
type Learner struct{}

// NewLearner returns a Learner that pins what rounds in a row without a fault agree on, at least 2. It takes more of them where the
// budget makes texts take turns.
func NewLearner(plan *Plan, rounds int) *Learner { return &Learner{} }

// Add takes the measurement of the next round. The verdict is learning, or what is wrong: what is broken or unstable, or changes from
// one round to the next, is not pinned, and learning starts over. Pins are nil until they are learned; Origin is left to the caller.
func (l *Learner) Add(m *Measurement) (Verdict, *Pins) { return Verdict{}, nil }

// Rounds returns how many rounds there were since learning started last.
func (l *Learner) Rounds() int { return 0 }
