package dialect

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TEI is the native API of Hugging Face's text-embeddings-inference: /embed and /embed_all as TEI 1.8 documents them.
// Its OpenAI routes are the dialect OpenAI's. It names no model, neither in requests nor in answers.
type TEI struct{}

// Name returns "tei".
func (TEI) Name() string { return "tei" }

// Matches reports whether the call is a POST to /embed or /embed_all, wherever the server is mounted. Ollama's
// /api/embed and Cohere's /v1/embed and /v2/embed end alike and are other APIs.
func (TEI) Matches(method, path string) bool {
	if method != http.MethodPost {
		return false
	}
	mount, ok := strings.CutSuffix(path, "/embed")
	if !ok {
		return strings.HasSuffix(path, "/embed_all")
	}
	return !strings.HasSuffix(mount, "/api") && !strings.HasSuffix(mount, "/v1") && !strings.HasSuffix(mount, "/v2")
}

// ReadRequest reads a request. Inputs come as a text, a list of texts, the token ids of one input, or a list of such;
// the task type is the name of the prompt that the server puts in front of each.
func (TEI) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	s := scanner{text: body}
	in := inputs{ev: ev, texts: texts}
	in.reset()
	for more := s.open('{'); more; more = s.next('}') {
		switch string(s.key()) {
		case "inputs":
			in.reset()
			readOpenAIInput(&s, &in)
		case "prompt_name":
			ev.TaskType = s.task(texts)
		case "dimensions":
			ev.RequestedDimension = s.dimension()
		default:
			s.skip()
		}
	}
	s.end()
	return wrap("read TEI request", s.err)
}

// WriteRequest writes a request. A server has one model, so that there is no place for its name.
func (TEI) WriteRequest(r *Request) ([]byte, error) {
	if err := cmp.Or(r.check(), r.numbersOnly("TEI's own API")); err != nil {
		return nil, err
	}
	return write(struct {
		Inputs     []string `json:"inputs"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{r.Texts, r.Dimensions})
}

// teiTimings are the headers in which TEI says where its time went, in milliseconds, whichever API it is asked by. Of
// the inputs of a request they give the mean.
var teiTimings = [...]struct {
	header string
	phase  embedding.Phase
}{
	{"X-Total-Time", embedding.PhaseTotal},
	{"X-Tokenization-Time", embedding.PhaseTokenization},
	{"X-Queue-Time", embedding.PhaseQueue},
	{"X-Inference-Time", embedding.PhaseInference},
}

func readTEITimings(header http.Header, ev *embedding.Event) {
	for _, t := range teiTimings {
		value := header.Get(t.header)
		if value == "" {
			continue // an error of strconv would be allocated for nothing
		}
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil { // 24 days, far within a duration
			*ev.Server.Of(t.phase) = time.Duration(ms) * time.Millisecond
		}
	}
}

// teiTokens is the header in which TEI says how many tokens it embedded, special tokens included. Its answers have no
// other place for it.
const teiTokens = "X-Compute-Tokens"

// ReadResponse reads the answer: a list with the vector of each input, or from /embed_all with a list of token
// vectors for each. Token vectors are no vectors of texts: their inputs are counted as outputs and not read.
func (TEI) ReadResponse(header http.Header, body []byte, ev *embedding.Event) error {
	readTEITimings(header, ev)
	if failed(body, ev) {
		return nil
	}
	s := scanner{text: body}
	readTEITokens(header, ev)
	out := outputs{ev: ev}
	out.reset()
	if out.readRows(&s) {
		out.leave()
	}
	s.end()
	return wrap("read TEI answer", cmp.Or(s.err, out.err))
}

// ReadEnd reads the headers: TEI says in them what other servers say at the end.
func (TEI) ReadEnd(header http.Header, _ []byte, ev *embedding.Event) {
	readTEITimings(header, ev)
	readTEITokens(header, ev)
}

func readTEITokens(header http.Header, ev *embedding.Event) {
	if n, err := strconv.ParseInt(header.Get(teiTokens), 10, 64); err == nil && n >= 0 {
		ev.InputTokens, ev.HasInputTokens, ev.TokensUnit = n, true, embedding.UnitToken
	}
}
