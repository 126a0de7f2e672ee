package canary

import "strings"

// Settings are what is known of a server, and what a round may cost.
type Settings struct {
	// Dimensions are Matryoshka dimensions to ask for.
	Dimensions []int
	// MaxTokens is the length of the longest text that the server reads to its end, 0 where that is to be found out.
	MaxTokens int
	// QueryInstruction and DocumentInstruction are put before queries and documents.
	QueryInstruction, DocumentInstruction string
	// Unnormalized is whether vectors need not have length 1.
	Unnormalized bool
	// Encodings are encoding formats of which each must give the same vectors. The first is the one of all other calls; none is
	// what the server gives unasked.
	Encodings []string
	// MaxBatch is the largest number of texts in a call; 0 is DefaultMaxBatch.
	MaxBatch int
	// TokenBudget is the largest estimated number of tokens in a round; 0 is DefaultTokenBudget.
	TokenBudget int
	// Salt makes the texts that are new in each round other ones than those of an earlier run: a server may remember them. The
	// time of the start will do.
	Salt uint64
}

// What Settings have where they are 0.
const (
	// DefaultMaxBatch is what Text Embeddings Inference allows unless told otherwise.
	DefaultMaxBatch    = 32
	DefaultTokenBudget = 20000
)

// Instructions returns what the makers of a model want queries and documents to begin with, as far as it is known.
func Instructions(model string) (query, document string) {
	if strings.Contains(strings.ToLower(model), "qwen3-embedding") {
		return "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", ""
	}
	return "", ""
}
