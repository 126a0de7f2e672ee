package server

import (
	"slices"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/tokens"
)

// Instructions as Qwen3-Embedding takes them, and the prefixes of E5 and Nomic.
const (
	instructionStart = "Instruct: "
	instructionEnd   = "\nQuery:"
)

var plainPrefixes = [...]string{"query: ", "passage: ", "search_query: ", "search_document: "}

// dropPrefixes cuts the instructions off the inputs where the fault prefix hits, and counts their tokens anew.
func (s *Server) dropPrefixes(inputs []input) {
	if !s.faults.on(faultPrefix) || !slices.ContainsFunc(inputs, input.hasPrefix) {
		return
	}
	if _, ok := s.faults.hit(faultPrefix); !ok {
		return
	}
	for i, in := range inputs {
		if text, ok := withoutPrefix(in.text); ok {
			inputs[i] = input{text: text, tokens: tokens.Count(text) + endTokens}
		}
	}
}

func (in input) hasPrefix() bool {
	_, ok := withoutPrefix(in.text)
	return ok
}

// withoutPrefix returns the text behind an instruction and the space after it, and whether there was one.
func withoutPrefix(text string) (string, bool) {
	if rest, ok := strings.CutPrefix(text, instructionStart); ok {
		_, query, ok := strings.Cut(rest, instructionEnd)
		return strings.TrimPrefix(query, " "), ok
	}
	for _, prefix := range plainPrefixes {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return rest, true
		}
	}
	return text, false
}
