package dialect

import (
	"bytes"
	"cmp"
	"strconv"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Named classes of errors: the same failure has the same error.type whichever server it came from.
const (
	errorContextLength = "context_length_exceeded"
	errorDimensions    = "dimensions_not_supported"
	errorModel         = "model_not_found"
	errorOverloaded    = "overloaded"
	errorOutOfMemory   = "out_of_memory"
)

// ErrorNaN is the error type of an answer that failed because the vectors hold NaN, for which JSON has no number.
const ErrorNaN = "not_a_number"

// An apiError is what the body of a failure says. Its message quotes texts in places: it is looked at and not kept.
type apiError struct {
	// kind and code are identifiers, kind the one that servers mean for programs.
	kind, code string
	message    []byte
}

// readError reads an error in the forms that servers use: members of the body itself, or of its member error, or an
// error or a detail that is the message itself.
func readError(s *scanner) apiError {
	var outer, inner apiError
	if s.peek() != '{' {
		return outer
	}
	for more := s.open('{'); more; more = s.next('}') {
		key := s.key()
		if string(key) != "error" || s.peek() != '{' {
			outer.read(s, key)
			continue
		}
		inner = apiError{}
		for more := s.open('{'); more; more = s.next('}') {
			inner.read(s, s.key())
		}
	}
	// Of a body that breaks off, what was read before stays.
	return apiError{
		kind:    cmp.Or(inner.kind, outer.kind),
		code:    cmp.Or(inner.code, outer.code),
		message: append(inner.message, outer.message...),
	}
}

// read reads the value of an error's member.
func (e *apiError) read(s *scanner, key []byte) {
	switch string(key) {
	case "type", "error_type":
		e.kind = s.identifier()
	case "code":
		e.code = s.identifier()
	case "message", "error", "detail":
		if s.peek() == '"' {
			e.message = append(e.message[:0], s.str()...)
			return
		}
		s.skip()
	default:
		s.skip()
	}
}

// class returns the named class of an error, or "" where it is none of them.
func (e apiError) class() string {
	switch e.code {
	case errorContextLength, errorModel:
		return e.code
	}
	message := bytes.ToLower(e.message)
	for _, known := range errorPhrases() {
		for _, phrase := range known.phrases {
			if bytes.Contains(message, []byte(phrase)) {
				return known.class
			}
		}
	}
	return ""
}

type phrases struct {
	class   string
	phrases []string
}

// errorPhrases are parts of messages, in lower case, by which servers that give no code say what is wrong: of vLLM
// and SGLang, TEI, Infinity, llama.cpp, Ollama, OpenAI and Cohere. What is said of memory comes first, since such messages name
// lengths too.
func errorPhrases() []phrases {
	return []phrases{
		{errorOutOfMemory, []string{"out of memory", "outofmemory", "requires more system memory"}},
		{ErrorNaN, []string{"out of range float values are not json compliant", "unsupported value: nan", "contains nan", "nan values"}},
		{errorContextLength, []string{
			"maximum context length", "context length", "maximum model length", "max_model_len", "too many tokens",
			"must have less than", "input is too large", "exceeds the context", "larger than the context", "longer than the maximum",
			"exceed context size", "exceeds the available context size", "increase the physical batch size",
		}},
		{errorDimensions, []string{"matryoshka", "does not support specifying dimensions", "output dimension", "changing output dimensions", "`dimensions`"}},
		{errorModel, []string{"model not found", "does not exist", "not found, try pulling", "no model named"}},
		{errorOverloaded, []string{"overloaded", "queue is full", "too many requests", "server busy", "loading model"}},
	}
}

// failed reads the answer of a call that failed, and reports whether it did.
func failed(body []byte, ev *embedding.Event) bool {
	if ev.StatusCode >= 200 && ev.StatusCode <= 299 {
		return false
	}
	setError(ev, readError(&scanner{text: body}))
	return true
}

// setError gives a failed call its error type: a named class, else what the server calls it, else the status.
func setError(ev *embedding.Event, e apiError) {
	ev.ErrorType = cmp.Or(e.class(), e.kind, e.code, strconv.Itoa(ev.StatusCode))
}
