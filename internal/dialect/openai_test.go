package dialect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

var testKey = []byte("a key for tests")

func TestFor(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/v1/embeddings", "/embeddings", "/openai/v1/embeddings", "/api/v1/embeddings",
		"/openai/deployments/some/embeddings", "/models/embeddings",
	} {
		d, ok := For(http.MethodPost, path)
		require.True(t, ok, path)
		assert.Equal(t, "openai", d.Name())
	}
	for _, call := range [][2]string{
		{http.MethodGet, "/v1/embeddings"}, {http.MethodOptions, "/v1/embeddings"},
		{http.MethodPost, "/v1/embeddings/"}, {http.MethodPost, "/v1/chat/completions"}, {http.MethodPost, "/v1/models"},
		{http.MethodPost, "/xv1/embeddings2"}, {http.MethodPost, ""},
	} {
		_, ok := For(call[0], call[1])
		assert.False(t, ok, call)
	}
}

// fingerprints returns what a request with these texts has for InputFingerprints.
func fingerprints(identities ...string) []byte {
	f := embedding.NewFingerprinter(testKey)
	var out []byte
	for _, identity := range identities {
		out = f.Append(out, []byte(identity))
	}
	return out
}

func TestOpenAIReadRequest(t *testing.T) {
	t.Parallel()
	const tokens1 = "\xff\x01\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00\x00\x00\x00\x00"
	tests := map[string]struct {
		body string
		want embedding.Event
	}{
		"text": {
			body: `{"model":"qwen3-embedding-4b","input":"Grüße, 世界"}`,
			want: embedding.Event{
				RequestModel: "qwen3-embedding-4b", InputCount: 1, InputCharacters: []int64{9},
				InputFingerprints: fingerprints("Grüße, 世界"),
			},
		},
		"texts": {
			body: `{"input": ["a", "", "\u00e9\ud83d\ude00\n"], "model": "m", "user": {"id": ["x"]}, "encoding_format": "base64", "dimensions": 256}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 3, InputCharacters: []int64{1, 0, 3},
				InputFingerprints: fingerprints("a", "", "é😀\n"), EncodingFormat: "base64", RequestedDimension: 256,
			},
		},
		"token ids": {
			body: `{"input":[1,1000],"model":"m"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 1, InputCharacters: []int64{0}, InputFingerprints: fingerprints(tokens1),
			},
		},
		"lists of token ids": {
			body: `{"input":[[1,1e3],[],[-7]],"model":"m"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 3, InputCharacters: []int64{0, 0, 0},
				InputFingerprints: fingerprints(tokens1, "\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
			},
		},
		"objects": {
			body: `{"input":[{"text":"a"}, {"image": "b"} ],"model":"m"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 2, InputCharacters: []int64{1, 0},
				InputFingerprints: fingerprints("a", "\xfe"+`{"image": "b"}`),
			},
		},
		"messages": {
			body: `{"messages":[{"role":"user","content":"a"}],"model":"m"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 1, InputCharacters: []int64{0},
				InputFingerprints: fingerprints("\xfe" + `[{"role":"user","content":"a"}]`),
			},
		},
		"no input":        {body: `{}`, want: embedding.Event{}},
		"empty list":      {body: `{"input":[]}`, want: embedding.Event{}},
		"unexpected type": {body: `{"input":null,"model":7,"dimensions":"256","encoding_format":["float"],"messages":null}`, want: embedding.Event{}},
		"bad dimensions":  {body: `{"dimensions":-3}`, want: embedding.Event{}},
		"huge dimensions": {body: `{"dimensions":99999999999}`, want: embedding.Event{}},
		"repeated members": {
			body: `{"model":"a","input":["x","y"],"model":"b","input":"z","dimensions":4,"dimensions":null}`,
			want: embedding.Event{
				RequestModel: "b", InputCount: 1, InputCharacters: []int64{1}, InputFingerprints: fingerprints("z"),
			},
		},
		"invalid UTF-8": {
			body: "{\"input\":[\"a\xffb\",\"\\ud800\"]}",
			want: embedding.Event{
				InputCount: 2, InputCharacters: []int64{3, 1}, InputFingerprints: fingerprints("a\ufffdb", "\ufffd"),
			},
		},
		"escaped key":            {body: `{"\u006dodel":"m"}`, want: embedding.Event{RequestModel: "m"}},
		"case of key":            {body: `{"Model":"m","INPUT":"x"}`, want: embedding.Event{}},
		"long model":             {body: `{"model":"` + strings.Repeat("é", 200) + `"}`, want: embedding.Event{RequestModel: strings.Repeat("é", 128)}},
		"long model uneven":      {body: `{"model":"x` + strings.Repeat("é", 200) + `"}`, want: embedding.Event{RequestModel: "x" + strings.Repeat("é", 127)}},
		"half floats":            {body: `{"encoding_format":"base64","embed_dtype":"float16"}`, want: embedding.Event{EncodingFormat: "base64", ElementType: "float16"}},
		"big-endian":             {body: `{"embed_dtype":"float32","endianness":"big","encoding_format":"base64"}`, want: embedding.Event{EncodingFormat: "base64", BigEndian: true}},
		"half floats as numbers": {body: `{"encoding_format":"float","embed_dtype":"float16","endianness":"native"}`, want: embedding.Event{EncodingFormat: "float", ElementType: "float16"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got embedding.Event
			require.NoError(t, OpenAI{}.ReadRequest([]byte(tt.body), newTexts(), &got))
			assertEvent(t, tt.want, got)

			tt.want.InputFingerprints = nil
			var unkeyed embedding.Event
			require.NoError(t, OpenAI{}.ReadRequest([]byte(tt.body), nil, &unkeyed))
			assertEvent(t, tt.want, unkeyed)
		})
	}
}

// assertEvent compares events; empty slices equal nil. What is counted beside the inputs and vectors themselves has
// tests of its own.
func assertEvent(t *testing.T, want, got embedding.Event) {
	t.Helper()
	assert.Equal(t, len(got.Vectors) > 0 || got.OutputCount > 0, got.HasOutput && got.OutputCount > 0)
	want.HasOutput, got.HasOutput = false, false
	want.OutputReordered, got.OutputReordered = false, false
	want.Server, got.Server = embedding.ServerTimings{}, embedding.ServerTimings{}
	if want.InputWords == 0 {
		for _, n := range []*int{&got.InputWords, &got.LongestWords, &got.InputsEmpty, &got.InputsDuplicate, &got.TruncateTokens} {
			*n = 0
		}
	}
	for _, ev := range []*embedding.Event{&want, &got} {
		if len(ev.InputCharacters) == 0 {
			ev.InputCharacters = nil
		}
		if len(ev.InputFingerprints) == 0 {
			ev.InputFingerprints = nil
		}
		if len(ev.Vectors) == 0 {
			ev.Vectors = nil
		}
	}
	assert.Equal(t, want, got)
}

func TestOpenAITaskType(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{}`:                           "general",
		`{"input_type":"query"}`:       "query",
		`{"task":"retrieval.passage"}`: "retrieval.passage",
		`{"prompt_name":"s2p"}`:        "s2p",
		`{"prompt_name":"d","task":"c","input_type":"b","prefix":"a"}`: "a",
		`{"prefix":" query: "}`:                        "query:",
		`{"prefix":"   "}`:                             "general",
		`{"prefix":null,"input_type":"document"}`:      "document",
		`{"prefix":7,"task":{"prompt_name":"x"}}`:      "general",
		`{"prefix":"two\nlines","task":"t"}`:           "t",
		`{"task":"Anfrage für etwas"}`:                 "general",
		`{"prefix":"` + strings.Repeat("x", 64) + `"}`: strings.Repeat("x", 64),
		`{"prefix":"` + strings.Repeat("x", 65) + `"}`: "general",
		`{"prefix":"Instruct: Given a web search query, retrieve relevant passages that answer it","input_type":"query"}`: "query",
	} {
		var ev embedding.Event
		require.NoError(t, OpenAI{}.ReadRequest([]byte(body), nil, &ev), body)
		assert.Equal(t, want, ev.Task(), body)
	}
}

func TestOpenAIReadRequestMalformed(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `[]`, `"x"`, `{`, `{"model":"m"`, `{"model":"m","input":["a","b`, `{"model":"m","input":[1,2`, `{"model":"m"}x`,
		`{"model":"m",}`, `{"model":"m","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		var ev embedding.Event
		err := OpenAI{}.ReadRequest([]byte(body), newTexts(), &ev)
		require.ErrorContains(t, err, "read embeddings request: ", body)
		if strings.Contains(body, "model") {
			assert.Equal(t, "m", ev.RequestModel, body)
		}
		assert.Len(t, ev.InputCharacters, ev.InputCount, body)
		assert.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize, body)
	}
}

func base64Of(x ...float32) string {
	return base64.StdEncoding.EncodeToString(vector.AppendFloat32s(nil, x))
}

func TestOpenAIReadResponse(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	tests := map[string]struct {
		elements string
		body     string
		want     embedding.Event
	}{
		"floats": {
			body: `{"id":"embd-1","object":"list","created":1700000000,"model":"qwen3","data":[
				{"index":0,"object":"embedding","embedding":[0.5,-0.25]},
				{"index":1,"object":"embedding","embedding":[1,2e-1]}],
				"usage":{"prompt_tokens":12,"total_tokens":13,"completion_tokens":0,"prompt_tokens_details":null}}`,
			want: embedding.Event{
				ResponseID: "embd-1", ResponseModel: "qwen3", InputTokens: 12, HasInputTokens: true, TokensUnit: "token",
				OutputCount: 2, OutputDimension: 2, Vectors: []float32{0.5, -0.25, 1, 0.2},
			},
		},
		"base64": {
			body: `{"data":[{"embedding":"` + base64Of(1, 2, 3) + `","index":0,"object":"embedding"},{"embedding":"` +
				strings.TrimRight(base64Of(4, 5, nan), "=") + `","index":1}],"usage":{"total_tokens":0}}`,
			want: embedding.Event{
				HasInputTokens: true, TokensUnit: "token", OutputCount: 2, OutputDimension: 3,
				Vectors: []float32{1, 2, 3, 4, 5, nan},
			},
		},
		"base64 with escapes": {
			body: `{"data":[{"embedding":"` + strings.ReplaceAll(base64Of(-1, nan), "/", `\/`) + `","index":0}]}`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{-1, nan}},
		},
		"mixed encodings": {
			body: `{"data":[{"embedding":[1,2]},{"embedding":"` + base64Of(3, 4) + `"}]}`,
			want: embedding.Event{OutputCount: 2, OutputDimension: 2, Vectors: []float32{1, 2, 3, 4}},
		},
		"reversed": {
			body: `{"data":[{"embedding":[3,3],"index":3},{"embedding":[2,2],"index":2},{"embedding":[1,1],"index":1},{"index":0,"embedding":[0,0]}]}`,
			want: embedding.Event{OutputCount: 4, OutputDimension: 2, Vectors: []float32{0, 0, 1, 1, 2, 2, 3, 3}},
		},
		"rotated": {
			body: `{"data":[{"embedding":[0],"index":0},{"embedding":[2],"index":2},{"embedding":[3],"index":3},{"embedding":[1],"index":1}]}`,
			want: embedding.Event{OutputCount: 4, OutputDimension: 1, Vectors: []float32{0, 1, 2, 3}},
		},
		"repeated index": {
			body: `{"data":[{"embedding":[1],"index":1},{"embedding":[2],"index":1}]}`,
			want: embedding.Event{OutputCount: 2, OutputDimension: 1, Vectors: []float32{1, 2}},
		},
		"index out of range": {
			body: `{"data":[{"embedding":[1],"index":2},{"embedding":[2],"index":0}]}`,
			want: embedding.Event{OutputCount: 2, OutputDimension: 1, Vectors: []float32{1, 2}},
		},
		"index of other types": {
			body: `{"data":[{"embedding":[1],"index":"1"},{"embedding":[2],"index":-5},{"embedding":[3]}]}`,
			want: embedding.Event{OutputCount: 3, OutputDimension: 1, Vectors: []float32{1, 2, 3}},
		},
		"ragged": {
			body: `{"data":[{"embedding":null,"index":4},{"embedding":[1,2],"index":3},{"embedding":[1],"index":2},{"embedding":[3,4],"index":1},{"embedding":[],"index":0},{"index":5},{"embedding":{"x":[1,2]}}]}`,
			want: embedding.Event{OutputCount: 7, OutputDimension: 2, OutputRagged: 5, Vectors: []float32{1, 2, 3, 4}},
		},
		"not finite": {
			body: `{"data":[{"embedding":[NaN,null,-Infinity,1e999],"index":0}]}`,
			want: embedding.Event{
				OutputCount: 1, OutputDimension: 4,
				Vectors: []float32{nan, nan, float32(math.Inf(-1)), float32(math.Inf(1))},
			},
		},
		"repeated members": {
			body: `{"data":[{"embedding":[1,2,3]}],"usage":{"prompt_tokens":1},"usage":null,"data":[{"embedding":[1],"embedding":[2,3],"index":7,"index":null}]}`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{2, 3}},
		},
		"unexpected types": {
			body: `{"id":7,"model":null,"usage":[1],"data":[1,"x",null,[2]]}`,
			want: embedding.Event{},
		},
		"tokens of other types": {
			body: `{"data":{},"usage":{"prompt_tokens":null,"total_tokens":5.0}}`,
			want: embedding.Event{InputTokens: 5, HasInputTokens: true, TokensUnit: "token"},
		},
		"negative tokens": {
			body: `{"usage":{"prompt_tokens":-1,"total_tokens":"3"}}`,
			want: embedding.Event{},
		},
		"half floats": {
			elements: "float16",
			body:     `{"data":[{"embedding":"ADwAwA==","index":1},{"embedding":"AAAAOA==","index":0}]}`,
			want:     embedding.Event{ElementType: "float16", OutputCount: 2, OutputDimension: 2, Vectors: []float32{0, 0.5, 1, -2}},
		},
		"unknown elements": {
			elements: "int4",
			body:     `{"data":[{"embedding":"AAAAAA==","index":1},{"embedding":"AAAAAA==","index":0}]}`,
			want:     embedding.Event{ElementType: "int4", OutputCount: 2},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.StatusCode = http.StatusOK
			got := embedding.Event{StatusCode: http.StatusOK, ElementType: tt.elements, Vectors: []float32{9, 9, 9}}
			require.NoError(t, OpenAI{}.ReadResponse(nil, []byte(tt.body), &got))
			assertVectors(t, tt.want.Vectors, got.Vectors)
			tt.want.Vectors, got.Vectors = nil, nil
			assertEvent(t, tt.want, got)
		})
	}
}

