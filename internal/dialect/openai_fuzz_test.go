package dialect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// members reads an object; of repeated members the last one counts, as encoding/json has it for maps.
func members(raw []byte) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return nil
	}
	return object
}

// text reads a string, "" for any other value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// elements reads a list; false for any other value.
func elements(raw json.RawMessage) (list []json.RawMessage, ok bool) {
	err := json.Unmarshal(raw, &list)
	return list, err == nil && list != nil
}

func isKind(raw json.RawMessage, first string) bool {
	return len(raw) > 0 && strings.IndexByte(first, raw[0]) >= 0
}

func FuzzOpenAIRequest(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","input":"Grüße \ud83d\ude00 \ud800","encoding_format":"base64","dimensions":256}`,
		`{"model":"m","input":["a","b\n"],"input_type":" query "}`,
		`{"input":[1,2,3],"task":"x"}`,
		`{"input":[[1,2],[3.5],[]],"prefix":null,"prompt_name":"s2p"}`,
		`{"input":[{"text":"a"},"b",7,null],"dimensions":1e2}`,
		`{"messages":[{"role":"user"}],"embed_dtype":"float16"}`,
		`{"\u006dodel":"a","model":"b","input":"c","input":[]}`,
		"{\"input\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var ev embedding.Event
		err := OpenAI{}.ReadRequest(body, newTexts(), &ev)
		require.Len(t, ev.InputCharacters, ev.InputCount)
		require.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize)
		object := members(body)
		if err != nil {
			require.True(t, object == nil || strings.Contains(err.Error(), "nests"), "%q: %v", body, err)
			return
		}
		require.NotNil(t, object, "accepted what encoding/json refuses: %q", body)

		if model := text(object["model"]); len(model) <= maxName {
			require.Equal(t, model, ev.RequestModel)
		} else {
			require.True(t, strings.HasPrefix(model, ev.RequestModel) && utf8.ValidString(ev.RequestModel))
		}
		var characters []int64
		var texts []string
		add := func(raw json.RawMessage) {
			if object := members(raw); len(object) == 1 && isKind(object["text"], `"`) {
				raw = object["text"]
			}
			if isKind(raw, `"`) {
				texts = append(texts, text(raw))
				characters = append(characters, int64(utf8.RuneCountInString(text(raw))))
			} else {
				characters = append(characters, 0)
			}
		}
		if list, ok := elements(object["input"]); ok && len(list) > 0 && isKind(list[0], "-0123456789") {
			characters = append(characters, 0)
		} else if ok {
			for _, raw := range list {
				add(raw)
			}
		} else if isKind(object["input"], `"`) {
			add(object["input"])
		}
		if len(characters) == 0 && isKind(object["messages"], "[") {
			characters = append(characters, 0)
		}
		require.Len(t, ev.InputCharacters, len(characters))
		if len(characters) > 0 {
			require.Equal(t, characters, ev.InputCharacters)
		}
		if len(texts) == len(characters) {
			require.True(t, bytes.Equal(fingerprints(texts...), ev.InputFingerprints))
		}
	})
}

