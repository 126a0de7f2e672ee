package dialect

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestLlamaCPPReadRequest(t *testing.T) {
	t.Parallel()
	const tokens = "\xff\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
	one := func(identity string, characters int64) embedding.Event {
		return embedding.Event{
			InputCount: 1, InputCharacters: []int64{characters}, InputFingerprints: fingerprints(identity),
		}
	}
	runRequests(t, LlamaCPP{}, map[string]requestTest{
		"content":             {body: `{"content":"Grüße","embd_normalize":-1}`, want: one("Grüße", 5)},
		"input":               {body: `{"input":"abc"}`, want: one("abc", 3)},
		"input goes first":    {body: `{"content":"a","input":"b","content":"c"}`, want: one("b", 1)},
		"token ids":           {body: `{"content":[1,2]}`, want: one(tokens, 0)},
		"ids and texts":       {body: `{"content":[1,"a",2]}`, want: one("\xfe"+`[1,"a",2]`, 0)},
		"texts and ids":       {body: `{"content":["a", 2]}`, want: one("\xfe"+`["a", 2]`, 0)},
		"an object":           {body: `{"content":{"prompt_string":"a"}}`, want: one("\xfe"+`{"prompt_string":"a"}`, 0)},
		"a list of one":       {body: `{"content":["a"]}`, want: one("a", 1)},
		"a list of token ids": {body: `{"content":[[1,2]]}`, want: one(tokens, 0)},
		"lists of all kinds": {
			body: `{"model":"m","content":["a",[1,2],[1,"b"],{"prompt_string":"c"},[]]}`,
			want: embedding.Event{
				RequestModel: "m", InputCount: 5, InputCharacters: []int64{1, 0, 0, 0, 0},
				InputFingerprints: fingerprints("a", tokens, "\xfe"+`[1,"b"]`, "\xfe"+`{"prompt_string":"c"}`, "\xff"),
			},
		},
		"empty list":       {body: `{"content":[]}`},
		"unexpected types": {body: `{"content":null,"input":true,"model":[]}`},
	})
	require.ErrorContains(t, LlamaCPP{}.ReadRequest([]byte(`7`), nil, new(embedding.Event)), "read llama.cpp request: ")
}

func TestLlamaCPPReadResponse(t *testing.T) {
	t.Parallel()
	two := embedding.Event{OutputCount: 2, OutputDimension: 2, Vectors: []float32{1, 2, 3, 4}}
	runResponses(t, LlamaCPP{}, map[string]responseTest{
		"wrapped":   {inputs: 2, body: `[{"index":0,"embedding":[[1,2]]},{"index":1,"embedding":[[3,4]]}]`, want: two},
		"unwrapped": {inputs: 2, body: `[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]`, want: two},
		"reordered": {inputs: 2, body: `[{"embedding":[[3,4]],"index":1},{"embedding":[[1,2]],"index":0}]`, want: two},
		"one":       {inputs: 1, body: `{"embedding":[1,2]}`, want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}}},
		"token vectors": {
			inputs: 2, body: `[{"index":0,"embedding":[[1,2],[3,4]]},{"index":1,"embedding":[[5,6],[7,8],[9,9]]}]`,
			want: embedding.Event{OutputCount: 2},
		},
		"token vectors, an input of one token": {
			inputs: 2, body: `[{"index":1,"embedding":[[1,2]]},{"index":0,"embedding":[[5,6],[7,8]]}]`,
			want: embedding.Event{OutputCount: 2},
		},
		"repeated members": {
			inputs: 1, body: `[{"embedding":[[1,2],[3,4]],"index":4,"embedding":[[5]],"index":null}]`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 1, Vectors: []float32{5}},
		},
		"ragged": {
			inputs: 4, body: `[{"embedding":[[1,2]]},{"embedding":[]},{"embedding":[[]]},{"embedding":null}]`,
			want: embedding.Event{OutputCount: 4, OutputDimension: 2, OutputRagged: 3, Vectors: []float32{1, 2}},
		},
		"no vectors":  {inputs: 1, body: `[{},{"index":0}]`},
		"rows":        {inputs: 1, body: `[[1,2]]`, err: "JSON has '[' at byte 1, want '{'"},
		"another API": {inputs: 1, body: `{"data":[{"embedding":[1]}]}`},
		"a text":      {inputs: 1, body: `"a"`, err: "read llama.cpp answer: JSON has"},
		"no numbers": {
			inputs: 1, body: `[{"embedding":[["a"]]}]`, err: "vector 0: number array has",
			want: embedding.Event{OutputCount: 1, OutputRagged: 1},
		},
		"broken off": {
			inputs: 2, body: `[{"embedding":[[1,2]]},{"embedding":[[3,4]`, err: "JSON ends",
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		},
	})
}

func TestLlamaCPPUnpooled(t *testing.T) {
	t.Parallel()
	ev := readCall(t, LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_unpooled.json")
	require.Equal(t, 4, ev.OutputCount)
	require.Zero(t, ev.OutputRagged)
	require.Zero(t, ev.OutputDimension)
	require.Empty(t, ev.Vectors)
}

func TestLlamaCPPOldAnswer(t *testing.T) {
	t.Parallel()
	ev := readCall(t, LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_old.json")
	require.Equal(t, 1, ev.OutputCount)
	require.Len(t, ev.Vectors, 8)
}
