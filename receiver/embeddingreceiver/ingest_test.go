package embeddingreceiver

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

func startIngest(t *testing.T, next consumer.Logs) *rig {
	t.Helper()
	return startReceiver(t, options{noTap: true, withIngest: true, noTraces: true, nextLogs: next, configure: func(c *Config) {
		c.Ingest.Get().ServerConfig.MaxRequestBodySize = 1 << 20
	}})
}

// send posts a body and returns the answer.
func (r *rig) send(t *testing.T, contentType, body string) (status int, header http.Header, answer string) {
	t.Helper()
	res, err := newClient(t).Post(r.ingest, contentType, strings.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Header, strings.TrimSuffix(string(b), "\n")
}

func TestIngestWholeEntry(t *testing.T) {
	r := startIngest(t, nil)
	status, header, answer := r.send(t, jsonType, `{
		"timestamp": "2026-01-02T15:04:05.5Z", "level": "debug", "service": "search", "event": "embedding.request",
		"model": "qwen3-embedding-4b", "response_model": "Qwen/Qwen3-Embedding-4B", "task_type": "query",
		"input_tokens": 12, "input": ["a query", "ein Text"], "dimensions": 3, "encoding_format": "float",
		"output_dim": 3, "vectors": [[1, 0, 0], [0, 1e0, null]], "duration_ms": 12.5, "status": 200,
		"provider": "vllm", "server_address": "gpu-1", "server_port": 8000, "url_path": "/v1/embeddings",
		"user_agent": "python", "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
		"trace_flags": "01", "something_else": {"a": [1]}
	}`)
	require.Equal(t, `{"accepted":1,"rejected":0}`, answer)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, jsonType, header.Get("Content-Type"))

	require.Equal(t, 1, r.logs.LogRecordCount(), "an answer of 200 comes after the event")
	rl := r.logs.AllLogs()[0].ResourceLogs().At(0)
	assert.Equal(t, map[string]any{"service.name": "search"}, rl.Resource().Attributes().AsRaw())
	assert.Equal(t, embedding.ReceiverScope, rl.ScopeLogs().At(0).Scope().Name())
	lr := rl.ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, plog.SeverityNumberDebug, lr.SeverityNumber())
	assert.Equal(t, "Debug", lr.SeverityText())
	end := time.Date(2026, 1, 2, 15, 4, 5, 5e8, time.UTC)
	assert.Equal(t, end, lr.Timestamp().AsTime())
	// What the pipeline sees must not hold what was written.
	assert.NotContains(t, fmt.Sprint(lr.Attributes().AsRaw(), lr.Body().AsRaw()), "ein Text")

	fp := embedding.NewFingerprinter([]byte("a key for tests"))
	want := embedding.Event{
		Time: end.Add(-12500 * time.Microsecond), Duration: 12500 * time.Microsecond,
		Provider: "vllm", RequestModel: "qwen3-embedding-4b", ResponseModel: "Qwen/Qwen3-Embedding-4B", TaskType: "query",
		ServerAddress: "gpu-1", ServerPort: 8000, URLPath: "/v1/embeddings", UserAgent: "python", StatusCode: 200,
		InputTokens: 12, HasInputTokens: true, TokensUnit: "token",
		InputCount: 2, InputCharacters: []int64{7, 8},
		InputFingerprints: fp.Append(fp.Append(nil, []byte("a query")), []byte("ein Text")),
		InputWords:        4, LongestWords: 2,
		RequestedDimension: 3, EncodingFormat: "float", OutputCount: 2, OutputDimension: 3,
		Vectors:    []float32{1, 0, 0, 0, 1, float32(math.NaN())}, // null stands for NaN
		TraceID:    [16]byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
		SpanID:     [8]byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31},
		TraceFlags: 1,
	}
	wanted := plog.NewLogRecord()
	want.WriteLogRecord(wanted, lr.ObservedTimestamp().AsTime())
	assert.Equal(t, wanted.Attributes().AsRaw(), lr.Attributes().AsRaw())
	assert.Equal(t, wanted.Body().AsRaw(), lr.Body().AsRaw())
	assert.Equal(t, wanted.TraceID(), lr.TraceID())
	assert.Equal(t, wanted.SpanID(), lr.SpanID())
	assert.Equal(t, wanted.Flags(), lr.Flags())
	assert.Equal(t, embedding.RequestEventName, lr.EventName())
}