func FuzzOpenAIResponse(f *testing.F) {
	for _, seed := range []string{
		`{"id":"i","model":"m","data":[{"index":0,"embedding":[0.5,-1e-3]},{"index":1,"embedding":[1,2]}],"usage":{"prompt_tokens":3,"total_tokens":4}}`,
		`{"data":[{"index":1,"embedding":"AACAPwAAAEA="},{"embedding":"AAAAQAAAgD8","index":0}],"usage":{"total_tokens":4.0}}`,
		`{"data":[{"index":2,"embedding":[1]},{"index":0,"embedding":[2]},{"index":1,"embedding":[3]}]}`,
		`{"data":[{"embedding":null},{"embedding":[1]},{"embedding":[1,2]},{}]}`,
		`{"data":[{"embedding":[[1]]},{"embedding":"x"}],"usage":{"prompt_tokens":-1}}`,
		`{"data":[{"embedding":[NaN,-Infinity]}]}`,
		`{"data":[1,{"embedding":[1],"embedding":"AAAA"}],"data":[{"embedding":[7]}]}`,
		`{"object":"error","message":"m","type":"BadRequestError","code":400}`,
		`{"error":{"type":null,"code":"c"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		failure := embedding.Event{StatusCode: http.StatusBadRequest}
		require.NoError(t, OpenAI{}.ReadResponse(nil, body, &failure))
		require.NotEmpty(t, failure.ErrorType)
		require.LessOrEqual(t, len(failure.ErrorType), maxIdentifier)

		for _, d := range registry {
			d.ReadEnd(nil, body, new(embedding.Event)) // whatever the end of a body is
		}
		ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 3}
		err := OpenAI{}.ReadResponse(nil, body, &ev)
		require.Equal(t, ev.OutputCount-ev.OutputRagged, ev.VectorRows())
		require.Len(t, ev.Vectors, ev.VectorRows()*ev.OutputDimension)
		object := members(body)
		if object == nil {
			require.True(t, err != nil || nonStandard.Match(body) || isKind(bytes.TrimSpace(body), "["), "accepted what encoding/json refuses: %q", body)
			return
		}
		if err != nil && !strings.Contains(err.Error(), ": vector ") {
			require.ErrorContains(t, err, "nests", "%q", body)
			return
		}
		want := readPlainly(object)
		require.Equal(t, want.OutputCount, ev.OutputCount)
		require.Equal(t, want.OutputDimension, ev.OutputDimension)
		require.Equal(t, want.OutputRagged, ev.OutputRagged)
		require.Equal(t, want.HasInputTokens, ev.HasInputTokens)
		require.Equal(t, want.InputTokens, ev.InputTokens)
		assertVectors(t, want.Vectors, ev.Vectors)
	})
}

// nonStandard matches the elements of vectors that package vector reads and encoding/json does not.
var nonStandard = regexp.MustCompile(`NaN|nan|Infinity|inf`)

// readPlainly reads an answer by way of encoding/json.
func readPlainly(object map[string]json.RawMessage) (ev embedding.Event) {
	usage := members(object["usage"])
	for _, name := range []string{"prompt_tokens", "total_tokens"} {
		if n, ok := plainInteger(usage[name]); ok && !ev.HasInputTokens {
			ev.InputTokens, ev.HasInputTokens = n, true
		}
	}
	list, _ := elements(object["data"])
	var rows [][]float32
	var order []int
	for _, raw := range list {
		if !isKind(raw, "{") {
			continue
		}
		entry := members(raw)
		index, ok := plainInteger(entry["index"])
		if !ok {
			index = int64(ev.OutputCount)
		}
		order = append(order, int(index))
		row := plainVector(entry["embedding"])
		if ev.OutputDimension == 0 {
			ev.OutputDimension = len(row)
		}
		ev.OutputCount++
		if len(row) == 0 || len(row) != ev.OutputDimension {
			ev.OutputRagged++
			continue
		}
		rows = append(rows, row)
	}
	if ev.OutputRagged == 0 && isPermutation(order) {
		sorted := make([][]float32, len(rows))
		for i, index := range order {
			sorted[index] = rows[i]
		}
		rows = sorted
	}
	for _, row := range rows {
		ev.Vectors = append(ev.Vectors, row...)
	}
	return ev
}

// plainInteger reads an integer that is not negative.
func plainInteger(raw json.RawMessage) (int64, bool) {
	if !isKind(raw, "-0123456789") {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return max(n, 0), n >= 0
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != float64(int64(f)) || f < 0 || f > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// plainVector reads an embedding, nil where it is none.
func plainVector(raw json.RawMessage) []float32 {
	if isKind(raw, `"`) {
		encoded := text(raw)
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			decoded, err = base64.RawStdEncoding.DecodeString(encoded)
		}
		if err != nil || len(decoded)%vector.ElementSize != 0 {
			return nil
		}
		return vector.AppendBytes(nil, decoded)
	}
	list, _ := elements(raw)
	x := make([]float32, 0, len(list))
	for _, element := range list {
		switch {
		case isKind(element, "-0123456789"):
			f, _ := strconv.ParseFloat(string(element), 32) // out of range gives what is wanted
			x = append(x, float32(f))
		case string(element) == "null":
			x = append(x, float32(math.NaN()))
		default:
			return nil
		}
	}
	return x
}