// assertVectors compares bit by bit but takes every NaN for the same.
func assertVectors(t require.TestingT, want, got []float32) {
	require.Len(t, got, len(want))
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) && !(want[i] != want[i] && got[i] != got[i]) {
			require.Failf(t, "different value", "element %d: want %g, got %g", i, want[i], got[i])
		}
	}
}

func TestOpenAIReadResponseMalformed(t *testing.T) {
	t.Parallel()
	const head = `{"model":"m","data":[{"embedding":[1,2],"index":0},`
	tests := []struct {
		body    string
		message string
		count   int
		ragged  int
	}{
		{``, "JSON ends at byte 0", 0, 0},
		{`<html>`, "JSON has '<' at byte 0", 0, 0},
		{`[[1,2]]`, "JSON has '[' at byte 1, want '{'", 0, 0},
		{head, "JSON ends", 1, 0},
		{head + `{"embedding":[3,4]`, "JSON ends", 1, 0},
		{head + `{"embedding":[3,4`, "JSON ends", 1, 0},
		{head + `{"embedding":[3,4]}`, "JSON ends", 2, 0},
		{head + `{"embedding":[3,,4]}]}`, "JSON has ','", 1, 0},
		{head + `{"embedding":"AAAA`, "JSON ends", 1, 0},
		{head + `{"embedding":[3,4]}]}}`, "want the end", 2, 0},
		{head + `{"embedding":[[3,4]]}]}`, "vector 1: number array has '[' at byte 1", 2, 1},
		{head + `{"embedding":["3","4"]}]}`, "vector 1: number array has '\"' at byte 1", 2, 1},
		{head + `{"embedding":"AAAAAAA"}]}`, "vector 1: decode base64 vector: 5 bytes", 2, 1},
		{head + `{"embedding":"3.5 4.5"},{"embedding":"__"}]}`, "vector 1: decode base64 vector: illegal base64", 3, 2},
	}
	for _, tt := range tests {
		ev := embedding.Event{StatusCode: http.StatusOK}
		err := OpenAI{}.ReadResponse(nil, []byte(tt.body), &ev)
		require.ErrorContains(t, err, "read embeddings answer: ", tt.body)
		require.ErrorContains(t, err, tt.message, tt.body)
		assert.Equal(t, tt.count, ev.OutputCount, tt.body)
		assert.Equal(t, tt.ragged, ev.OutputRagged, tt.body)
		assert.Len(t, ev.Vectors, (tt.count-tt.ragged)*ev.OutputDimension, tt.body)
		assert.Empty(t, ev.ErrorType, tt.body)
	}
}