func TestIngestFields(t *testing.T) {
	base64Of := func(x ...float32) string {
		return base64.StdEncoding.EncodeToString(vector.AppendFloat32s(nil, x))
	}
	r := startIngest(t, nil)
	for entry, check := range map[string]func(t *testing.T, ev *embedding.Event){
		`{"response_model":"m"}`:         func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "m", ev.Model()) },
		`{"model":"m","task_type":null}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "general", ev.TaskType) },
		`{"model":"m","prefix":"Instruct: Find passages\nQuery:"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "query", ev.TaskType)
		},
		`{"model":"m","prefix":"Find passages\nfor"}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "general", ev.TaskType) },
		`{"model":"m","prefix":"query"}`:              func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "query", ev.TaskType) },
		`{"model":"m","input_type":"doc"}`:            func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "doc", ev.TaskType) },
		`{"model":"m","task":"a","prompt_name":"b"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "a", ev.TaskType)
		},
		`{"model":"m","task_type":"a","task":"b"}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "a", ev.TaskType) },
		`{"model":"m","output_dim":2560}`:          func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 2560, ev.OutputDimension) },
		`{"model":"m","output_dim":8,"output_count":3}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, 3, ev.OutputCount)
			assert.Empty(t, ev.Vectors)
		},
		`{"model":"m","output_count":0,"element_type":"int8"}`: func(t *testing.T, ev *embedding.Event) {
			assert.True(t, ev.HasOutput)
			assert.Equal(t, "int8", ev.ElementType)
		},
		`{"model":"m","input_tokens":0}`:         func(t *testing.T, ev *embedding.Event) { assert.True(t, ev.HasInputTokens) },
		`{"model":"m","input_tokens":12.0}`:      func(t *testing.T, ev *embedding.Event) { assert.Equal(t, int64(12), ev.InputTokens) },
		`{"model":"m"}`:                          func(t *testing.T, ev *embedding.Event) { assert.False(t, ev.HasInputTokens) },
		`{"model":"m","input_characters":[1,2]}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 2, ev.InputCount) },
		`{"model":"m","input_characters":7}`:     func(t *testing.T, ev *embedding.Event) { assert.Equal(t, []int64{7}, ev.InputCharacters) },
		`{"model":"m","input":"本"}`:              func(t *testing.T, ev *embedding.Event) { assert.Equal(t, []int64{1}, ev.InputCharacters) },
		`{"model":"m","texts":["a","b"]}`:        func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 2, ev.InputCount) },
		`{"model":"m","input":[1,2,3]}`:          func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 1, ev.InputCount) },
		`{"model":"m","input":[[1],[2,3],"text"]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []int64{0, 0, 4}, ev.InputCharacters)
			assert.Len(t, ev.InputFingerprints, 3*embedding.FingerprintSize)
			assert.Equal(t, 4, ev.InputWords)
		},
		`{"model":"m","input":["search_query: a","search_query: a",""]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "query", ev.TaskType)
			assert.Equal(t, 1, ev.InputsDuplicate)
			assert.Equal(t, 1, ev.InputsEmpty)
			assert.Empty(t, ev.InputTexts)
		},
		`{"model":"m","input":"search_query: a","task_type":"b"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "b", ev.TaskType)
		},
		`{"model":"m","input_count":2,"input":["a","b"]}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 2, ev.InputCount) },
		`{"model":"m","request_id":"r","response_id":"embd-r","truncate_prompt_tokens":512}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "r", ev.RequestID)
			assert.Equal(t, "embd-r", ev.ResponseID)
			assert.Equal(t, 512, ev.TruncateTokens)
			assert.Empty(t, ev.ClientID)
		},
		`{"model":"m","user":"somebody"}`: func(t *testing.T, ev *embedding.Event) { assert.Regexp(t, "^[0-9a-f]{16}$", ev.ClientID) },
		`{"model":"m","status":404}`:      func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "404", ev.ErrorType) },
		`{"model":"m","status":"500"}`:    func(t *testing.T, ev *embedding.Event) { assert.Equal(t, 500, ev.StatusCode) },
		`{"model":"m","status":"ok"}`:     func(t *testing.T, ev *embedding.Event) { assert.False(t, ev.Failed()) },
		`{"model":"m","status":"error"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "_OTHER", ev.ErrorType)
			assert.Zero(t, ev.StatusCode)
		},
		`{"model":"m","error":"timeout"}`:              func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "timeout", ev.ErrorType) },
		`{"model":"m","error":"no such file: /a/b/c"}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "_OTHER", ev.ErrorType) },
		`{"model":"m","error":""}`:                     func(t *testing.T, ev *embedding.Event) { assert.False(t, ev.Failed()) },
		`{"model":"m","error":false}`:                  func(t *testing.T, ev *embedding.Event) { assert.False(t, ev.Failed()) },
		`{"model":"m","error":true}`:                   func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "_OTHER", ev.ErrorType) },
		`{"model":"m","error":{"type":"BadRequestError","message":"x"}}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, "BadRequestError", ev.ErrorType)
		},
		`{"model":"m","error":{"type":null,"code":"E1"}}`: func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "E1", ev.ErrorType) },
		`{"model":"m","error":{"message":"x"}}`:           func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "_OTHER", ev.ErrorType) },
		`{"model":"m","error_type":"a","error":"b"}`:      func(t *testing.T, ev *embedding.Event) { assert.Equal(t, "a", ev.ErrorType) },
		`{"model":"m","trace_flags":1}`:                   func(t *testing.T, ev *embedding.Event) { assert.Equal(t, uint32(1), ev.TraceFlags) },
		`{"model":"m","trace_id":""}`:                     func(t *testing.T, ev *embedding.Event) { assert.True(t, ev.TraceID.IsEmpty()) },
		`{"model":"m","vectors":[[1,2],[3,4]]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []float32{1, 2, 3, 4}, ev.Vectors)
			assert.Equal(t, 2, ev.OutputDimension)
		},
		`{"model":"m","vectors":[1,2]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []float32{1, 2}, ev.Vectors)
			assert.Equal(t, 1, ev.OutputCount)
		},
		`{"model":"m","vectors":[]}`: func(t *testing.T, ev *embedding.Event) { assert.Zero(t, ev.OutputCount) },
		`{"model":"m","vectors":[[1,2],[3],[4,5]]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []float32{1, 2, 4, 5}, ev.Vectors)
			assert.Equal(t, 3, ev.OutputCount)
			assert.Equal(t, 1, ev.OutputRagged)
		},
		`{"model":"m","output_dim":2,"vectors":"` + base64Of(1, 2, 3, 4) + `"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []float32{1, 2, 3, 4}, ev.Vectors)
			assert.Equal(t, 2, ev.OutputCount)
		},
		`{"model":"m","output_dim":4,"vectors_base64":"` + base64Of(1, 2, 3, 4) + `"}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, 1, ev.OutputCount)
		},
		`{"model":"m","vectors_base64":["` + base64Of(1, 2) + `","` + base64Of(3, 4) + `"]}`: func(t *testing.T, ev *embedding.Event) {
			assert.Equal(t, []float32{1, 2, 3, 4}, ev.Vectors)
		},
	} {
		t.Run(entry, func(t *testing.T) {
			r.logs.Reset()
			status, _, answer := r.send(t, jsonType, entry)
			require.Equal(t, `{"accepted":1,"rejected":0}`, answer)
			require.Equal(t, http.StatusOK, status)
			check(t, r.waitForEvent(t))
		})
	}
}

