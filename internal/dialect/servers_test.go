package dialect

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// The vectors of most fixtures; all of their elements are exact in every type of float.
func fixtureVectors() []float32 {
	return []float32{0.5, -0.25, 1, 0.125, -2, 0, 0.75, -1.5, 1, 0.5, -0.5, 0.25, -0.125, 2, -1, 0.375}
}

// fixtureSigns are their signs, as packed bits have them.
func fixtureSigns() []float32 {
	signs := fixtureVectors()
	for i, v := range signs {
		if signs[i] = 1; v < 0 {
			signs[i] = -1
		}
	}
	return signs
}

func readFixture(t *testing.T, name string) (request, response []byte) {
	t.Helper()
	request, err := os.ReadFile(filepath.Join("testdata", name+".request.json"))
	require.NoError(t, err)
	response, err = os.ReadFile(filepath.Join("testdata", name+".response.json"))
	require.NoError(t, err)
	return request, response
}

func newTexts() *embedding.TextReader {
	return embedding.NewTextReader(embedding.NewFingerprinter(testKey), nil, nil)
}

type serverCase struct {
	fixture string
	path    string
	want    embedding.Event
}

// serverCases are requests and answers as the API documents of each server show them. Every one has the texts "first"
// and "second" and 5 tokens, unless it says otherwise.
func serverCases() []serverCase {
	floats, signs := fixtureVectors(), fixtureSigns()
	int8s := []float32{12, -100, 127, -128, 0, 1, -1, 50}
	return []serverCase{
		{"openai/base64", "/v1/embeddings", embedding.Event{
			RequestModel: "text-embedding-3-small", ResponseModel: "text-embedding-3-small", EncodingFormat: "base64",
			RequestedDimension: 8, Vectors: floats,
		}},
		{"azure/deployment", "/openai/deployments/some/embeddings", embedding.Event{
			ResponseModel: "text-embedding-3-large", TaskType: "query", Vectors: floats,
		}},
		{"azure/deployment", "/models/embeddings", embedding.Event{
			ResponseModel: "text-embedding-3-large", TaskType: "query", Vectors: floats,
		}},
		{"vllm/base64", "/v1/embeddings", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "embd-r1", EncodingFormat: "base64", ElementType: "float16",
			BigEndian: true, Vectors: floats,
		}},
		{"vllm/messages", "/v1/embeddings", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "embd-r2", EncodingFormat: "float",
			InputCount: 1, InputCharacters: []int64{0}, OutputCount: 1, Vectors: floats[:8],
		}},
		{"vllm/pooling", "/pooling", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "pool-r3", Vectors: floats,
		}},
		{"vllm/pooling_tokens", "/pooling", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "pool-r4", TaskType: "token_embed", OutputCount: 2,
		}},
		{"vllm/pooling_classify", "/pooling", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "pool-r5", TaskType: "classify", OutputCount: -1,
		}},
		{"vllm/pooling_scores", "/pooling", embedding.Event{
			RequestModel: "m", ResponseModel: "m", ResponseID: "pool-r6", OutputCount: -1,
		}},
		{"vllm/cohere", "/v2/embed", embedding.Event{
			RequestModel: "m", ResponseID: "embd-r7", TaskType: "query", EncodingFormat: "base64", Vectors: floats,
		}},
		{"jina/ubinary", "/v1/embeddings", embedding.Event{
			RequestModel: "jina-embeddings-v3", ResponseModel: "jina-embeddings-v3", TaskType: "retrieval.passage",
			ElementType: "ubinary", RequestedDimension: 8, InputCharacters: []int64{5, 0}, Vectors: signs,
		}},
		{"jina/binary", "/v1/embeddings", embedding.Event{
			RequestModel: "jina-embeddings-v3", ResponseModel: "jina-embeddings-v3", TaskType: "text-matching",
			ElementType: "binary", Vectors: signs,
		}},
		{"voyage/int8", "/v1/embeddings", embedding.Event{
			RequestModel: "voyage-3.5", ResponseModel: "voyage-3.5", TaskType: "document", ElementType: "int8",
			RequestedDimension: 4, Vectors: int8s,
		}},
		{"voyage/base64", "/v1/embeddings", embedding.Event{
			RequestModel: "voyage-3.5", ResponseModel: "voyage-3.5", ElementType: "int8", EncodingFormat: "base64",
			Vectors: int8s,
		}},
		{"mistral/uint8", "/v1/embeddings", embedding.Event{
			RequestModel: "codestral-embed", ResponseModel: "codestral-embed", ResponseID: "a1", ElementType: "uint8",
			RequestedDimension: 4, Vectors: []float32{0, 128, 255, 7, 1, 2, 3, 4},
		}},
		{"infinity/float", "/embeddings", embedding.Event{
			RequestModel: "BAAI/bge-small-en-v1.5", ResponseModel: "BAAI/bge-small-en-v1.5", ResponseID: "infinity-1",
			EncodingFormat: "float", InputTokens: 11, Vectors: floats,
		}},
		{"cohere/v1", "/v1/embed", embedding.Event{
			RequestModel: "embed-english-v3.0", ResponseID: "c1", TaskType: "search_document", Vectors: floats,
		}},
		{"cohere/v1_types", "/providers/cohere/v1/embed", embedding.Event{
			RequestModel: "embed-english-v3.0", ResponseID: "c2", TaskType: "search_query", Vectors: floats,
		}},
		{"cohere/v2_binary", "/v2/embed", embedding.Event{
			RequestModel: "embed-v4.0", ResponseID: "c3", TaskType: "classification", ElementType: "binary",
			RequestedDimension: 256, InputCharacters: []int64{5, 0}, Vectors: signs,
		}},
	}
}

