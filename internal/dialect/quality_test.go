package dialect

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestInputsAreMeasured is about what is known of the inputs of each API beside their number and length.
func TestInputsAreMeasured(t *testing.T) {
	t.Parallel()
	for body, d := range map[string]Dialect{
		`{"input":["one two","three"," ","one two"]}`:                                                                OpenAI{},
		`{"task":"embed","input":["one two","three"," ","one two"]}`:                                                 Pooling{},
		`{"texts":["one two","three"," ","one two"]}`:                                                                Cohere{},
		`{"inputs":["one two","three"," ","one two"]}`:                                                               TEI{},
		`{"model":"m","input":["one two","three"," ","one two"]}`:                                                    Ollama{},
		`{"content":["one two","three"," ","one two"]}`:                                                              LlamaCPP{},
		`{"input":["left out","too"],"input":["one two","three"," ","one two"]}`:                                     OpenAI{},
		`{"input":[{"text":"one two"},"three"," ","one two"]}`:                                                       OpenAI{},
		`{"inputs":[{"content":[{"type":"text","text":"one two"}]},"three"," ","one two"],"texts":null,"images":[]}`: Cohere{},
		`{"model":"m","input":["one two","three"," ","one two"],"truncate":true,"options":{"num_gpu":1}}`:            Ollama{},
	} {
		var ev embedding.Event
		require.NoError(t, d.ReadRequest([]byte(body), newTexts(), &ev), body)
		require.Equal(t, 4, ev.InputCount, body)
		require.Equal(t, 5, ev.InputWords, body)
		require.Equal(t, 2, ev.LongestWords, body)
		require.Equal(t, 1, ev.InputsEmpty, body)
		require.Equal(t, 1, ev.InputsDuplicate, body)
		require.Zero(t, ev.TruncateTokens, body)
	}
	for body, d := range map[string]Dialect{
		`{"input":[[1,2,3],[4],[1,2,3]]}`:  OpenAI{},
		`{"inputs":[[1,2,3],[4],[1,2,3]]}`: TEI{},
		`{"input":[[1,2,3],[4],[1,2,3]] }`: LlamaCPP{},
	} {
		var ev embedding.Event
		require.NoError(t, d.ReadRequest([]byte(body), newTexts(), &ev), body)
		require.Equal(t, 7, ev.InputWords, "an id is a token")
		require.Equal(t, 3, ev.LongestWords)
		require.Equal(t, 0, ev.InputsEmpty)
		require.Equal(t, 1, ev.InputsDuplicate)
	}
}

func TestLimitsOfTheClient(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"input":"a","truncate_prompt_tokens":512}`:  512,
		`{"input":"a","truncate_prompt_tokens":-1}`:   0, // the model's own
		`{"input":"a","truncate_prompt_tokens":null}`: 0,
		`{"input":"a"}`: 0,
	} {
		var ev embedding.Event
		require.NoError(t, OpenAI{}.ReadRequest([]byte(body), newTexts(), &ev), body)
		require.Equal(t, want, ev.TruncateTokens, body)
	}
	var ev embedding.Event
	require.NoError(t, Ollama{}.ReadRequest([]byte(`{"input":"a","options":{"x":[],"num_ctx":2048}}`), newTexts(), &ev))
	require.Equal(t, 2048, ev.TruncateTokens)
	require.NoError(t, Ollama{}.ReadRequest([]byte(`{"input":"a","options":null}`), newTexts(), &ev))
}

func TestUser(t *testing.T) {
	t.Parallel()
	texts := newTexts()
	var ev embedding.Event
	require.NoError(t, OpenAI{}.ReadRequest([]byte(`{"user":"u\u00e9","input":"a"}`), texts, &ev))
	want := newTexts()
	want.User([]byte("ué"))
	require.Equal(t, want.ClientID(""), texts.ClientID(""))
	texts.Reset()
	require.NoError(t, OpenAI{}.ReadRequest([]byte(`{"user":{"id":1},"input":"a"}`), texts, &ev))
	require.Empty(t, texts.ClientID(""))
}

func TestEmptyAnswersAreAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d    Dialect
		body string
		has  bool
	}{
		{OpenAI{}, `{"data":[]}`, true},
		{OpenAI{}, `{"data":null}`, false},
		{OpenAI{}, `{"object":"list"}`, false},
		{OpenAI{}, `[]`, true},
		{Pooling{}, `{"data":[]}`, true},
		{Cohere{}, `{"embeddings":[]}`, true},
		{Cohere{}, `{"embeddings":{"float":[]}}`, true},
		{Cohere{}, `{"embeddings":{}}`, false},
		{TEI{}, `[]`, true},
		{Ollama{}, `{"embeddings":[]}`, true},
		{LlamaCPP{}, `[]`, true},
	} {
		ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 2}
		require.NoError(t, tt.d.ReadResponse(nil, []byte(tt.body), &ev), tt.body)
		require.Equal(t, tt.has, ev.HasOutput, tt.body)
		require.Zero(t, ev.OutputCount)
	}
}

func TestOrderOfAnswers(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[2]}]}`:  false,
		`{"data":[{"embedding":[1]},{"embedding":[2]}]}`:                      false,
		`{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}`:  true,
		`{"data":[{"index":1,"embedding":[2]},{"index":2,"embedding":[1]}]}`:  true,
		`{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}`:  true,
		`[{"index":1,"embedding":[[2]]},{"index":0,"embedding":[[1]]}]`:       true,
		`{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":null}]}`: false,
	} {
		ev := embedding.Event{StatusCode: http.StatusOK, OutputReordered: true}
		require.NoError(t, OpenAI{}.ReadResponse(nil, []byte(body), &ev), body)
		require.Equal(t, want, ev.OutputReordered, body)
	}
}

