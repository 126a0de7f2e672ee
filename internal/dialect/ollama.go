package dialect

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Ollama is the native API of Ollama: /api/embed, and /api/embeddings that it replaces, as Ollama's API reference
// documents them. Its OpenAI route is the dialect OpenAI's.
type Ollama struct{}

// Name returns "ollama".
func (Ollama) Name() string { return "ollama" }

// Matches reports whether the call is a POST to /api/embed or /api/embeddings, wherever the server is mounted.
func (Ollama) Matches(method, path string) bool {
	return method == http.MethodPost &&
		(strings.HasSuffix(path, "/api/embed") || strings.HasSuffix(path, "/api/embeddings"))
}

// ReadRequest reads a request: input, a text or a list of texts, or the one prompt of /api/embeddings. An empty text
// on its own asks Ollama to load the model and to embed nothing: it is no input.
func (Ollama) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	s := scanner{text: body}
	in := inputs{ev: ev, texts: texts}
	in.reset()
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "model":
			ev.RequestModel = s.name()
		case "input", "prompt":
			in.reset()
			single := s.peek() == '"'
			readOpenAIInput(&s, &in)
			if single && ev.InputCount == 1 && ev.InputCharacters[0] == 0 {
				in.reset()
			}
		case "dimensions":
			ev.RequestedDimension = s.dimension()
		case "options":
			readOllamaOptions(&s, ev)
		default:
			s.skip()
		}
	}
	s.end()
	return wrap("read Ollama request", s.err)
}

// WriteRequest writes a request to /api/embed.
func (Ollama) WriteRequest(r *Request) ([]byte, error) {
	if err := cmp.Or(r.check(), r.numbersOnly("Ollama's own API")); err != nil {
		return nil, err
	}
	return write(struct {
		Model      string   `json:"model,omitempty"`
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{r.Model, r.Texts, r.Dimensions})
}

// readOllamaOptions reads the value of options. Ollama cuts texts to the context that num_ctx gives the model.
func readOllamaOptions(s *scanner, ev *embedding.Event) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	for more := s.open('{'); more; more = s.next('}') {
		if string(s.key()) == "num_ctx" {
			ev.TruncateTokens = s.dimension()
		} else {
			s.skip()
		}
	}
}

// ReadResponse reads the answer: embeddings, a list of vectors, or embedding, the one vector of /api/embeddings. The
// latter comes without a model's name and a token count. Ollama leaves out a token count of zero.
func (Ollama) ReadResponse(_ http.Header, body []byte, ev *embedding.Event) error {
	s := scanner{text: body}
	if ev.StatusCode < 200 || ev.StatusCode > 299 {
		setError(ev, readOllamaError(&s, ev.StatusCode))
		return nil
	}
	out := outputs{ev: ev}
	out.reset()
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "model":
			ev.ResponseModel = s.name()
		case "embeddings":
			out.reset()
			if s.peek() != '[' {
				s.skip()
			} else if out.readRows(&s) {
				out.leave()
			}
		case "embedding":
			out.reset()
			if ev.InputCount == 0 && emptyList(s) {
				s.skip() // the answer to a request that only loads the model
				continue
			}
			out.begin()
			out.decode(&s)
			out.finish(&s, 0)
		case "prompt_eval_count":
			ev.InputTokens, ev.HasInputTokens = s.natural()
		case "total_duration":
			ev.Server.Total = s.nanoseconds()
		case "load_duration":
			ev.Server.Load = s.nanoseconds()
		default:
			s.skip()
		}
	}
	s.end()
	if ev.HasInputTokens {
		ev.TokensUnit = embedding.UnitToken
	}
	return wrap("read Ollama answer", cmp.Or(s.err, out.err))
}

// ReadEnd reads the token count and the durations.
func (Ollama) ReadEnd(_ http.Header, end []byte, ev *embedding.Event) {
	if s, ok := lastMember(end, `"prompt_eval_count"`); ok {
		if ev.InputTokens, ev.HasInputTokens = s.natural(); ev.HasInputTokens {
			ev.TokensUnit = embedding.UnitToken
		}
	}
	if s, ok := lastMember(end, `"total_duration"`); ok {
		ev.Server.Total = s.nanoseconds()
	}
	if s, ok := lastMember(end, `"load_duration"`); ok {
		ev.Server.Load = s.nanoseconds()
	}
}

// emptyList reports whether s is at an empty list.
func emptyList(s scanner) bool { return s.peek() == '[' && !s.open('[') }

// readOllamaError reads an error, the member error with a message alone. What Ollama does not find is a model, which
// the message names in the middle.
func readOllamaError(s *scanner, status int) apiError {
	e := readError(s)
	if status == http.StatusNotFound && bytes.HasPrefix(e.message, []byte("model ")) {
		e.code = errorModel
	}
	return e
}