func TestOpenAIReadResponseError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   string
	}{
		{400, `{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}`, "BadRequestError"},
		{404, `{"error":{"message":"no model","type":"NotFoundError","param":"model","code":404}}`, "NotFoundError"},
		{429, `{"error":{"message":"slow down","type":null,"param":null,"code":"rate_limit_exceeded"}}`, "rate_limit_exceeded"},
		{401, `{"error":{"message":"who?","type":"invalid_request_error","code":"invalid_api_key"}}`, "invalid_request_error"},
		{401, `{"error":"Unauthorized"}`, "401"},
		{422, `{"detail":[{"loc":["body","input"],"msg":"field required","type":"value_error.missing"}]}`, "422"},
		{404, `{"detail":"Not Found"}`, "404"},
		{500, `{"type":"something went wrong","code":null}`, "500"},
		{500, `{"type":"` + strings.Repeat("x", 65) + `"}`, "500"},
		{500, `{"type":"","code":"E_1.2-3"}`, "E_1.2-3"},
		{503, `<html>503 Service Unavailable</html>`, "503"},
		{502, ``, "502"},
		{500, `Internal Server Error`, "500"},
		{400, `{"error":{"type":"BadRequestError","message":"trunc`, "BadRequestError"},
		{302, ``, "302"},
	}
	for _, tt := range tests {
		ev := embedding.Event{StatusCode: tt.status}
		require.NoError(t, OpenAI{}.ReadResponse(nil, []byte(tt.body), &ev), tt.body)
		assert.Equal(t, embedding.Event{StatusCode: tt.status, ErrorType: tt.want}, ev, tt.body)
	}
}

