// Package canary is the whole knowledge of a canary: which texts it asks an embedding server for, in which calls, what it measures in
// the answers, what it pins, and how it judges. It has no clock, no I/O and no network: a caller sends the calls of a Round, hands it
// the answers, and gets a Measurement, of which a Learner makes Pins and Judge a Verdict.
//
//	plan, err := canary.NewPlan(suite, settings)
//	round := plan.Round(n)
//	for i, call := range round.Calls() {
//		round.Take(i, answer) // of the server to call
//	}
//	m := round.Measure()
//	verdict, pins := learner.Add(m)   // until there are pins
//	verdict := canary.Judge(m, pins)  // from then on
//
// Distances are 1 − cosine throughout. Vectors that are not finite, of length zero, of another number or dimension than was asked for
// are evidence, not errors.
package canary