func TestIngestTimestamps(t *testing.T) {
	want := time.Date(2026, 1, 2, 15, 4, 5, 123e6, time.UTC)
	r := startIngest(t, nil)
	for _, stamp := range []string{
		`"2026-01-02T15:04:05.123Z"`, `"2026-01-02T16:04:05.123+01:00"`, "1767366245.123", "1767366245123",
		"1767366245123000", "1767366245123000000",
	} {
		r.logs.Reset()
		_, _, answer := r.send(t, jsonType, `{"model":"m","duration_ms":100,"timestamp":`+stamp+`}`)
		require.Equal(t, `{"accepted":1,"rejected":0}`, answer, stamp)
		ev := r.waitForEvent(t)
		assert.Equal(t, want.Add(-100*time.Millisecond), ev.Time.UTC(), stamp)
	}
	r.logs.Reset()
	before := time.Now()
	r.send(t, jsonType, `{"model":"m","duration_ms":100}`)
	end := r.waitForEvents(t, 1)[0].Timestamp().AsTime()
	assert.WithinRange(t, end, before, time.Now(), "a log without a time is of now")
}

func TestIngestLevels(t *testing.T) {
	r := startIngest(t, nil)
	for entry, want := range map[string]plog.SeverityNumber{
		`{"model":"m"}`:                               plog.SeverityNumberInfo,
		`{"model":"m","status":500}`:                  plog.SeverityNumberError,
		`{"model":"m","level":"WARNING"}`:             plog.SeverityNumberWarn,
		`{"model":"m","level":"info","status":500}`:   plog.SeverityNumberInfo,
		`{"model":"m","severity":"Critical"}`:         plog.SeverityNumberFatal,
		`{"model":"m","level":"trace"}`:               plog.SeverityNumberTrace,
		`{"model":"m","level":"error","status":"ok"}`: plog.SeverityNumberError,
	} {
		r.logs.Reset()
		r.send(t, jsonType, entry)
		assert.Equal(t, want, r.waitForEvents(t, 1)[0].SeverityNumber(), entry)
	}
}