func TestServers(t *testing.T) {
	t.Parallel()
	for _, tt := range serverCases() {
		t.Run(tt.fixture+tt.path, func(t *testing.T) {
			t.Parallel()
			request, response := readFixture(t, tt.fixture)
			d, ok := For(http.MethodPost, tt.path)
			require.True(t, ok)
			got := embedding.Event{StatusCode: http.StatusOK}
			require.NoError(t, d.ReadRequest(request, newTexts(), &got))
			require.NoError(t, d.ReadResponse(nil, response, &got))

			want := tt.want
			want.StatusCode, want.HasInputTokens, want.TokensUnit = http.StatusOK, true, embedding.UnitToken
			if want.InputTokens == 0 {
				want.InputTokens = 5
			}
			if want.InputCount == 0 {
				want.InputCount = 2
			}
			if want.InputCharacters == nil {
				want.InputCharacters = []int64{5, 6}
			}
			switch {
			case want.OutputCount < 0:
				want.OutputCount = 0
			case want.OutputCount == 0:
				want.OutputCount = 2
			}
			want.OutputDimension = len(want.Vectors) / max(want.OutputCount, 1)
			if want.InputCharacters[0] > 0 {
				require.Equal(t, fingerprints("first"), got.InputFingerprints[:embedding.FingerprintSize])
			}
			got.InputFingerprints = nil
			assertEvent(t, want, got)
		})
	}
}

// TestServersBrokenOff cuts every body at every byte: what was read stays consistent.
func TestServersBrokenOff(t *testing.T) {
	t.Parallel()
	for _, tt := range serverCases() {
		request, response := readFixture(t, tt.fixture)
		request, response = []byte(strings.TrimSpace(string(request))), []byte(strings.TrimSpace(string(response)))
		d, _ := For(http.MethodPost, tt.path)
		for cut := range request {
			var ev embedding.Event
			require.Error(t, d.ReadRequest(request[:cut], newTexts(), &ev))
			require.Len(t, ev.InputCharacters, ev.InputCount)
			require.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize)
		}
		ev := embedding.Event{StatusCode: http.StatusOK}
		require.NoError(t, d.ReadRequest(request, nil, &ev))
		for cut := range response {
			require.Error(t, d.ReadResponse(nil, response[:cut], &ev))
			requireConsistent(t, &ev)
		}
	}
}

