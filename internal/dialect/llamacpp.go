package dialect

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// LlamaCPP is the native API of llama.cpp's server as its README documents it: /embedding, and /embeddings where no
// other dialect reads that. Its answers name no model and count no tokens. Its OpenAI route is the dialect OpenAI's.
type LlamaCPP struct{}

// Name returns "llamacpp".
func (LlamaCPP) Name() string { return "llamacpp" }

// Matches reports whether the call is a POST to /embedding, wherever the server is mounted, or to /embeddings.
func (LlamaCPP) Matches(method, path string) bool {
	return method == http.MethodPost && (strings.HasSuffix(path, "/embedding") || path == "/embeddings")
}

// ReadRequest reads a request. The inputs are those of input or, without it, of content.
func (LlamaCPP) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	s := scanner{text: body}
	in := inputs{ev: ev, texts: texts}
	in.reset()
	hasInput := false
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "model":
			ev.RequestModel = s.name()
		case "input":
			hasInput = true
			in.reset()
			readLlamaInput(&s, &in)
		case "content":
			if hasInput {
				s.skip()
				continue
			}
			in.reset()
			readLlamaInput(&s, &in)
		case "dimensions":
			ev.RequestedDimension = s.dimension()
		case "encoding_format":
			ev.EncodingFormat = s.identifier()
		default:
			s.skip()
		}
	}
	s.end()
	return wrap("read llama.cpp request", s.err)
}

// WriteRequest writes a request. The vectors of llama.cpp have the model's length.
func (LlamaCPP) WriteRequest(r *Request) ([]byte, error) {
	const api = "llama.cpp's own API"
	if err := cmp.Or(r.check(), r.numbersOnly(api)); err != nil {
		return nil, err
	}
	if r.Dimensions > 0 {
		return nil, notOffered(api, "dimensions")
	}
	return write(struct {
		Model   string   `json:"model,omitempty"`
		Content []string `json:"content"`
	}{r.Model, r.Texts})
}

// readLlamaInput reads the value of input or content. One input is a text, a list of token ids, a list of ids and
// texts mixed, or an object with a text and images; a list without a number in it is a list of inputs.
func readLlamaInput(s *scanner, in *inputs) {
	if s.peek() == '[' && !hasNumber(*s) {
		for more := s.open('['); more; more = s.next(']') {
			readLlamaSingle(s, in)
		}
		return
	}
	readLlamaSingle(s, in)
}

// readLlamaSingle reads one input.
func readLlamaSingle(s *scanner, in *inputs) {
	switch c := s.peek(); {
	case c == '"':
		in.addText(s)
	case c == '[' && onlyNumbers(*s):
		in.addTokens(s, s.open('['))
	case c == '[' || c == '{':
		in.addValue(s)
	default:
		s.skip()
	}
}

// hasNumber reports whether the list that s is at has a number as an element.
func hasNumber(s scanner) bool {
	for more := s.open('['); more; more = s.next(']') {
		if isNumber(s.peek()) {
			return true
		}
		s.skip()
	}
	return false
}

// onlyNumbers reports whether every element of the list that s is at is a number.
func onlyNumbers(s scanner) bool {
	for more := s.open('['); more; more = s.next(']') {
		if !isNumber(s.peek()) {
			return false
		}
		s.number()
	}
	return true
}

// ReadResponse reads the answer.
func (LlamaCPP) ReadResponse(_ http.Header, body []byte, ev *embedding.Event) error {
	if failed(body, ev) {
		return nil
	}
	s := scanner{text: body}
	return wrap("read llama.cpp answer", readLlamaAnswer(&s, ev))
}

// ReadEnd reads nothing: the answers count no tokens.
func (LlamaCPP) ReadEnd(http.Header, []byte, *embedding.Event) {}

// readLlamaAnswer reads a native answer of llama.cpp, whichever route it came from: a list with an object for each
// input, or from servers older than the end of 2024 one such object.
//
// Since then the vector in an object is wrapped in a list. A server without pooling puts the vector of each token
// into that list; as those are no vectors of texts, such inputs are counted as outputs and not read.
func readLlamaAnswer(s *scanner, ev *embedding.Event) error {
	out := outputs{ev: ev}
	out.reset()
	tokens := false
	if s.peek() == '{' {
		tokens = readLlamaEntry(s, &out)
	} else {
		for more := out.open(s); more; more = s.next(']') {
			tokens = readLlamaEntry(s, &out) || tokens
		}
	}
	s.end()
	out.sort()
	if tokens {
		out.leave()
	}
	return cmp.Or(s.err, out.err)
}

// readLlamaEntry reads the object of one input and reports whether it has token vectors. An object without a vector,
// such as the whole answer of another API, is none.
func readLlamaEntry(s *scanner, out *outputs) (tokens bool) {
	out.begin()
	index, found := out.ev.OutputCount, false
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "embedding":
			found, tokens = true, readLlamaVector(s, out)
		case "index":
			index = out.ev.OutputCount
			if n, ok := s.natural(); ok {
				index = int(n)
			}
		default:
			s.skip()
		}
	}
	if found {
		out.finish(s, index)
	}
	return tokens
}

// readLlamaVector reads the value of embedding, a vector or a list of vectors, and reports whether that list has more
// than one.
func readLlamaVector(s *scanner, out *outputs) (tokens bool) {
	if s.peek() != '[' || !nested(*s) {
		out.decode(s)
		return false
	}
	s.open('[')
	out.decode(s)
	for s.next(']') {
		s.skip()
		tokens = true
	}
	return tokens
}