// TestIngestRejections checks what an answer says of a wrong entry, word by word.
func TestIngestRejections(t *testing.T) {
	r := startIngest(t, nil)
	for entry, want := range map[string]ingestError{
		`{"model":"m","duration_ms":"fast"}`: {Field: "duration_ms", Message: `is "fast"; want a number ≥ 0, e.g. 12.5`},
		`{"model":"m","duration_ms":-1}`:     {Field: "duration_ms", Message: `is -1; want a number ≥ 0, e.g. 12.5`},
		`{"model":"m","duration_ms":1e99}`:   {Field: "duration_ms", Message: `is 1e99; want a number ≥ 0, e.g. 12.5`},
		`{}`:                                 {Field: "model", Message: `is missing; want the name of the model, e.g. "qwen3-embedding-4b"`},
		`{"model":""}`:                       {Field: "model", Message: `is missing; want the name of the model, e.g. "qwen3-embedding-4b"`},
		`{"model":5}`:                        {Field: "model", Message: `is 5; want a text`},
		`{"model":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa本本"]}`:     {Field: "model", Message: `is ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…; want a text`},
		`{"model":"` + strings.Repeat("x", 1025) + `"}`:            {Field: "model", Message: `is 1025 bytes long; want at most 1024`},
		`{"model":"m","event":"user.login"}`:                       {Field: "event", Message: `is "user.login"; want "embedding.request", or none`},
		`{"model":"m","level":"loud"}`:                             {Field: "level", Message: `is "loud"; want "trace", "debug", "info", "warn", "error" or "fatal"`},
		`{"model":"m","timestamp":"yesterday"}`:                    {Field: "timestamp", Message: `is "yesterday"; want RFC 3339 or Unix time, e.g. "2026-01-02T15:04:05.123Z" or 1767366245.123`},
		`{"model":"m","ts":-5}`:                                    {Field: "ts", Message: `is -5; want RFC 3339 or Unix time, e.g. "2026-01-02T15:04:05.123Z" or 1767366245.123`},
		`{"model":"m","timestamp":"1066-01-02T15:04:05Z"}`:         {Field: "timestamp", Message: `is "1066-01-02T15:04:05Z"; want a time from 1970 to 2261`},
		`{"model":"m","input_tokens":1.5}`:                         {Field: "input_tokens", Message: `is 1.5; want a whole number from 0 to 2147483647`},
		`{"model":"m","input_tokens":"7"}`:                         {Field: "input_tokens", Message: `is "7"; want a whole number from 0 to 2147483647`},
		`{"model":"m","input_tokens":-7}`:                          {Field: "input_tokens", Message: `is -7; want a whole number from 0 to 2147483647`},
		`{"model":"m","output_dim":1e10}`:                          {Field: "output_dim", Message: `is 1e10; want a whole number from 0 to 2147483647`},
		`{"model":"m","status":"fine"}`:                            {Field: "status", Message: `is "fine"; want an HTTP status, e.g. 200, or "ok" or "error"`},
		`{"model":"m","status":1000}`:                              {Field: "status", Message: `is 1000; want an HTTP status, e.g. 200, or "ok" or "error"`},
		`{"model":"m","error":5}`:                                  {Field: "error", Message: `is 5; want a short name of the error, e.g. "timeout"`},
		`{"model":"m","trace_id":"xyz"}`:                           {Field: "trace_id", Message: `is "xyz"; want 32 hex digits`},
		`{"model":"m","span_id":"zzad6b7169203331"}`:               {Field: "span_id", Message: `is "zzad6b7169203331"; want 16 hex digits`},
		`{"model":"m","trace_flags":"1ff"}`:                        {Field: "trace_flags", Message: `is "1ff"; want a number from 0 to 255, or two hex digits, e.g. "01"`},
		`{"model":"m","input":{"a":1}}`:                            {Field: "input", Message: `holds an object; want a text, a list of texts, a list of token ids or a list of lists of token ids`},
		`{"model":"m","input":[["a"]]}`:                            {Field: "input", Message: `holds at 0 a list that is not of token ids; want a text, a list of texts, a list of token ids or a list of lists of token ids`},
		`{"model":"m","input_count":3,"input":["a"]}`:              {Field: "input", Message: `has 1 entries; want 3, as input_count says`},
		`{"model":"m","input_characters":["a"]}`:                   {Field: "input_characters", Message: `is "a"; want a whole number from 0 to 2147483647`},
		`{"model":"m","vectors":{}}`:                               {Field: "vectors", Message: `is an object; want a list of number lists, or base64 of little-endian float32`},
		`{"model":"m","vectors":[[1],{}]}`:                         {Field: "vectors", Message: `holds at 1 an object; want a list of number lists, or base64 of little-endian float32`},
		`{"model":"m","vectors":[[]]}`:                             {Field: "vectors", Message: `holds at 0 an empty vector; want a list of number lists, or base64 of little-endian float32`},
		`{"model":"m","vectors":[1,2],"output_dim":3}`:             {Field: "output_dim", Message: `is 3; the vectors have 2 numbers`},
		`{"model":"m","vectors":"AACAPw=="}`:                       {Field: "output_dim", Message: `is missing; want the length of the vectors, because base64 does not tell it`},
		`{"model":"m","vectors_base64":"AACAPw==","output_dim":2}`: {Field: "vectors_base64", Message: `holds 1 numbers; want a multiple of output_dim, 2`},
		`5`:       {Message: "is a number; want an object"},
		`"a"`:     {Message: "is a text; want an object"},
		`null`:    {Message: "is null; want an object"},
		`[[]]`:    {Message: "is a list; want an object"},
		`[false]`: {Message: "is true or false; want an object"},
	} {
		t.Run(entry, func(t *testing.T) {
			status, _, answer := r.send(t, jsonType, entry)
			assert.Equal(t, http.StatusBadRequest, status)
			var reply ingestReply
			require.NoError(t, json.Unmarshal([]byte(answer), &reply))
			assert.Equal(t, ingestReply{Rejected: 1, Errors: []ingestError{want}}, reply)
		})
	}
	assert.Zero(t, r.logs.LogRecordCount())
}

