package dialect

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// Pooling is vLLM's /pooling: OpenAI's embeddings API with a member task, whose answer gives what the model's pooler
// made, a vector or a matrix, in each entry's member data.
type Pooling struct{}

// Name returns "vllm_pooling".
func (Pooling) Name() string { return "vllm_pooling" }

// Matches reports whether the call is a POST to /pooling, wherever the server mounts it.
func (Pooling) Matches(method, path string) bool {
	return method == http.MethodPost && strings.HasSuffix(path, "/pooling")
}

// Tasks of vLLM's pooling models (its PoolingTask) other than embed, and encode as older versions call it.
const (
	// poolTokenEmbed gives a vector for each token: counted and not read.
	poolTokenEmbed = "token_embed"
	// The others give no embeddings.
	poolClassify      = "classify"
	poolScore         = "score"
	poolTokenClassify = "token_classify"
	poolPlugin        = "plugin"
)

// ReadRequest reads a pooling request. A task other than that of embedding becomes the event's task type, by which
// ReadResponse knows what the answer holds.
func (Pooling) ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error {
	err := OpenAI{}.ReadRequest(body, texts, ev)
	switch ev.TaskType {
	case "embed", "encode":
		ev.TaskType = ""
	}
	return err
}

// WriteRequest writes a request for embeddings.
func (Pooling) WriteRequest(r *Request) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	body := newOpenAIRequest(r)
	body.Task = "embed"
	return write(body)
}

// ReadResponse reads the answer to a pooling request. For tasks that embed nothing, it reads no numbers.
func (Pooling) ReadResponse(header http.Header, body []byte, ev *embedding.Event) error {
	switch {
	case failed(body, ev):
		return nil
	case isBytes(header):
		if !givesVectors(ev.TaskType) {
			return nil
		}
		return wrap("read pooling answer", readBytes(header, body, ev))
	}
	return wrap("read pooling answer", readList(body, ev, true))
}

// ReadEnd reads usage.
func (Pooling) ReadEnd(header http.Header, end []byte, ev *embedding.Event) {
	OpenAI{}.ReadEnd(header, end, ev)
}

// givesVectors reports whether a pooling task gives vectors.
func givesVectors(task string) bool {
	switch task {
	case poolClassify, poolScore, poolTokenClassify, poolPlugin:
		return false
	}
	return true
}

// readPoolingData reads the value of data: a list of objects, each with what one input gave. Where the request named
// no task, the shape decides: a single number is a score, a matrix has a vector for each token.
func readPoolingData(s *scanner, out *outputs) {
	if s.peek() != '[' || !givesVectors(out.ev.TaskType) {
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
			case "data":
				if s.peek() == '[' && nested(*s) || s.peek() == '"' && out.ev.TaskType == poolTokenEmbed {
					out.pass(s)
				} else {
					out.decode(s)
				}
			case "index":
				if n, ok := s.natural(); ok {
					index = int(n)
				}
			default:
				s.skip()
			}
		}
		if out.dimension == 1 {
			out.ev.Vectors = out.ev.Vectors[:out.start]
			continue
		}
		out.finish(s, index)
	}
}

// bytesType is the media type of the answers that vLLM gives for the encoding formats bytes and bytes_only.
const bytesType = "application/octet-stream"

// metadataHeader is the response header in which vLLM describes the body of an answer in the format bytes: a JSON
// object with the members of an embeddings answer, whose data has in place of each embedding its index, embed_dtype,
// endianness, the offsets start and end in the body, and the tensor's shape.
const metadataHeader = "Metadata"

func isBytes(header http.Header) bool {
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), bytesType)
}

// readBytes reads a body of vectors without anything around them.
func readBytes(header http.Header, body []byte, ev *embedding.Event) error {
	out := outputs{ev: ev}
	out.reset()
	metadata := header.Get(metadataHeader)
	if metadata == "" {
		return readBytesOnly(body, &out)
	}
	s := scanner{text: []byte(metadata)}
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
			readBytesData(&s, body, &out)
		default:
			s.skip()
		}
	}
	s.end()
	out.sort()
	if s.err != nil {
		return fmt.Errorf("header metadata: %w", s.err)
	}
	return out.err
}

// readBytesOnly reads a body that nothing describes: a vector for each input, all of one length.
func readBytesOnly(body []byte, out *outputs) error {
	count := out.ev.InputCount
	switch {
	case len(body) == 0:
		return nil
	case count == 0 || len(body)%count != 0:
		return fmt.Errorf("%d bytes for %d inputs", len(body), count)
	}
	s := scanner{} // nothing of the body is JSON
	size := len(body) / count
	for i := range count {
		out.begin()
		out.decodeBytes(body[i*size : (i+1)*size])
		out.finish(&s, i)
	}
	return out.err
}

// readBytesData reads the descriptions of the vectors in body. Together they may not take more than the body has, so
// that a small body cannot fill the memory.
func readBytesData(s *scanner, body []byte, out *outputs) {
	if s.peek() != '[' {
		s.skip()
		return
	}
	left := int64(len(body))
	for more := out.open(s); more; more = s.next(']') {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		out.begin()
		index, shape := out.ev.OutputCount, 0
		var start, end int64
		out.elements, out.known = vector.ParseElements(out.ev.ElementType)
		out.bigEndian = out.ev.BigEndian
		for more := s.open('{'); more; more = s.next('}') {
			switch string(s.key()) {
			case "index":
				if n, ok := s.natural(); ok {
					index = int(n)
				}
			case "embed_dtype":
				out.elements, out.known = vector.ParseElements(s.identifier())
			case "endianness":
				out.bigEndian = s.identifier() == "big"
			case "start":
				start, _ = s.natural()
			case "end":
				end, _ = s.natural()
			case "shape":
				shape = readShape(s)
			default:
				s.skip()
			}
		}
		switch {
		case s.err != nil:
		case start > end || end > int64(len(body)) || end-start > left:
			out.fail(fmt.Errorf("bytes %d to %d of %d", start, end, len(body)))
		case shape > 1 || out.ev.TaskType == poolTokenEmbed:
			out.unread = true
		default:
			left -= end - start
			out.decodeBytes(body[start:end])
		}
		out.finish(s, index)
	}
}

// readShape reads a tensor's shape and returns how many dimensions it has, 0 where it is not given.
func readShape(s *scanner) (dimensions int) {
	if s.peek() != '[' {
		s.skip()
		return 0
	}
	for more := s.open('['); more; more = s.next(']') {
		s.skip()
		dimensions++
	}
	return dimensions
}

// decodeBytes reads the elements of the vector that begin started.
func (out *outputs) decodeBytes(raw []byte) {
	if !out.known {
		out.unread = true
		return
	}
	if out.ev.CountVectors {
		out.countBytes(len(raw))
		return
	}
	var err error
	out.ev.Vectors, err = vector.AppendElements(out.ev.Vectors, raw, out.elements, out.bigEndian)
	out.dimension = len(out.ev.Vectors) - out.start
	out.fail(err)
}
