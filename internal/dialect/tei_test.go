package dialect

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

func TestTEIReadRequest(t *testing.T) {
	t.Parallel()
	const tokens = "\xff\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
	runRequests(t, TEI{}, map[string]requestTest{
		"text": {
			body: `{"inputs":"Grüße","truncate":true,"truncation_direction":"left","normalize":false}`,
			want: embedding.Event{
				InputCount: 1, InputCharacters: []int64{5}, InputFingerprints: fingerprints("Grüße"),
			},
		},
		"texts": {
			body: `{"inputs":["a","bc"],"prompt_name":"query","dimensions":256}`,
			want: embedding.Event{
				TaskType: "query", RequestedDimension: 256,
				InputCount: 2, InputCharacters: []int64{1, 2}, InputFingerprints: fingerprints("a", "bc"),
			},
		},
		"token ids": {
			body: `{"inputs":[1,2]}`,
			want: embedding.Event{InputCount: 1, InputCharacters: []int64{0}, InputFingerprints: fingerprints(tokens)},
		},
		"lists of token ids, and a text": {
			body: `{"inputs":[[1,2],"a",[1,2]]}`,
			want: embedding.Event{
				InputCount: 3, InputCharacters: []int64{0, 1, 0}, InputFingerprints: fingerprints(tokens, "a", tokens),
			},
		},
		"absent":           {body: `{"prompt_name":null,"dimensions":null}`},
		"unexpected types": {body: `{"inputs":null,"prompt_name":["q"],"dimensions":"8"}`},
		"repeated members": {
			body: `{"inputs":["a","b"],"inputs":"c"}`,
			want: embedding.Event{InputCount: 1, InputCharacters: []int64{1}, InputFingerprints: fingerprints("c")},
		},
	})
	require.ErrorContains(t, TEI{}.ReadRequest([]byte(`[]`), nil, new(embedding.Event)), "read TEI request: ")
}

func TestTEIReadResponse(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	runResponses(t, TEI{}, map[string]responseTest{
		"vectors": {
			inputs: 2, body: ` [ [0.5,-0.25] , [1,2e-1] ] `,
			want: embedding.Event{OutputCount: 2, OutputDimension: 2, Vectors: []float32{0.5, -0.25, 1, 0.2}},
		},
		"none": {body: `[]`},
		"not finite": {
			inputs: 1, body: `[[null,1]]`,
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{nan, 1}},
		},
		"missing, short and empty": {
			inputs: 4, body: `[[1,2],null,[3],[]]`,
			want: embedding.Event{OutputCount: 4, OutputDimension: 2, OutputRagged: 3, Vectors: []float32{1, 2}},
		},
		"token vectors":                         {inputs: 2, body: `[[[1,2],[3,4]],[[5,6]]]`, want: embedding.Event{OutputCount: 2}},
		"token vectors of one, vector of other": {inputs: 2, body: `[[5,6],[[1,2],[3,4]],[7]]`, want: embedding.Event{OutputCount: 3}},
		"an object":                             {inputs: 1, body: `{"embeddings":[[1]]}`, err: "read TEI answer: JSON has '{' at byte 0"},
		"broken off": {
			inputs: 2, body: `[[1,2],[3`, err: "JSON ends",
			want: embedding.Event{OutputCount: 1, OutputDimension: 2, Vectors: []float32{1, 2}},
		},
		"no numbers": {
			inputs: 2, body: `[[1,2],["3","4"]]`, err: "vector 1: number array has '\"'",
			want: embedding.Event{OutputCount: 2, OutputDimension: 2, OutputRagged: 1, Vectors: []float32{1, 2}},
		},
	})
}

func TestTEITokens(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]embedding.Event{
		"0":    {HasInputTokens: true, TokensUnit: embedding.UnitToken},
		"17":   {InputTokens: 17, HasInputTokens: true, TokensUnit: embedding.UnitToken},
		"":     {},
		"-1":   {},
		"many": {},
	} {
		// The header is read though the body breaks off.
		header := http.Header{}
		header.Set("x-compute-tokens", value)
		header.Set("x-compute-characters", "99")
		ev := embedding.Event{StatusCode: http.StatusOK}
		require.Error(t, TEI{}.ReadResponse(header, []byte(`[`), &ev), value)
		want.StatusCode = http.StatusOK
		assertEvent(t, want, ev)
	}
}

func TestTEIEmbedAll(t *testing.T) {
	t.Parallel()
	ev := readCall(t, TEI{}, "tei/request.json", "tei/embed_all.json")
	require.Equal(t, 4, ev.OutputCount)
	require.Zero(t, ev.OutputRagged)
	require.Zero(t, ev.OutputDimension)
	require.Empty(t, ev.Vectors)
	require.EqualValues(t, 29, ev.InputTokens)
}

// rowsAnswer returns n random vectors as TEI prints float32 values: with as many digits as they need.
func rowsAnswer(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, benchDimension)
		for j := range rows[i] {
			rows[i][j] = float32(random.NormFloat64() / 50.6) // √2560: of about unit norm
		}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		panic(err)
	}
	return body
}

func TestTEIAllocations(t *testing.T) {
	body := rowsAnswer(32)
	ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 32}
	header := http.Header{teiTokens: {"544"}}
	read := func() {
		if err := (TEI{}).ReadResponse(header, body, &ev); err != nil {
			t.Fatal(err)
		}
	}
	read()
	require.Len(t, ev.Vectors, 32*benchDimension)
	assert.Less(t, cap(ev.Vectors), 40*benchDimension)
	assert.Zero(t, testing.AllocsPerRun(5, read))
}

func BenchmarkTEIReadResponse(b *testing.B) {
	const n = 32
	body := rowsAnswer(n)
	run := func(name string, read func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "vectors/s")
		})
	}
	ev := embedding.Event{StatusCode: http.StatusOK, InputCount: n}
	header := http.Header{teiTokens: {"544"}}
	run("ReadResponse", func() error { return TEI{}.ReadResponse(header, body, &ev) })
	run("encoding_json", func() error {
		var rows [][]float32
		return json.Unmarshal(body, &rows)
	})
}
