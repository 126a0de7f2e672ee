package dialect

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// FuzzNativeRequest reads each body as a request to every native API.
func FuzzNativeRequest(f *testing.F) {
	for _, seed := range []string{
		`{"inputs":"Grüße \ud83d\ude00 \ud800","prompt_name":"query","dimensions":256,"truncate":true}`,
		`{"inputs":[[1,2],"a",[]]}`,
		`{"model":"m","input":["a","b\n"],"options":{"num_ctx":1}}`,
		`{"model":"m","input":""}`,
		`{"prompt":"abc","prompt":""}`,
		`{"content":[1,"a",2],"embd_normalize":-1}`,
		`{"content":["a",[1,"b"],{"prompt_string":"c","multimodal_data":["AA=="]}]}`,
		`{"input":[[1,2.5],[-3]],"content":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		object := members(body)
		for _, d := range []Dialect{TEI{}, Ollama{}, LlamaCPP{}} {
			var ev embedding.Event
			err := d.ReadRequest(body, newTexts(), &ev)
			require.Len(t, ev.InputCharacters, ev.InputCount)
			require.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize)
			if err != nil {
				require.True(t, object == nil || strings.Contains(err.Error(), "nests"), "%q: %v", body, err)
				continue
			}
			require.NotNil(t, object, "accepted what encoding/json refuses: %q", body)
			if d.Name() != "llamacpp" {
				continue
			}
			value, ok := object["input"]
			if !ok {
				value = object["content"]
			}
			characters, texts := plainLlamaInputs(value)
			require.Len(t, ev.InputCharacters, len(characters))
			if len(characters) > 0 {
				require.Equal(t, characters, ev.InputCharacters)
			}
			if len(texts) == len(characters) {
				require.True(t, bytes.Equal(fingerprints(texts...), ev.InputFingerprints))
			}
		}
	})
}

// plainLlamaInputs reads the inputs of llama.cpp's native API by way of encoding/json.
func plainLlamaInputs(value json.RawMessage) (characters []int64, texts []string) {
	inputs := []json.RawMessage{value}
	if list, ok := elements(value); ok {
		numbers := false
		for _, raw := range list {
			numbers = numbers || isKind(raw, "-0123456789")
		}
		if !numbers {
			inputs = list
		}
	}
	for _, raw := range inputs {
		switch {
		case isKind(raw, `"`):
			texts = append(texts, text(raw))
			characters = append(characters, int64(utf8.RuneCountInString(text(raw))))
		case isKind(raw, "[{"):
			characters = append(characters, 0)
		}
	}
	return characters, texts
}

