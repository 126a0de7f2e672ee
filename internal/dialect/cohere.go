package dialect

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// Cohere is Cohere's embed API in its versions 1 and 2, which vLLM and clouds speak too.
type Cohere struct{}

// Name returns "cohere".
func (Cohere) Name() string { return "cohere" }

// Matches reports whether the call is a POST to an embed endpoint, wherever the server mounts it.
func (Cohere) Matches(method, path string) bool {
	return method == http.MethodPost && (strings.HasSuffix(path, "/v1/embed") || strings.HasSuffix(path, "/v2/embed"))
}

// ReadRequest reads an embed request, whose inputs are texts, images, or inputs made of several parts.
func (Cohere) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	s := scanner{text: body}
	in := inputs{ev: ev, texts: texts}
	in.reset()
	ev.ElementType, ev.BigEndian = "", false
	for more := s.open('{'); more; more = s.next('}') {
		switch key := string(s.key()); key {
		case "model":
			ev.RequestModel = s.name()
		case "texts", "images", "inputs":
			readCohereInputs(&s, &in, key == "images")
		case "input_type":
			ev.TaskType = s.task(texts)
		case "embedding_types":
			setElementType(ev, s.firstType())
		case "output_dimension":
			ev.RequestedDimension = s.dimension()
		default:
			s.skip()
		}
	}
	s.end()
	return wrap("read embed request", s.err)
}

// WriteRequest writes a request. Cohere's models want to be told what the texts are, and version 2 of the API which types
// are wanted.
func (Cohere) WriteRequest(r *Request) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return write(struct {
		Model     string   `json:"model,omitempty"`
		Texts     []string `json:"texts"`
		InputType string   `json:"input_type"`
		Types     []string `json:"embedding_types"`
		Dimension int      `json:"output_dimension,omitempty"`
	}{r.Model, r.Texts, "search_document", []string{cmp.Or(r.Encoding, EncodingFloat)}, r.Dimensions})
}

// readCohereInputs reads the value of texts, images or inputs. A request has one of the three; others may be null or
// empty.
// Images are strings too, with the data of the image in them.
func readCohereInputs(s *scanner, in *inputs, images bool) {
	if s.peek() != '[' || emptyList(*s) {
		s.skip()
		return
	}
	in.reset()
	for more := s.open('['); more; more = s.next(']') {
		switch first := s.peek(); {
		case first == '"' && !images:
			in.addText(s)
		case first == '{':
			in.addParts(s)
		default:
			in.addValue(s)
		}
	}
}

// addParts adds the object that s is at, with a member content: a text where that is one text, else a value of some
// other kind.
func (in *inputs) addParts(s *scanner) {
	value := s.skip()
	if s.err != nil {
		return
	}
	if text, ok := onlyPart(&scanner{text: value}); ok {
		in.addText(&scanner{text: text})
		return
	}
	in.addValue(&scanner{text: value})
}

// onlyPart returns the JSON text of the only part of an input if that is a text, as in
// {"content": [{"type": "text", "text": …}]}.
func onlyPart(s *scanner) (text []byte, ok bool) {
	parts := 0
	for more := s.open('{'); more; more = s.next('}') {
		if string(s.key()) != "content" || s.peek() != '[' {
			s.skip()
			continue
		}
		parts = 0
		for more := s.open('['); more; more = s.next(']') {
			parts++
			if s.peek() != '{' {
				return nil, false
			}
			for more := s.open('{'); more; more = s.next('}') {
				switch string(s.key()) {
				case "type":
					s.skip()
				case "text":
					text = s.skip()
				default:
					return nil, false
				}
			}
		}
	}
	return text, s.err == nil && parts == 1 && len(text) > 0 && text[0] == '"'
}

// ReadResponse reads the answer to an embed request. Embeddings come as a list of vectors or, where types were asked
// for, as an object with a list for each type, of which float is read before any other.
func (Cohere) ReadResponse(_ http.Header, body []byte, ev *embedding.Event) error {
	if failed(body, ev) {
		return nil
	}
	s := scanner{text: body}
	out := outputs{ev: ev}
	out.reset()
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "id":
			ev.ResponseID = s.name()
		case "embeddings":
			readCohereEmbeddings(&s, &out)
		case "meta":
			readCohereMeta(&s, ev)
		default:
			s.skip()
		}
	}
	s.end()
	return wrap("read embed answer", cmp.Or(s.err, out.err))
}

// ReadEnd reads meta.
func (Cohere) ReadEnd(_ http.Header, end []byte, ev *embedding.Event) {
	if s, ok := lastMember(end, `"meta"`); ok {
		readCohereMeta(&s, ev)
	}
}

// readCohereEmbeddings reads the value of embeddings.
func readCohereEmbeddings(s *scanner, out *outputs) {
	switch s.peek() {
	case '[':
		readCohereVectors(s, out, "float")
		return
	case '{':
	default:
		s.skip()
		return
	}
	out.reset()
	for more := s.open('{'); more; more = s.next('}') {
		name := string(s.key())
		if s.peek() != '[' || name != "float" && out.ev.OutputCount > 0 {
			s.skip()
			continue
		}
		readCohereVectors(s, out, name)
	}
}

// readCohereVectors reads a list of vectors of a type, in place of any that were read before. A base64 string holds
// float32 values.
func readCohereVectors(s *scanner, out *outputs, elements string) {
	out.reset()
	out.bigEndian = false
	out.elements, out.known = vector.ParseElements(elements)
	if elements == "base64" {
		out.elements, out.known = vector.Float32, true
	}
	for more := out.open(s); more; more = s.next(']') {
		out.begin()
		if out.known {
			out.decode(s)
		} else {
			out.pass(s)
		}
		out.finish(s, out.ev.OutputCount)
	}
}

// readCohereMeta reads the value of meta. Cohere counts tokens among the billed units; vLLM gives tokens alone.
func readCohereMeta(s *scanner, ev *embedding.Event) {
	ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = 0, false, ""
	if s.peek() != '{' {
		s.skip()
		return
	}
	var billed, counted int64
	var hasBilled, hasCounted bool
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "billed_units":
			billed, hasBilled = readInputTokens(s)
		case "tokens":
			counted, hasCounted = readInputTokens(s)
		default:
			s.skip()
		}
	}
	switch {
	case hasBilled:
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = billed, true, embedding.UnitToken
	case hasCounted:
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = counted, true, embedding.UnitToken
	}
}

// readInputTokens reads the member input_tokens of an object.
func readInputTokens(s *scanner) (n int64, ok bool) {
	if s.peek() != '{' {
		s.skip()
		return 0, false
	}
	for more := s.open('{'); more; more = s.next('}') {
		if string(s.key()) == "input_tokens" {
			n, ok = s.natural()
		} else {
			s.skip()
		}
	}
	return n, ok
}