// requireConsistent checks what holds of the outputs of any event.
func requireConsistent(t require.TestingT, ev *embedding.Event) {
	require.GreaterOrEqual(t, ev.OutputCount, ev.OutputRagged)
	if ev.OutputDimension == 0 {
		require.Empty(t, ev.Vectors)
		return
	}
	require.Zero(t, len(ev.Vectors)%ev.OutputDimension)
	require.LessOrEqual(t, len(ev.Vectors)/ev.OutputDimension, ev.OutputCount-ev.OutputRagged)
}

// entry is one vector's description in vLLM's header metadata.
type entry struct {
	Index      int    `json:"index"`
	EmbedDtype string `json:"embed_dtype"`
	Endianness string `json:"endianness"`
	Start      int    `json:"start"`
	End        int    `json:"end"`
	Shape      []int  `json:"shape"`
}

func metadataOf(t require.TestingT, entries ...entry) http.Header {
	text, err := json.Marshal(map[string]any{
		"id": "embd-1", "created": 1700000000, "model": "m", "data": entries,
		"usage": map[string]int{"prompt_tokens": 5, "total_tokens": 5},
	})
	require.NoError(t, err)
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	header.Set("metadata", string(text))
	return header
}

// encode writes x, whose elements are exact in e, in entries of e.
func encode(t require.TestingT, x []float32, e vector.Elements, bigEndian bool) []byte {
	var out []byte
	for _, v := range x {
		found := false
		for bits := range 1 << min(16, 8*e.Size()) {
			raw := binary.LittleEndian.AppendUint32(nil, uint32(bits))[:e.Size()]
			if e == vector.Float32 {
				raw = vector.AppendFloat32s(nil, []float32{v})
			}
			decoded, err := vector.AppendElements(nil, raw, e, false)
			require.NoError(t, err)
			if found = decoded[0] == v; found {
				for i := range raw {
					if bigEndian {
						i = len(raw) - 1 - i
					}
					out = append(out, raw[i])
				}
				break
			}
		}
		require.True(t, found, v)
	}
	return out
}

// TestEncodings sends the same vectors in every element type and byte order, as base64, bytes and bytes_only: every
// form gives the same event.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"float32", "float16", "bfloat16", "fp8_e4m3", "fp8_e5m2"} {
		for _, endianness := range []string{"native", "little", "big"} {
			e, ok := vector.ParseElements(name)
			require.True(t, ok)
			x := fixtureVectors()
			raw := encode(t, x, e, endianness == "big")
			half := len(raw) / 2
			request := fmt.Sprintf(`{"model":"m","input":["a","b"],"embed_dtype":%q,"endianness":%q}`, name, endianness)
			entries := []entry{
				{1, name, endianness, half, len(raw), []int{8}},
				{0, name, endianness, 0, half, []int{8}},
			}
			text := base64.StdEncoding.EncodeToString
			answers := map[string]struct {
				header http.Header
				body   []byte
			}{
				"base64":     {nil, fmt.Appendf(nil, `{"data":[{"index":1,"embedding":%q},{"index":0,"embedding":%q}]}`, text(raw[half:]), text(raw[:half]))},
				"bytes":      {metadataOf(t, entries...), raw},
				"bytes_only": {http.Header{"Content-Type": {"application/octet-stream; x=y"}}, raw},
			}
			for form, answer := range answers {
				ev := embedding.Event{StatusCode: http.StatusOK}
				require.NoError(t, OpenAI{}.ReadRequest([]byte(request), nil, &ev))
				require.NoError(t, OpenAI{}.ReadResponse(answer.header, answer.body, &ev), form)
				require.Equal(t, 2, ev.OutputCount, form)
				require.Equal(t, 8, ev.OutputDimension, form)
				require.Equal(t, x, ev.Vectors, "%s %s %s", form, name, endianness)
				require.Equal(t, form == "bytes", ev.ResponseID == "embd-1" && ev.ResponseModel == "m" && ev.InputTokens == 5)
			}
		}
	}
}