// FuzzNativeResponse reads each body as an answer of every native API.
func FuzzNativeResponse(f *testing.F) {
	for _, seed := range []string{
		`[[0.5,-1e-3],[1,2]]`, `[[1],null,[1,2],[]]`, `[[[1,2],[3,4]],[[5,6]]]`, `[[NaN,-Infinity,null]]`, `[["a"],"AACAPw=="]`,
		`{"model":"m","embeddings":[[0.5,1],[2,3]],"total_duration":1,"prompt_eval_count":8}`,
		`{"embedding":[1,2]}`, `{"embedding":[],"embeddings":[[1]],"prompt_eval_count":-1}`,
		`[{"index":1,"embedding":[[1,2]]},{"index":0,"embedding":[3,4]}]`,
		`[{"index":0,"embedding":[[1,2],[3,4]]},{"index":1,"embedding":[[5,6]]}]`,
		`[{"embedding":[[1],[2]],"embedding":null},{},1]`, `{"error":"model 'm' not found"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range []Dialect{TEI{}, Ollama{}, LlamaCPP{}} {
			failure := embedding.Event{StatusCode: http.StatusNotFound}
			require.NoError(t, d.ReadResponse(nil, body, &failure))
			require.NotEmpty(t, failure.ErrorType)
			require.LessOrEqual(t, len(failure.ErrorType), maxIdentifier)

			ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 3}
			err := d.ReadResponse(nil, body, &ev)
			require.Len(t, ev.Vectors, ev.VectorRows()*ev.OutputDimension)
			if ev.OutputDimension > 0 {
				require.Equal(t, ev.OutputCount-ev.OutputRagged, ev.VectorRows())
			}
			if !json.Valid(body) {
				require.True(t, err != nil || nonStandard.Match(body), "accepted what encoding/json refuses: %q", body)
				continue
			}
			want, ok := plainAnswer(d, body)
			if !ok {
				require.Error(t, err)
				continue
			}
			if err != nil && !strings.Contains(err.Error(), ": vector ") {
				require.ErrorContains(t, err, "nests", "%q", body)
				continue
			}
			require.Equal(t, want.OutputCount, ev.OutputCount, "%s: %q", d.Name(), body)
			require.Equal(t, want.OutputDimension, ev.OutputDimension, "%s: %q", d.Name(), body)
			require.Equal(t, want.OutputRagged, ev.OutputRagged, "%s: %q", d.Name(), body)
			assertVectors(t, want.Vectors, ev.Vectors)
		}
	})
}

// plainAnswer reads a native answer by way of encoding/json. It returns false for what is no answer of the API.
func plainAnswer(d Dialect, body []byte) (embedding.Event, bool) {
	var p plainOutputs
	list, isList := elements(body)
	object := members(body)
	switch {
	case d.Name() == "tei" && isList:
		p.rows(list)
	case d.Name() == "ollama" && object != nil:
		var last string
		eachKey(body, func(key string) {
			if key == "embedding" || key == "embeddings" {
				last = key
			}
		})
		rows, ok := elements(object["embeddings"])
		switch {
		case last == "embeddings" && ok:
			p.rows(rows)
		case last == "embedding":
			p.add(plainVector(object["embedding"]), 0)
		}
	case d.Name() == "llamacpp" && object != nil:
		p.llamaEntry(object)
	case d.Name() == "llamacpp" && isList:
		for _, raw := range list {
			if !isKind(raw, "{") {
				return embedding.Event{}, false
			}
			p.llamaEntry(members(raw))
		}
	default:
		return embedding.Event{}, false
	}
	return p.event(), true
}

// eachKey calls do with the keys of an object in their order.
func eachKey(body []byte, do func(key string)) {
	s := scanner{text: body}
	for more := s.open('{'); more; more = s.next('}') {
		do(string(s.key()))
		s.skip()
	}
}

// plainOutputs collects the vectors of an answer.
type plainOutputs struct {
	vectors [][]float32
	order   []int
	tokens  bool
}

func (p *plainOutputs) add(x []float32, index int) {
	p.vectors, p.order = append(p.vectors, x), append(p.order, index)
}

func (p *plainOutputs) rows(list []json.RawMessage) {
	for i, raw := range list {
		row, ok := elements(raw)
		switch {
		case !ok:
			p.add(nil, i)
		case len(row) > 0 && isKind(row[0], "["):
			p.tokens = true
			p.add(nil, i)
		default:
			p.add(plainVector(raw), i)
		}
	}
}

func (p *plainOutputs) llamaEntry(entry map[string]json.RawMessage) {
	value, ok := entry["embedding"]
	if !ok {
		return
	}
	index, ok := plainInteger(entry["index"])
	if !ok {
		index = int64(len(p.vectors))
	}
	if rows, ok := elements(value); ok && len(rows) > 0 && isKind(rows[0], "[") {
		value = rows[0]
		p.tokens = p.tokens || len(rows) > 1
	}
	p.add(plainVector(value), int(index))
}

func (p *plainOutputs) event() (ev embedding.Event) {
	ev.OutputCount = len(p.vectors)
	if p.tokens {
		return ev
	}
	for _, x := range p.vectors {
		if ev.OutputDimension == 0 {
			ev.OutputDimension = len(x)
		}
		if len(x) == 0 || len(x) != ev.OutputDimension {
			ev.OutputRagged++
		}
	}
	sorted := p.vectors
	if ev.OutputRagged == 0 && isPermutation(p.order) {
		sorted = make([][]float32, len(p.vectors))
		for i, index := range p.order {
			sorted[index] = p.vectors[i]
		}
	}
	for _, x := range sorted {
		if len(x) == ev.OutputDimension {
			ev.Vectors = append(ev.Vectors, x...)
		}
	}
	return ev
}