func TestIngestSeveral(t *testing.T) {
	for name, tc := range map[string]struct {
		contentType, body string
		status            int
		want              string
	}{
		"array": {jsonType, `[{"model":"a"},{"model":"b"}]`, 200, `{"accepted":2,"rejected":0}`},
		"array with one wrong": {jsonType, `[{"model":"a"},{"model":"b","duration_ms":"fast"},{"model":"c"}]`, 200,
			`{"accepted":2,"rejected":1,"errors":[{"index":1,"field":"duration_ms","message":"is \"fast\"; want a number ≥ 0, e.g. 12.5"}]}`},
		"one entry wrong in two fields": {jsonType, `[{"model":"a"},{"model":7,"duration_ms":-1}]`, 200,
			`{"accepted":1,"rejected":1,"errors":[{"index":1,"field":"model","message":"is 7; want a text"},` +
				`{"index":1,"field":"duration_ms","message":"is -1; want a number ≥ 0, e.g. 12.5"}]}`},
		"empty array":            {jsonType, `[]`, 200, `{"accepted":0,"rejected":0}`},
		"with a charset":         {"application/json; charset=utf-8", `{"model":"a"}`, 200, `{"accepted":1,"rejected":0}`},
		"lines":                  {"application/x-ndjson", "{\"model\":\"a\"}\r\n\n  {\"model\":\"b\"}", 200, `{"accepted":2,"rejected":0}`},
		"lines, other name":      {"application/jsonl", "{\"model\":\"a\"}\n", 200, `{"accepted":1,"rejected":0}`},
		"lines, yet another one": {"application/ndjson", "{\"model\":\"a\"}\n", 200, `{"accepted":1,"rejected":0}`},
		"lines, one malformed": {"application/x-ndjson", "{\"model\":\"a\"}\n\n{\"model\":x}\n{\"model\":\"c\"}\n", 200,
			`{"accepted":2,"rejected":1,"errors":[{"index":1,"message":"is malformed JSON at line 1, column 10: invalid character 'x' looking for beginning of value"}]}`},
		"lines, all malformed": {"application/x-ndjson", "x\n", 400,
			`{"accepted":0,"rejected":1,"errors":[{"index":0,"message":"is malformed JSON at line 1, column 1: invalid character 'x' looking for beginning of value"}]}`},
		"malformed object": {jsonType, "{\n \"model\": }", 400,
			`{"error":"malformed JSON at line 2, column 11: invalid character '}' looking for beginning of value"}`},
		"malformed array": {jsonType, "[{\"model\":\"a\"},\n{\"model\":\"b\"", 400,
			`{"error":"malformed JSON at line 2, column 13: unexpected end of JSON input"}`},
		"lines sent as JSON": {jsonType, "{\"model\":\"a\"}\n{\"model\":\"b\"}\n", 400,
			`{"error":"malformed JSON at line 2, column 1: invalid character '{' after top-level value"}`},
		"nothing":             {jsonType, " ", 400, `{"error":"the body is empty; want an entry, or an array of entries"}`},
		"no lines":            {"application/x-ndjson", "\n\n", 400, `{"error":"the body is empty; want one entry a line"}`},
		"text":                {"text/plain", "{}", 415, `{"error":"Content-Type \"text/plain\" is not understood; want application/json or application/x-ndjson"}`},
		"no content type":     {"", "{}", 415, `{"error":"Content-Type \"\" is not understood; want application/json or application/x-ndjson"}`},
		"too large":           {jsonType, strings.Repeat(" ", 1<<20+1), 413, `{"error":"the body is larger than 1048576 bytes; send fewer entries at a time, or raise ingest::max_request_body_size"}`},
		"as large as allowed": {jsonType, strings.Repeat(" ", 1<<20-13) + `{"model":"a"}`, 200, `{"accepted":1,"rejected":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := startIngest(t, nil)
			status, _, answer := r.send(t, tc.contentType, tc.body)
			assert.Equal(t, tc.want, answer)
			assert.Equal(t, tc.status, status)
			var reply ingestReply
			require.NoError(t, json.Unmarshal([]byte(answer), &reply))
			assert.Equal(t, reply.Accepted, r.logs.LogRecordCount())
			assert.LessOrEqual(t, len(r.logs.AllLogs()), 1, "a request is handed on as a whole")
		})
	}
}

func TestIngestGroupsByService(t *testing.T) {
	r := startIngest(t, nil)
	r.send(t, jsonType, `[{"model":"1","service":"a"},{"model":"2","service":"b"},{"model":"3"},{"model":"4","service":"a"}]`)
	require.Len(t, r.logs.AllLogs(), 1)
	got := map[string]int{}
	for _, rl := range r.logs.AllLogs()[0].ResourceLogs().All() {
		name, _ := rl.Resource().Attributes().AsRaw()["service.name"].(string)
		got[name] = rl.ScopeLogs().At(0).LogRecords().Len()
	}
	assert.Equal(t, map[string]int{"a": 2, "b": 1, "": 1}, got)
}

func TestIngestListsSoManyErrors(t *testing.T) {
	r := startIngest(t, nil)
	_, _, answer := r.send(t, jsonType, "["+strings.Repeat("1,", 149)+"1]")
	var reply ingestReply
	require.NoError(t, json.Unmarshal([]byte(answer), &reply))
	assert.Equal(t, 150, reply.Rejected)
	assert.Len(t, reply.Errors, 100)
	assert.Equal(t, 50, reply.ErrorsOmitted)
}

func TestIngestOtherRequests(t *testing.T) {
	r := startIngest(t, nil)
	client := newClient(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		req, err := http.NewRequest(method, r.ingest, nil)
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		assert.Equal(t, "POST", res.Header.Get("Allow"))
	}
	status, body := post(t, client, r.ingest+"/more", "{}")
	assert.Equal(t, http.StatusNotFound, status)
	assert.Equal(t, `{"error":"/v1/events/more is unknown here; want /v1/events"}`+"\n", body)
}

func TestIngestCompressed(t *testing.T) {
	r := startIngest(t, nil)
	send := func(encoding string, body []byte) int {
		req, err := http.NewRequest(http.MethodPost, r.ingest, bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", jsonType)
		req.Header.Set("Content-Encoding", encoding)
		res, err := newClient(t).Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	assert.Equal(t, http.StatusOK, send("gzip", gzipped(`{"model":"a"}`)))
	assert.Equal(t, 1, r.logs.LogRecordCount())
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, err := w.Write(make([]byte, 8<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.Equal(t, http.StatusRequestEntityTooLarge, send("gzip", bomb.Bytes()))
	assert.Equal(t, http.StatusBadRequest, send("gzip", gzipped(`{"model":"a"}`)[:20]))
	assert.Equal(t, http.StatusBadRequest, send("zstd", []byte("x")), "zstd is off by default")
}

func TestIngestBackPressure(t *testing.T) {
	for name, tc := range map[string]struct {
		err        error
		status     int
		retryAfter string
		want       string
	}{
		"for now": {assert.AnError, http.StatusServiceUnavailable, "1", "the pipeline takes no entries at the moment: "},
		"for good": {consumererror.NewPermanent(assert.AnError), http.StatusInternalServerError, "",
			"the pipeline refused the entries for good: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := startIngest(t, consumertest.NewErr(tc.err))
			status, header, answer := r.send(t, jsonType, `[{"model":"a"},{"model":"b"},7]`)
			assert.Equal(t, tc.status, status)
			assert.Equal(t, tc.retryAfter, header.Get("Retry-After"))
			assert.Contains(t, answer, `{"error":"`+tc.want)
			m, err := r.telemetry.GetMetric("otelcol_receiver_refused_log_records")
			if tc.status == http.StatusServiceUnavailable {
				require.NoError(t, err)
				assert.Equal(t, int64(2), m.Data.(metricdata.Sum[int64]).DataPoints[0].Value)
			}
			// What the pipeline has no part in is answered as ever.
			status, _, _ = r.send(t, jsonType, "7")
			assert.Equal(t, http.StatusBadRequest, status)
		})
	}
}

