//go:build realservers

package realservers

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// content is what an answer says, read by the standard library alone.
type content struct {
	model, id string
	tokens    int64
	vectors   [][]float32
	// nested says that the answer has lists of vectors; vectors then holds as many empty ones.
	nested bool
}

// readContent reads an answer in any of the forms that the servers of these tests have.
func readContent(t *testing.T, a answer) content {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value), "%s", a.body)
	var out content
	if tokens := a.header.Get("X-Compute-Tokens"); tokens != "" { // TEI's
		out.tokens = integer(json.Number(tokens))
	}
	entries, isList := value.([]any)
	if object, ok := value.(map[string]any); ok {
		out.model, _ = object["model"].(string)
		out.id, _ = object["id"].(string)
		out.tokens = integer(object["prompt_eval_count"])
		if usage, ok := object["usage"].(map[string]any); ok {
			out.tokens = integer(usage["prompt_tokens"])
		}
		switch {
		case object["data"] != nil:
			entries, isList = object["data"].([]any)
		case object["embeddings"] != nil:
			entries, isList = object["embeddings"].([]any)
		default:
			if single, ok := object["embedding"].([]any); ok && len(single) > 0 {
				entries = []any{single}
			}
			isList = true
		}
	}
	require.True(t, isList, "%.200s", a.body)
	for i, entry := range entries {
		if object, ok := entry.(map[string]any); ok {
			if index, ok := object["index"]; ok {
				require.EqualValues(t, i, integer(index), "answers come in order")
			}
			entry = object["embedding"]
		}
		out.add(t, entry)
	}
	return out
}

// add adds one vector: base64 of little-endian float32, a list of numbers, or a list of vectors.
func (c *content) add(t *testing.T, value any) {
	t.Helper()
	if text, ok := value.(string); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		require.NoError(t, err)
		x := make([]float32, len(raw)/4)
		require.NoError(t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, x))
		c.vectors = append(c.vectors, x)
		return
	}
	list, ok := value.([]any)
	require.True(t, ok, "%v", value)
	if len(list) == 1 {
		if inner, ok := list[0].([]any); ok { // llama.cpp wraps even the one vector of a text
			list = inner
		}
	}
	var x []float32
	for _, element := range list {
		number, ok := element.(json.Number)
		if !ok {
			c.nested = true
			x = nil
			break
		}
		f, err := strconv.ParseFloat(number.String(), 32)
		require.NoError(t, err)
		x = append(x, float32(f))
	}
	c.vectors = append(c.vectors, x)
}

func integer(value any) int64 {
	number, ok := value.(json.Number)
	if !ok {
		return 0
	}
	n, err := number.Int64()
	if err != nil {
		return -1
	}
	return n
}

// assertBits checks that the event has the answer's vectors, bit by bit.
func assertBits(t *testing.T, want [][]float32, ev *embedding.Event) {
	t.Helper()
	var flat []float32
	for _, x := range want {
		flat = append(flat, x...)
	}
	if !assert.Len(t, ev.Vectors, len(flat)) {
		return
	}
	for i := range flat {
		if math.Float32bits(flat[i]) != math.Float32bits(ev.Vectors[i]) {
			assert.Fail(t, "vectors differ", "element %d: %v in the answer, %v in the event", i, flat[i], ev.Vectors[i])
			return
		}
	}
}

// cosine returns the cosine of the angle between two vectors.
func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}