func TestBytesMalformed(t *testing.T) {
	t.Parallel()
	octets := http.Header{"Content-Type": {"application/octet-stream"}}
	broken := octets.Clone()
	broken.Set("metadata", `{"model":"m","data":[{"index":0`)
	for _, tt := range []struct {
		header  http.Header
		inputs  int
		message string
		count   int
	}{
		{octets, 0, "16 bytes for 0 inputs", 0},
		{octets, 3, "16 bytes for 3 inputs", 0},
		{octets, 8, "2 bytes are no multiple of 4", 8},
		{broken, 1, "header metadata: JSON ends", 0},
		{metadataOf(t, entry{Start: 8, End: 4}), 1, "bytes 8 to 4 of 16", 1},
		{metadataOf(t, entry{End: 20}), 1, "bytes 0 to 20 of 16", 1},
		{metadataOf(t, entry{Start: -4, End: 3}), 1, "no multiple of 4", 1},
		{metadataOf(t, entry{End: 16}, entry{End: 16}), 2, "vector 1: bytes 0 to 16 of 16", 2}, // more than the body has
		{metadataOf(t, entry{End: 16, EmbedDtype: "int4"}), 1, "", 1},
		{metadataOf(t, entry{End: 16, Shape: []int{2, 2}}), 1, "", 1},
	} {
		ev := embedding.Event{StatusCode: http.StatusOK, InputCount: tt.inputs}
		err := OpenAI{}.ReadResponse(tt.header, make([]byte, 16), &ev)
		if tt.message == "" {
			require.NoError(t, err)
			require.Empty(t, ev.Vectors)
			require.Zero(t, ev.OutputRagged)
		} else {
			require.ErrorContains(t, err, tt.message)
		}
		require.Equal(t, tt.count, ev.OutputCount, tt.message)
		requireConsistent(t, &ev)
	}
	ev := embedding.Event{StatusCode: http.StatusOK, TaskType: "classify", InputCount: 2}
	require.NoError(t, Pooling{}.ReadResponse(octets, make([]byte, 16), &ev))
	require.Zero(t, ev.OutputCount)
}

func TestCohereInputs(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]int64{
		`{"images":["data:image/png;base64,AA=="],"texts":null}`:                                                              {0},
		`{"texts":["a","é😀"],"images":null,"inputs":null}`:                                                                    {1, 2},
		`{"inputs":[{"content":[]},{"content":[{"type":"text","text":"abc"}]},{"content":[{"text":"a"},{"text":"b"}]},null]}`: {0, 3, 0, 0},
		`{"inputs":[{"content":"abc"},{"content":["abc"]},{"content":[{"type":"image_url","image_url":{}}]}]}`:                {0, 0, 0},
		`{"texts":"abc"}`: nil,
	} {
		var ev embedding.Event
		require.NoError(t, Cohere{}.ReadRequest([]byte(body), newTexts(), &ev))
		require.Equal(t, want, ev.InputCharacters, body)
		require.Len(t, ev.InputFingerprints, len(want)*embedding.FingerprintSize, body)
	}
}