func TestIngestCountsAccepted(t *testing.T) {
	r := startIngest(t, nil)
	r.send(t, jsonType, `[{"model":"a"},{"model":"b"},7]`)
	m, err := r.telemetry.GetMetric("otelcol_receiver_accepted_log_records")
	require.NoError(t, err)
	assert.Equal(t, int64(2), m.Data.(metricdata.Sum[int64]).DataPoints[0].Value)
}

func TestTapAndIngestTogether(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(1, 8, false)))
	r := startReceiver(t, options{upstream: upstream.URL, withIngest: true})
	post(t, newClient(t), r.tap+"/v1/embeddings", oneCall)
	r.send(t, jsonType, `{"model":"m","input":"a"}`)
	records := r.waitForEvents(t, 2)
	var a, b embedding.Event
	require.True(t, a.ReadLogRecord(records[0]))
	require.True(t, b.ReadLogRecord(records[1]))
	assert.Equal(t, a.InputFingerprints, b.InputFingerprints, "the same text, whichever way it comes")
}

// TestIngestConcurrency holds requests in the middle of their bodies.
func TestIngestConcurrency(t *testing.T) {
	r := startReceiver(t, options{noTap: true, withIngest: true, noTraces: true, configure: func(c *Config) {
		c.Ingest.Get().MaxConcurrentRequests = 2
	}})
	var held []*io.PipeWriter
	answers := make(chan int, 2)
	for range 2 {
		body, writer := io.Pipe()
		held = append(held, writer)
		go func() {
			res, err := newClient(t).Post(r.ingest, jsonType, body)
			if !assert.NoError(t, err) {
				answers <- 0
				return
			}
			_ = res.Body.Close()
			answers <- res.StatusCode
		}()
		_, err := io.WriteString(writer, `{"model":`)
		require.NoError(t, err)
	}
	// The requests are on their way: one of our own gets a place until they have arrived.
	require.Eventually(t, func() bool {
		status, header, answer := r.send(t, jsonType, `{"model":"m"}`)
		if status == http.StatusOK {
			return false
		}
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Equal(t, "1", header.Get("Retry-After"))
		assert.Contains(t, answer, "2 requests are being read already")
		return true
	}, patience, tick)
	assert.Equal(t, map[string]int64{"": 1}, r.sum(t, "otelcol_embedding_ingest_refused_requests"))
	for _, writer := range held {
		_, err := io.WriteString(writer, `"m"}`)
		require.NoError(t, err)
		require.NoError(t, writer.Close())
		assert.Equal(t, http.StatusOK, <-answers)
	}
	status, _, _ := r.send(t, jsonType, `{"model":"m"}`)
	assert.Equal(t, http.StatusOK, status, "places are given back")
}
