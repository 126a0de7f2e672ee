package dialect

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestOllamaReadRequest(t *testing.T) {
	t.Parallel()
	runRequests(t, Ollama{}, map[string]requestTest{
		"text": {
			body: `{"model":"m","input":"Grüße","truncate":false,"keep_alive":"5m"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 1, InputCharacters: []int64{5}, InputFingerprints: fingerprints("Grüße"),
			},
		},
		"texts": {
			body: `{"model":"m","input":["a",""],"dimensions":64,"options":{"num_ctx":512}}`,
			want: embedding.Event{
				RequestModel: "m", RequestedDimension: 64,
				InputCount: 2, InputCharacters: []int64{1, 0}, InputFingerprints: fingerprints("a", ""),
			},
		},
		"prompt": {
			body: `{"model":"m","prompt":"abc"}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 1, InputCharacters: []int64{3}, InputFingerprints: fingerprints("abc"),
			},
		},
		"load with input":  {body: `{"model":"m","input":""}`, want: embedding.Event{RequestModel: "m"}},
		"load with prompt": {body: `{"model":"m","prompt":""}`, want: embedding.Event{RequestModel: "m"}},
		"load":             {body: `{"model":"m"}`, want: embedding.Event{RequestModel: "m"}},
		"unexpected types": {body: `{"model":1,"input":{},"dimensions":-1}`},
	})
	require.ErrorContains(t, Ollama{}.ReadRequest([]byte(`7`), nil, new(embedding.Event)), "read Ollama request: ")
}

func TestOllamaReadResponse(t *testing.T) {
	t.Parallel()
	runResponses(t, Ollama{}, map[string]responseTest{
		"vectors": {
			inputs: 2,
			body:   `{"model":"m","embeddings":[[0.5,1],[2,3]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}`,
			want: embedding.Event{
				ResponseModel: "m", InputTokens: 8, HasInputTokens: true, TokensUnit: embedding.UnitToken,
				OutputCount: 2, OutputDimension: 2, Vectors: []float32{0.5, 1, 2, 3},
			},
		},
		"no count": {
			inputs: 1, body: `{"model":"m","embeddings":[[1]]}`,
			want: embedding.Event{ResponseModel: "m", OutputCount: 1, OutputDimension: 1, Vectors: []float32{1}},
		},
		"legacy": {
			inputs: 1, body: `{"embedding":[1,2]}`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		},
		"loaded":              {body: `{"model":"m","embeddings":[]}`, want: embedding.Event{ResponseModel: "m"}},
		"loaded, legacy":      {body: `{"embedding":[ ]}`},
		"empty vector":        {inputs: 1, body: `{"embedding":[]}`, want: embedding.Event{OutputCount: 1, OutputRagged: 1}},
		"null, of old legacy": {inputs: 1, body: `{"embedding":null}`, want: embedding.Event{OutputCount: 1, OutputRagged: 1}},
		"ragged": {
			inputs: 3, body: `{"embeddings":[[1,2],[],[3]]}`,
			want: embedding.Event{OutputCount: 3, OutputDimension: 2, OutputRagged: 2, Vectors: []float32{1, 2}},
		},
		"unexpected types": {inputs: 1, body: `{"model":7,"embeddings":null,"prompt_eval_count":"3"}`},
		"repeated members": {
			inputs: 1, body: `{"embeddings":[[1],[2]],"prompt_eval_count":3,"embeddings":[[4]],"prompt_eval_count":null}`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 1, Vectors: []float32{4}},
		},
		"a list": {inputs: 1, body: `[[1]]`, err: "read Ollama answer: JSON has '['"},
		"broken off": {
			inputs: 2, body: `{"model":"m","embeddings":[[1],[2`, err: "JSON ends",
			want: embedding.Event{ResponseModel: "m", OutputCount: 1, OutputDimension: 1, Vectors: []float32{1}},
		},
	})
}

func TestOllamaLegacyCall(t *testing.T) {
	t.Parallel()
	ev := readCall(t, Ollama{}, "ollama/request_legacy.json", "ollama/response_legacy.json")
	require.Equal(t, "embed-8", ev.Model())
	require.Equal(t, 1, ev.InputCount)
	require.Equal(t, 1, ev.OutputCount)
	require.Len(t, ev.Vectors, 8)
	require.False(t, ev.HasInputTokens)
}
