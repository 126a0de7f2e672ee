package canary

// Call is one request to the server.
type Call struct {
	Texts []string
	// Dimensions is the length of the vectors to ask for, 0 for the model's own.
	Dimensions int
	// Encoding is the encoding format to ask for, empty for none.
	Encoding string
	// Tokens is an estimate of the tokens of all texts, on the high side.
	Tokens int
	// Check names what the call is for.
	Check string
	// MayRefuse is whether the server may refuse the call, by a status 400, 413 or 422, and the round goes on with Answer.Refused.
	// A server that refuses any other call can not be probed with the settings at hand.
	MayRefuse bool
}

// Answer is what the server answered to a call.
type Answer struct {
	// Vectors holds Count vectors of Dimension elements, row by row, in the order of the texts.
	Vectors          []float32
	Dimension, Count int
	// Ragged is whether the vectors were not all of one length. Vectors is not looked at then.
	Ragged bool
	// Tokens is the number that the server counted, 0 where it does not say.
	Tokens int64
	// Model is the name that the server gives, if any.
	Model string
	// Refused is whether the server refused the call.
	Refused bool
}

// Round is a sequence of calls and the answers to them.
type Round struct {
	plan    *Plan
	number  int64
	chosen  []int // indices of the plan's blocks
	planned []planned
	calls   []Call
	answers []Answer
	skipped []string
}

// Calls returns the calls in the order in which they have to be sent, one after the other: some tell something only if they come
// right behind each other.
func (r *Round) Calls() []Call { return r.calls }

// Take takes the answer to call i. It keeps answer.Vectors.
func (r *Round) Take(i int, answer Answer) { r.answers[i] = answer }

// Tokens is an estimate of the tokens of the round.
func (r *Round) Tokens() int {
	sum := 0
	for _, c := range r.calls {
		sum += c.Tokens
	}
	return sum
}
