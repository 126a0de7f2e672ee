package dialect

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// OpenAI is the OpenAI embeddings API as vLLM and most self-hosted servers speak it, with what vLLM, Jina, Voyage and
// Mistral add to it. Servers that count characters for tokens, as Infinity does, do not say so in their answers.
//
// Members of an unexpected type are treated as absent, because servers extend the API in ways of their own; of
// repeated members the last one counts.
type OpenAI struct{}

// Name returns "openai".
func (OpenAI) Name() string { return "openai" }

// Matches reports whether the call is a POST to an embeddings endpoint, wherever the server mounts it: Azure does
// under /openai/deployments/{name} and /models, gateways under prefixes of their own. Only /api/embeddings is an API
// of Ollama's.
func (OpenAI) Matches(method, path string) bool {
	return method == http.MethodPost && strings.HasSuffix(path, "/embeddings") &&
		!strings.HasSuffix(path, "/api/embeddings")
}

// taskMembers are the request members that say what the vectors are for, in the order in which they are asked: Open
// WebUI's configurable prefix field, Cohere's and Voyage's, Jina's, and that of Sentence Transformers.
var taskMembers = [...]string{"prefix", "input_type", "task", "prompt_name"}

// ReadRequest reads an embeddings request. Inputs come as a text, a list of texts, the token ids of one input, or a
// list of such; vLLM's chat form, messages in place of input, counts as one input.
func (OpenAI) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	s := scanner{text: body}
	in := inputs{ev: ev, texts: texts}
	in.reset()
	var tasks [len(taskMembers)]string
	var messages, content []byte
	ev.ElementType, ev.BigEndian = "", false
	for more := s.open('{'); more; more = s.next('}') {
		switch key := string(s.key()); key {
		case "model":
			ev.RequestModel = s.name()
		case "input":
			in.reset()
			readOpenAIInput(&s, &in)
		case "messages":
			messages = s.skip()
		case "content": // of llama.cpp's own API
			content = s.skip()
		case "dimensions", "output_dimension":
			ev.RequestedDimension = s.dimension()
		case "encoding_format":
			ev.EncodingFormat = s.identifier()
		case "embed_dtype", "output_dtype":
			setElementType(ev, s.identifier())
		case "embedding_type":
			setElementType(ev, s.firstType())
		case "endianness":
			ev.BigEndian = s.identifier() == "big"
		case "truncate_prompt_tokens":
			ev.TruncateTokens = s.dimension()
		case "user":
			readUser(&s, texts, ev)
		default:
			if i := slices.Index(taskMembers[:], key); i >= 0 {
				tasks[i] = s.task(texts)
			} else {
				s.skip()
			}
		}
	}
	s.end()
	if ev.InputCount == 0 && len(content) > 0 {
		readLlamaInput(&scanner{text: content}, &in)
	}
	if ev.InputCount == 0 && len(messages) > 0 && messages[0] == '[' {
		in.addValue(&scanner{text: messages})
	}
	ev.TaskType = cmp.Or(tasks[:]...)
	return wrap("read embeddings request", s.err)
}

// openAIRequest is what is written of a request.
type openAIRequest struct {
	Model      string   `json:"model,omitempty"`
	Input      []string `json:"input"`
	Encoding   string   `json:"encoding_format,omitempty"`
	Dimensions int      `json:"dimensions,omitempty"`
	User       string   `json:"user,omitempty"`
	Task       string   `json:"task,omitempty"` // of vLLM's pooling
}

func newOpenAIRequest(r *Request) openAIRequest {
	return openAIRequest{Model: r.Model, Input: r.Texts, Encoding: r.Encoding, Dimensions: r.Dimensions, User: r.User}
}

// WriteRequest writes a request.
func (OpenAI) WriteRequest(r *Request) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return write(newOpenAIRequest(r))
}

// readUser reads whom a request says that it is for, an identifier that the client chooses.
func readUser(s *scanner, texts *embedding.TextReader, ev *embedding.Event) {
	if s.peek() != '"' {
		s.skip()
		return
	}
	user := s.str()
	texts.User(user)
	ev.Canary = ev.Canary || embedding.IsCanary(string(user))
}