func TestServerTimings(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	header.Set("x-total-time", "12")
	header.Set("x-tokenization-time", "1")
	header.Set("x-queue-time", "3")
	header.Set("x-inference-time", "8")
	want := embedding.ServerTimings{
		Total: 12 * time.Millisecond, Tokenization: time.Millisecond, Queue: 3 * time.Millisecond, Inference: 8 * time.Millisecond,
	}
	for body, d := range map[string]Dialect{`[[1]]`: TEI{}, `{"data":[{"embedding":[1]}]}`: OpenAI{}} {
		ev := embedding.Event{StatusCode: http.StatusOK}
		require.NoError(t, d.ReadResponse(header, []byte(body), &ev))
		require.Equal(t, want, ev.Server)
	}
	header.Set("x-total-time", "-1")
	header.Set("x-queue-time", "99999999999")
	header.Set("x-inference-time", "fast")
	ev := embedding.Event{StatusCode: http.StatusOK}
	require.NoError(t, TEI{}.ReadResponse(header, []byte(`[[1]]`), &ev))
	require.Equal(t, embedding.ServerTimings{Tokenization: time.Millisecond}, ev.Server)

	ev = embedding.Event{StatusCode: http.StatusOK}
	require.NoError(t, Ollama{}.ReadResponse(nil, []byte(`{"embeddings":[[1]],"total_duration":14143917,"load_duration":"x"}`), &ev))
	require.Equal(t, embedding.ServerTimings{Total: 14143917}, ev.Server)
}

// TestCountVectors reads every fixture with and without its vectors: all else is the same.
func TestCountVectors(t *testing.T) {
	t.Parallel()
	compare := func(name string, d Dialect, request, response []byte) {
		read := func(count bool) embedding.Event {
			ev := embedding.Event{StatusCode: http.StatusOK, CountVectors: count}
			require.NoError(t, d.ReadRequest(request, newTexts(), &ev), name)
			require.NoError(t, d.ReadResponse(nil, response, &ev), name)
			return ev
		}
		want, got := read(false), read(true)
		require.Empty(t, got.Vectors, name)
		want.Vectors, got.Vectors, got.CountVectors = nil, nil, false
		require.Equal(t, want, got, name)
	}
	for _, tt := range serverCases() {
		request, response := readFixture(t, tt.fixture)
		d, _ := For(http.MethodPost, tt.path)
		compare(tt.fixture, d, request, response)
	}
	for _, tt := range []struct {
		d                 Dialect
		request, response string
	}{
		{OpenAI{}, "openai/request.json", "openai/response.json"},
		{TEI{}, "tei/request.json", "tei/response.json"},
		{TEI{}, "tei/request.json", "tei/embed_all.json"},
		{Ollama{}, "ollama/request.json", "ollama/response.json"},
		{Ollama{}, "ollama/request_legacy.json", "ollama/response_legacy.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_flat.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_unpooled.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_old.json"},
	} {
		compare(tt.response, tt.d, readTestdata(t, tt.request), readTestdata(t, tt.response))
	}
	for _, body := range []string{
		`{"data":[{"embedding":[1,2]},{"embedding":[1]},{"embedding":null},{"embedding":[]}]}`,
		`{"data":[{"index":1,"embedding":[1,2]},{"index":0,"embedding":"AACAPwAAAEA="}]}`,
	} {
		compare(body, OpenAI{}, []byte(`{"input":["a","b"]}`), []byte(body))
	}
	for _, name := range []string{"float16", "fp8_e4m3"} {
		header := metadataOf(t, entry{0, name, "native", 0, 8, []int{8}})
		ev := embedding.Event{StatusCode: http.StatusOK, CountVectors: true}
		require.NoError(t, OpenAI{}.ReadResponse(header, make([]byte, 8), &ev))
		require.Equal(t, map[string]int{"float16": 4, "fp8_e4m3": 8}[name], ev.OutputDimension)
	}
	// What is no vector is an error all the same.
	ev := embedding.Event{StatusCode: http.StatusOK, CountVectors: true}
	require.ErrorContains(t, OpenAI{}.ReadResponse(nil, []byte(`{"data":[{"embedding":[[1]]}]}`), &ev), "vector 0: number array has '['")
	require.ErrorContains(t, OpenAI{}.ReadResponse(nil, []byte(`{"data":[{"embedding":"AAAAAAA="}]}`), &ev), "vector 0: 5 bytes are no multiple of 4")
}