// TestCohereTypes reads answers with several types, null ones, and types that nobody knows.
func TestCohereTypes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]embedding.Event{
		`{"embeddings":{"float":[[1,2]],"int8":[[3,4]]}}`:       {OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		`{"embeddings":{"int8":[[3,4]],"float":[[1,2]]}}`:       {OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		`{"embeddings":{"int8":[[3,4]],"uint8":[[5,6]]}}`:       {OutputCount: 1, OutputDimension: 2, Vectors: []float32{3, 4}},
		`{"embeddings":{"float":null,"uint8":[[5,6]]}}`:         {OutputCount: 1, OutputDimension: 2, Vectors: []float32{5, 6}},
		`{"embeddings":{"int4":[[5,6]]}}`:                       {OutputCount: 1},
		`{"embeddings":{"float":[[1,2],[3],null]}}`:             {OutputCount: 3, OutputDimension: 2, OutputRagged: 2, Vectors: []float32{1, 2}},
		`{"embeddings":[[1,2]],"meta":{"billed_units":null}}`:   {OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		`{"embeddings":7,"meta":{"tokens":{"input_tokens":3}}}`: {InputTokens: 3, HasInputTokens: true, TokensUnit: "token"},
	} {
		got := embedding.Event{StatusCode: http.StatusOK}
		require.NoError(t, Cohere{}.ReadResponse(nil, []byte(body), &got), body)
		want.StatusCode = http.StatusOK
		assertEvent(t, want, got)
	}
}

func TestCohereErrors(t *testing.T) {
	t.Parallel()
	ev := embedding.Event{StatusCode: http.StatusTooManyRequests}
	require.NoError(t, Cohere{}.ReadResponse(nil, []byte(`{"message":"trial key limit"}`), &ev))
	require.Equal(t, "429", ev.ErrorType)
	ev = embedding.Event{StatusCode: http.StatusBadRequest}
	require.NoError(t, Pooling{}.ReadResponse(nil, []byte(`{"error":{"message":"no","type":"BadRequestError"}}`), &ev))
	require.Equal(t, "BadRequestError", ev.ErrorType)
}

func fuzzServers(f *testing.F, server string) {
	for _, tt := range serverCases() {
		if !strings.HasPrefix(tt.fixture, server) {
			continue
		}
		request, err := os.ReadFile(filepath.Join("testdata", tt.fixture+".request.json"))
		require.NoError(f, err)
		response, err := os.ReadFile(filepath.Join("testdata", tt.fixture+".response.json"))
		require.NoError(f, err)
		f.Add(request, response)
	}
}

// requireTotal reads a call and checks what holds of any.
func requireTotal(t *testing.T, d Dialect, header http.Header, request, response []byte) {
	ev := embedding.Event{StatusCode: http.StatusOK}
	if d.ReadRequest(request, newTexts(), &ev) == nil {
		require.True(t, json.Valid(request))
	}
	require.Len(t, ev.InputCharacters, ev.InputCount)
	require.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize)
	_ = d.ReadResponse(header, response, &ev) // any error will do
	requireConsistent(t, &ev)
	require.LessOrEqual(t, len(ev.Vectors), 8*len(response), "more elements than the body has bits")
}

func FuzzCohere(f *testing.F) {
	fuzzServers(f, "cohere")
	f.Add([]byte(`{"inputs":[{"content":[]},{"content":[{"text":"a"}]},7]}`), []byte(`{"embeddings":{"uint8":[[1]],"float":[[2,3],null]}}`))
	f.Fuzz(func(t *testing.T, request, response []byte) { requireTotal(t, Cohere{}, nil, request, response) })
}

func FuzzPooling(f *testing.F) {
	fuzzServers(f, "vllm/pooling")
	f.Add([]byte(`{"input":"a","embed_dtype":"ubinary"}`), []byte(`{"data":[{"data":"AAEC"},{"data":[ [1]]},{"data":[7,8]}]}`))
	f.Fuzz(func(t *testing.T, request, response []byte) { requireTotal(t, Pooling{}, nil, request, response) })
}

func FuzzBytes(f *testing.F) {
	f.Add(`{"id":"a","data":[{"index":0,"embed_dtype":"float16","endianness":"big","start":0,"end":4,"shape":[2]}]}`, []byte("abcd"))
	f.Add(`{"data":[{"start":0,"end":4},{"start":2,"end":4}]}`, []byte("abcd"))
	f.Add("", []byte("abcdefgh"))
	f.Fuzz(func(t *testing.T, metadata string, body []byte) {
		header := http.Header{"Content-Type": {bytesType}}
		header.Set(metadataHeader, metadata)
		requireTotal(t, OpenAI{}, header, []byte(`{"input":["a","b"],"embed_dtype":"float32"}`), body)
		requireTotal(t, Pooling{}, header, []byte(`{"input":["a","b"]}`), body)
	})
}