// TestOpenAITruncated cuts bodies at every byte.
func TestOpenAITruncated(t *testing.T) {
	t.Parallel()
	request := `{"model":"m","input":["a\u00e9","b"],"prefix":"p","x":{"y":[true,null,-1.5e3]}}`
	response := fmt.Sprintf(`{"id":"i","data":[{"index":1,"embedding":[1,2]},{"embedding":%q,"index":0}],"usage":{"prompt_tokens":2}}`, base64Of(3, 4))
	for i := range request {
		require.Error(t, OpenAI{}.ReadRequest([]byte(request[:i]), nil, new(embedding.Event)))
	}
	for i := range response {
		ev := embedding.Event{StatusCode: http.StatusOK}
		require.Error(t, OpenAI{}.ReadResponse(nil, []byte(response[:i]), &ev))
		require.Equal(t, ev.OutputCount, ev.VectorRows())
	}
	require.True(t, json.Valid([]byte(request)) && json.Valid([]byte(response)))
}

func TestOpenAIAllocations(t *testing.T) {
	const names = 2 // of the answer and the model
	for name, body := range map[string][]byte{"float": floatAnswer(32), "base64": base64Answer(32)} {
		ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 32}
		read := func() {
			if err := (OpenAI{}).ReadResponse(nil, body, &ev); err != nil {
				t.Fatal(err)
			}
		}
		read()
		require.Len(t, ev.Vectors, 32*benchDimension)
		assert.LessOrEqual(t, testing.AllocsPerRun(5, read), float64(names), name)
	}
}

// TestOpenAIReservesOnce reads into a new event, which must neither grow by doubling nor by what a request claims.
func TestOpenAIReservesOnce(t *testing.T) {
	t.Parallel()
	ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 32}
	require.NoError(t, OpenAI{}.ReadResponse(nil, base64Answer(32), &ev))
	assert.Less(t, cap(ev.Vectors), 40*benchDimension)

	// A request that claims many inputs must not make a small answer reserve for them.
	ev = embedding.Event{StatusCode: http.StatusOK, InputCount: 1 << 40}
	require.NoError(t, OpenAI{}.ReadResponse(nil, base64Answer(1), &ev))
	assert.Less(t, cap(ev.Vectors), 2*benchDimension)
}