// setElementType notes what the client asked for. Jina and Cohere have base64, which is an encoding of float32, among
// their types.
func setElementType(ev *embedding.Event, name string) {
	switch name {
	case "float", "float32":
		name = ""
	case "base64":
		name, ev.EncodingFormat = "", name
	}
	ev.ElementType = name
}

// readOpenAIInput reads the value of input.
func readOpenAIInput(s *scanner, in *inputs) {
	switch s.peek() {
	case '"':
		in.addText(s)
		return
	case '[':
	default:
		s.skip()
		return
	}
	more := s.open('[')
	if more && isNumber(s.peek()) {
		in.addTokens(s, more)
		return
	}
	for ; more; more = s.next(']') {
		switch s.peek() {
		case '"':
			in.addText(s)
		case '[':
			in.addTokens(s, s.open('['))
		case '{':
			in.addObject(s)
		default:
			in.addValue(s)
		}
	}
}

// ReadResponse reads the answer to an embeddings request. The body of a failure may be anything, as proxies answer in
// ways of their own, and is never an error.
func (OpenAI) ReadResponse(header http.Header, body []byte, ev *embedding.Event) error {
	readTEITimings(header, ev)
	switch {
	case failed(body, ev):
		return nil
	case isBytes(header):
		return wrap("read embeddings answer", readBytes(header, body, ev))
	}
	return wrap("read embeddings answer", readList(body, ev, false))
}

// ReadEnd reads usage.
func (OpenAI) ReadEnd(header http.Header, end []byte, ev *embedding.Event) {
	readTEITimings(header, ev)
	if s, ok := lastMember(end, `"usage"`); ok {
		readOpenAIUsage(&s, ev)
	}
}

// lastMember returns a scanner at the value of the last member with this quoted key in the end of a body. What comes
// before is vectors, in which no key occurs.
func lastMember(end []byte, key string) (scanner, bool) {
	i := bytes.LastIndex(end, []byte(key))
	if i < 0 {
		return scanner{}, false
	}
	s := scanner{text: end, pos: i}
	s.key()
	return s, s.err == nil
}

// readList reads an answer in OpenAI's form, or the one that vLLM's pooling makes of it. To pass what reads data as a
// function would move the scanner to the heap.
func readList(body []byte, ev *embedding.Event, pooling bool) error {
	s := scanner{text: body}
	if !pooling && s.peek() == '[' { // a list is llama.cpp's own answer
		return readLlamaAnswer(&s, ev)
	}
	out := outputs{ev: ev}
	out.reset()
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "id":
			ev.ResponseID = s.name()
		case "model":
			ev.ResponseModel = s.name()
		case "usage":
			readOpenAIUsage(&s, ev)
		case "data":
			out.reset()
			if pooling {
				readPoolingData(&s, &out)
			} else {
				readOpenAIData(&s, &out)
			}
		default:
			s.skip()
		}
	}
	s.end()
	out.sort()
	return cmp.Or(s.err, out.err)
}

// readOpenAIUsage reads the value of usage. Servers that count no output for embeddings may give the total alone.
func readOpenAIUsage(s *scanner, ev *embedding.Event) {
	ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = 0, false, ""
	if s.peek() != '{' {
		s.skip()
		return
	}
	var prompt, total int64
	var hasPrompt, hasTotal bool
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "prompt_tokens":
			prompt, hasPrompt = s.natural()
		case "total_tokens":
			total, hasTotal = s.natural()
		default:
			s.skip()
		}
	}
	switch {
	case hasPrompt:
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = prompt, true, embedding.UnitToken
	case hasTotal:
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = total, true, embedding.UnitToken
	}
}

// readOpenAIData reads the value of data: a list of objects, each with one vector.
func readOpenAIData(s *scanner, out *outputs) {
	if s.peek() != '[' {
		s.skip()
		return
	}
	for more := out.open(s); more; more = s.next(']') {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		out.begin()
		index := out.ev.OutputCount
		for more := s.open('{'); more; more = s.next('}') {
			switch string(s.key()) {
			case "embedding":
				out.decode(s)
			case "index":
				index = out.ev.OutputCount
				if n, ok := s.natural(); ok {
					index = int(n)
				}
			default:
				s.skip()
			}
		}
		out.finish(s, index)
	}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