// TestReadEnd reads the end of every fixture: it says of tokens and durations what the whole says.
func TestReadEnd(t *testing.T) {
	t.Parallel()
	read := 0
	compare := func(name string, d Dialect, response []byte) {
		header := http.Header{}
		if d.Name() == "tei" {
			header.Set("x-compute-tokens", "29")
			header.Set("x-total-time", "3")
		}
		whole := embedding.Event{StatusCode: http.StatusOK, InputCount: 4}
		require.NoError(t, d.ReadResponse(header, response, &whole), name)
		end := embedding.Event{StatusCode: http.StatusOK, InputCount: 4}
		d.ReadEnd(header, response[len(response)/2:], &end)
		require.Equal(t, whole.Server, end.Server, name)
		behind := bytes.LastIndex(response, []byte("usage")) > bytes.Index(response, []byte("data")) || !bytes.Contains(response, []byte("usage"))
		if whole.HasInputTokens && behind { // some servers have usage in front of the vectors
			require.Equal(t, whole.InputTokens, end.InputTokens, name)
			require.Equal(t, whole.TokensUnit, end.TokensUnit, name)
			read++
		}
		require.Empty(t, end.Vectors)
		require.Zero(t, end.OutputCount)
	}
	for _, tt := range serverCases() {
		_, response := readFixture(t, tt.fixture)
		d, _ := For(http.MethodPost, tt.path)
		compare(tt.fixture, d, response)
	}
	for path, d := range map[string]Dialect{
		"openai/response.json": OpenAI{}, "tei/response.json": TEI{}, "ollama/response.json": Ollama{},
		"llamacpp/response.json": LlamaCPP{},
	} {
		compare(path, d, readTestdata(t, path))
	}
	require.Greater(t, read, 10)

	var ev embedding.Event
	for _, end := range []string{``, `"usage"`, `"usage":`, `"usage" : {"prompt_tok`, `usage":{"prompt_tokens":5}}`, `"usage":[]}`} {
		OpenAI{}.ReadEnd(nil, []byte(end), &ev)
		require.False(t, ev.HasInputTokens, end)
	}
	OpenAI{}.ReadEnd(nil, []byte(`0.25]}],"usage" : {"prompt_tokens" :5}}`), &ev)
	require.Equal(t, int64(5), ev.InputTokens)
}

func TestTaskFromAnInstructionBesideTheTexts(t *testing.T) {
	t.Parallel()
	prefixes := embedding.NewTaskPrefixes(embedding.BuiltInTaskPrefixes())
	texts := embedding.NewTextReader(embedding.NewFingerprinter(testKey), prefixes, nil)
	for body, want := range map[string]string{
		`{"input":"a","prefix":"Instruct: Given a web search query, retrieve passages\nQuery:"}`: "query",
		`{"input":"a","prefix":"search_document: "}`:                                             "document",
		`{"input":"a","prefix":"Represent this sentence for searching relevant passages: "}`:     "query",
		`{"input":"a","prefix":"query"}`:                                                         "query",
		`{"input":"a","prefix":" tickets ","task":"other"}`:                                      "tickets",
		`{"input":"a","prefix":"an instruction that nobody knows\n"}`:                            "an instruction that nobody knows",
		`{"input":"a","prefix":"an instruction\nthat nobody knows","input_type":"passage"}`:      "passage",
		`{"input":"a","prefix":null,"prompt_name":"search\u005fquery: "}`:                        "query",
		`{"input":"a","prefix":["search_query: "]}`:                                              "",
	} {
		var ev embedding.Event
		require.NoError(t, OpenAI{}.ReadRequest([]byte(body), texts, &ev), body)
		require.Equal(t, want, ev.TaskType, body)
	}
}
