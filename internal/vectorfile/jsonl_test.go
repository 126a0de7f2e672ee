package vectorfile

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

// base64Of is what a server sends for a vector with encoding_format base64.
func base64Of(x ...float32) string {
	return base64.StdEncoding.EncodeToString(vector.AppendFloat32s(nil, x))
}

func TestJSONL(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		name, text string
		options    Options
		want       []Row
	}{
		{name: "every field", text: `{"id": 7, "model": "m", "task_type": "query", "replica": "r-1", "text": "a \"b\"\n\u00fc", ` +
			`"timestamp": "2026-01-02T03:04:05Z", "embedding": [1, -2.5e1]}`,
			want: []Row{{Vector: []float32{1, -25}, Time: at, Model: "m", TaskType: "query", Replica: "r-1", Text: "a \"b\"\nü"}}},
		{name: "other default names", text: `{"vector":[1],"time":1767323045}` + "\n" + `{"values":[2],"ts":1767323045000}` + "\n" +
			`{"dense":[3]}`,
			want: []Row{{Vector: []float32{1}, Time: at}, {Vector: []float32{2}, Time: at}, {Vector: []float32{3}}}},
		{name: "the first default name counts", text: `{"dense":[3],"values":[2],"embedding":[1]}`,
			want: []Row{{Vector: []float32{1}}}},
		{name: "a default name that is something else", text: `{"embedding":"` + base64Of(1) + `","values":5}` + "\n" +
			`{"embedding":3,"values":[2]}` + "\n" + `{"embedding":null,"vector":[4]}`,
			want: []Row{{Vector: []float32{1}}, {Vector: []float32{2}}, {Vector: []float32{4}}}},
		{name: "default names of other things", text: `{"vector":[1],"time":0.35,"ts":1767323045,"model":{"name":"m"},"text":["a"]}`,
			want: []Row{{Vector: []float32{1}, Time: at}}},
		{name: "the last of a key that comes twice", text: `{"vector":[1],"vector":[2]}`, want: []Row{{Vector: []float32{2}}}},
		{name: "names by option", text: `{"v":[1],"vector":[2],"t":"2026-01-02 03:04:05","m":"x","k":"y","r":3,"q":"z"}`,
			options: Options{Vector: "v", Time: "t", Model: "m", TaskType: "k", Replica: "r", Text: "q"},
			want:    []Row{{Vector: []float32{1}, Time: at, Model: "x", TaskType: "y", Replica: "3", Text: "z"}}},
		{name: "fields that are not wanted", text: `{"vector":[1],"time":"?","model":"m","text":"t"}`,
			options: Options{Time: "-", Model: "-", Text: "-"}, want: []Row{{Vector: []float32{1}}}},
		{name: "a path", text: `{"data":{"embedding":[1],"model":"m"}}`,
			options: Options{Vector: "data.embedding", Model: "data.model"},
			want:    []Row{{Vector: []float32{1}, Model: "m"}}},
		{name: "a name with dots", text: `{"data.a.b":[1]}` + "\n" + `{"data":{"a.b":[2]}}` + "\n" + `{"data":{"a":{"b":[3]}}}`,
			options: Options{Vector: "data.a.b"}, want: []Row{{Vector: []float32{1}}, {Vector: []float32{2}}, {Vector: []float32{3}}}},
		{name: "a path through a list", text: `{"model":"m","result":{"hits":[{"v":[1]},{"v":[2],"model":"n"}]}}`,
			options: Options{Vector: "result.hits.v"},
			want:    []Row{{Vector: []float32{1}, Model: "m"}, {Vector: []float32{2}, Model: "n"}}},
		{name: "base64", text: `{"embedding":"` + base64Of(1, nan, -inf) + `"}`, want: []Row{{Vector: []float32{1, nan, -inf}}}},
		{name: "base64 with escaped slashes", text: `{"embedding":"` + strings.ReplaceAll(base64Of(nan, inf, -nan), "/", `\/`) + `"}`,
			want: []Row{{Vector: []float32{nan, inf, nan}}}},
		{name: "values that are no numbers", text: `{"embedding":[null, NaN, -Infinity, 1e99]}`,
			want: []Row{{Vector: []float32{nan, nan, -inf, inf}}}},
		{name: "a list of numbers", text: "[1, 2]\n\n [3]\r\n[ ]", want: []Row{{Vector: []float32{1, 2}}, {Vector: []float32{3}}, {}}},
		{name: "a list of lists", text: `[[1,2],[3]]`, want: []Row{{Vector: []float32{1, 2}}, {Vector: []float32{3}}}},
		{name: "a list of objects", text: `[ {"vector":[1],"model":"m"}, {"vector":[2]} ]`,
			want: []Row{{Vector: []float32{1}, Model: "m"}, {Vector: []float32{2}}}},
		{name: "answers of OpenAI's API", text: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2]},` +
			`{"object":"embedding","index":1,"embedding":"` + base64Of(3, 4) + `"}],"model":"m","usage":{"prompt_tokens":2}}` + "\n" +
			`{"object":"list","data":[],"model":"m"}` + "\n" + `{"data":[{"embedding":[5]}]}`,
			want: []Row{{Vector: []float32{1, 2}, Model: "m"}, {Vector: []float32{3, 4}, Model: "m"}, {Vector: []float32{5}}}},
		{name: "such answers with the name given", text: `{"data":[{"v":[1]}],"model":"m"}`, options: Options{Vector: "v"},
			want: []Row{{Vector: []float32{1}, Model: "m"}}},
		{name: "what nobody reads", text: `{"score":NaN,"sparse":{"i":[[1],{"a":"]}\\\"["}]},"embedding":[1]}`,
			want: []Row{{Vector: []float32{1}}}},
		{name: "a byte order mark", text: byteOrderMark + `{"vector":[1]}`, want: []Row{{Vector: []float32{1}}}},
		{name: "nothing", text: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, failed := read(t, write(t, "x.jsonl", []byte(test.text)), test.options)
			assert.Empty(t, failed)
			assert.Empty(t, cmp.Diff(test.want, rows, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()))
		})
	}
}

func TestJSONLErrors(t *testing.T) {
	const good = `{"embedding":[1]}`
	for _, test := range []struct {
		name, line string
		options    Options
		want       string
	}{
		{name: "no vector", line: `{"id":1,"vec":[1]}`,
			want: `found members "id", "vec", want embedding, vector, values or dense, or another member to be named`},
		{name: "not the one that is named", line: `{"id":1}`, options: Options{Vector: "a.b"},
			want: `found members "id", want a.b`},
		{name: "an empty object", line: `{}`,
			want: "found an empty object, want embedding, vector, values or dense, or another member to be named"},
		{name: "null", line: `{"embedding":null}`, want: "embedding: found null, want a list of numbers, or float32 in base64"},
		{name: "a number", line: `{"embedding":3}`, want: "embedding: found a number, want a list of numbers, or float32 in base64"},
		{name: "several types", line: `{"embedding":{"float":[1],"int8":[2]}}`, want: "embedding: found an object, " +
			`want a list of numbers, or float32 in base64, or a path to one of "float", "int8"`},
		{name: "a list of strings", line: `{"embedding":["1"]}`, want: `embedding: number array has '"' at byte 1, want a number`},
		{name: "a list of lists", line: `{"embedding":[[1]]}`, want: `embedding: number array has '[' at byte 1, want a number`},
		{name: "no base64", line: `{"embedding":"[1, 2]"}`,
			want: "embedding: decode base64 vector: illegal base64 data at input byte 0"},
		{name: "bytes left over", line: `{"embedding":"AAAAAAA="}`,
			want: "embedding: decode base64 vector: 5 bytes are no multiple of 4"},
		{name: "no time", line: `{"embedding":[1],"at":"yesterday"}`, options: Options{Time: "at"},
			want: `at: found "\"yesterday\"", want RFC 3339 or Unix time`},
		{name: "no string", line: `{"embedding":[1],"m":{"name":"x"}}`, options: Options{Model: "m"},
			want: "m: found an object, want a string"},
		{name: "an item without a vector", line: `{"data":[{"embedding":null}]}`,
			want: "data[0].embedding: found null, want a list of numbers, or float32 in base64"},
		{name: "an item that is no object", line: `{"data":["x"]}`,
			want: "data[0]: found a string, want an object with a vector, or a vector"},
		{name: "an item of a list", line: `[{"v":1}]`,
			want: `[0]: found members "v", want embedding, vector, values or dense, or another member to be named`},
		{name: "a word", line: "hello", want: `found "hello", want an object with a vector, or a vector`},
		{name: "two values", line: `{"embedding":[1]} {"embedding":[2]}`,
			want: `found "{\"embedding\":[2]}" at byte 18, behind the value, want one JSON value a line`},
		{name: "a list written in lines", line: `[1],`, want: `found "," at byte 3, behind the value, want one JSON value a line`},
		{name: "a document written for people", line: `{`,
			want: "found the end of the line within a value, want one JSON value a line: " +
				"jq -c . FILE writes a document so, jq -c '.[]' FILE each item of a list"},
		{name: "a vector written for people", line: `[1,`,
			want: "found the end of the line within a value, want one JSON value a line: " +
				"jq -c . FILE writes a document so, jq -c '.[]' FILE each item of a list"},
		{name: "no colon", line: `{"embedding" [1]}`, want: "found '[' at byte 13, want ':'"},
		{name: "no comma", line: `{"embedding":[1] "a":2}`, want: "found '\"' at byte 17, want ',' or '}'"},
		{name: "no value", line: `{"embedding":}`, want: "found '}' at byte 13, want a value"},
		{name: "no string for a key", line: `{embedding:[1]}`, want: "found 'e' at byte 1, want a string"},
		{name: "deep nesting", line: strings.Repeat(`{"a":`, 70),
			want: "found JSON that nests deeper at byte 325, want at most 64 levels"},
		{name: "no number", line: `[1, x]`, want: "number array has 'x' at byte 4, want a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// One bad line leaves those around it as they are.
			rows, failed := read(t, write(t, "x.jsonl", []byte(good+"\n"+test.line+"\n"+`[2]`)), test.options)
			assert.Equal(t, []string{"x.jsonl: line 2: " + test.want}, failed[len(failed)-1:])
			assert.Equal(t, []float32{2}, rows[len(rows)-1].Vector)
		})
	}
}

// An item that is bad leaves those around it as they are.
func TestJSONLItems(t *testing.T) {
	path := write(t, "x.jsonl", []byte(`{"data":[{"embedding":[1]},{"embedding":{}},{"embedding":[3]}]}`))
	rows, failed := read(t, path, Options{})
	assert.Equal(t, [][]float32{{1}, {3}}, vectors(rows))
	assert.Len(t, failed, 1)
}

func TestJSONLCompressed(t *testing.T) {
	text := []byte(`{"vector":[1]}` + "\n" + `{"vector":[2]}`)
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	members := append(gzipped(t, text[:15]), gzipped(t, text[15:])...) // as of files that were put together
	for name, content := range map[string][]byte{"gzip jsonl": gzipped(t, text), "zstd jsonl": b.Bytes(), "gzip members": members} {
		path := write(t, "x", content)
		rows, failed := read(t, path, Options{})
		assert.Empty(t, failed)
		assert.Equal(t, [][]float32{{1}, {2}}, vectors(rows), name)
	}
	r := open(t, write(t, "x", b.Bytes()), Options{})
	assert.Equal(t, "zstd jsonl", r.Format())
	assert.EqualValues(t, -1, r.Rows())
	_, err = r.Next()
	require.NoError(t, err)
	assert.Equal(t, "line 1", r.Place())

	content := gzipped(t, text)
	rows, failed := read(t, write(t, "x.gz", content[:len(content)-9]), Options{})
	assert.Len(t, rows, 1)
	assert.Equal(t, []string{"x.gz: line 2: unexpected EOF"}, failed)
}

func TestJSONLLongLines(t *testing.T) {
	line := `{"text":"` + strings.Repeat("x", 2*bufferSize) + `","vector":[1]}`
	rows, failed := read(t, write(t, "x.jsonl", []byte(line+"\n"+`{"vector":[2]}`+"\n"+line)), Options{})
	assert.Empty(t, failed)
	assert.Equal(t, [][]float32{{1}, {2}, {1}}, vectors(rows))

	j := newJSONRows("x.jsonl", bufio.NewReaderSize(strings.NewReader(line), 16), Options{}.fields())
	j.lines.most = 100
	assert.EqualError(t, j.next(&Row{}), "x.jsonl: line 1: found more than 100 bytes, want one JSON value a line")
}

func TestJSONLAllocations(t *testing.T) {
	line := `{"model":"m","task_type":"query","ts":1767323045,"replica":"r","vector":[1,2,3]}` + "\n" +
		`{"model":"m","ts":"2026-01-02T03:04:05Z","data":[{"embedding":[1,2]},{"embedding":"AACAPw=="}]}` + "\n"
	j := newJSONRows("x.jsonl", bufio.NewReader(strings.NewReader(strings.Repeat(line, 200))), Options{}.fields())
	row := Row{Vector: make([]float32, 0, 8)}
	assert.Zero(t, testing.AllocsPerRun(300, func() {
		row = Row{Vector: row.Vector[:0]}
		require.NoError(t, j.next(&row))
	}))
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{
		`{"embedding":[1,2.5,-3e-2],"model":"m","timestamp":"2026-01-02T03:04:05Z","text":"a\u00fc\\"}`,
		`{"object":"list","data":[{"embedding":"AACAPw=="},{"embedding":[1]}],"model":"m"}`,
		`[[1],[2,null]]`, "[1,2]\n[3]\r\n\n", `[{"vector":[1]},3]`, `{"a":{"b":[{"v":"\/w=="}]},"ts":1e9}`,
		byteOrderMark + `{"values":[NaN]} x`, `{"vector":[1`, `{"vector":"\`, strings.Repeat(`[{"a":`, 80),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {Vector: "a.b.v", Time: "ts", Text: "a"}} {
			j := newJSONRows("x.jsonl", bufio.NewReaderSize(bytes.NewReader(text), 64), o.fields())
			for rows := 0; ; rows++ {
				require.LessOrEqual(t, rows, len(text)) // it ends
				var row Row
				var bad *Error
				if err := j.next(&row); err == io.EOF {
					break
				} else if err != nil {
					require.True(t, errors.As(err, &bad) && bad.Row)
					require.NotEmpty(t, err.Error())
				}
			}
		}
		compareWithStandardLibrary(t, text)
	})
}

// compareWithStandardLibrary checks that an object of which encoding/json reads a vector is read as the same.
func compareWithStandardLibrary(t *testing.T, text []byte) {
	var members map[string]json.RawMessage
	if bytes.ContainsAny(text, "\r\n") || json.Unmarshal(text, &members) != nil {
		return
	}
	var want []*float32
	if members["embedding"] == nil || json.Unmarshal(members["embedding"], &want) != nil || want == nil {
		return
	}
	j := newJSONRows("x.jsonl", bufio.NewReader(bytes.NewReader(text)), Options{}.fields())
	var row Row
	if err := j.next(&row); err != nil {
		require.Contains(t, err.Error(), "levels")
		return
	}
	require.Len(t, row.Vector, len(want))
	for i, v := range want {
		if v == nil {
			require.True(t, math.IsNaN(float64(row.Vector[i])))
			continue
		}
		require.Equal(t, math.Float32bits(*v), math.Float32bits(row.Vector[i]))
	}
	var model string
	if json.Unmarshal(members["model"], &model) == nil && members["model"][0] == '"' {
		require.Equal(t, strings.ToValidUTF8(model, "\uFFFD"), strings.ToValidUTF8(row.Model, "\uFFFD"))
	}
}
