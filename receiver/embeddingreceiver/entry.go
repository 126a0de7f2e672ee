package embeddingreceiver

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// entry reads one structured request log after the other into the same memory.
type entry struct {
	event embedding.Event
	texts *embedding.TextReader

	service   string
	severity  plog.SeverityNumber // unspecified where the log has no level
	logged    time.Time           // zero where the log has no timestamp
	failed    bool                // whether the log says so without saying how
	dimension int                 // what the log says, before the vectors are seen
	vectors   json.RawMessage     // read last, because they need the dimension
	vectorsAs string              // the field that they came in
}

func newEntry(texts *embedding.TextReader) *entry { return &entry{texts: texts} }

// field is one key of an entry and how it is read. The error of read continues "<field> ".
type field struct {
	name string
	read func(e *entry, raw json.RawMessage) error
}

// fields are all keys that are read, in this order; other keys are ignored. Among the names of one thing the first
// that is there wins.
var fields = [...][]field{
	{{"event", (*entry).readName}},
	{{"timestamp", (*entry).readTimestamp}, {"time", (*entry).readTimestamp}, {"ts", (*entry).readTimestamp}},
	{{"level", (*entry).readLevel}, {"severity", (*entry).readLevel}},
	{{"service", func(e *entry, raw json.RawMessage) error { return readString(raw, &e.service) }}},
	{{"model", text(func(e *embedding.Event) *string { return &e.RequestModel })}},
	{{"response_model", text(func(e *embedding.Event) *string { return &e.ResponseModel })}},
	{
		{"task_type", (*entry).readTask}, {"prefix", (*entry).readTask}, {"input_type", (*entry).readTask},
		{"task", (*entry).readTask}, {"prompt_name", (*entry).readTask},
	},
	{{"input_tokens", (*entry).readTokens}},
	{{"input_count", count(func(e *embedding.Event) *int { return &e.InputCount })}},
	{{"input_characters", (*entry).readCharacters}},
	{{"input", (*entry).readInput}, {"texts", (*entry).readInput}},
	{{"dimensions", count(func(e *embedding.Event) *int { return &e.RequestedDimension })}},
	{{"truncate_prompt_tokens", count(func(e *embedding.Event) *int { return &e.TruncateTokens })}},
	{{"encoding_format", text(func(e *embedding.Event) *string { return &e.EncodingFormat })}},
	{{"element_type", text(func(e *embedding.Event) *string { return &e.ElementType })}},
	{{"output_count", (*entry).readOutputCount}},
	{{"output_dim", func(e *entry, raw json.RawMessage) error { return readCount(raw, &e.dimension) }}},
	{{"duration_ms", (*entry).readDuration}},
	{{"status", (*entry).readStatus}},
	{{"error_type", text(func(e *embedding.Event) *string { return &e.ErrorType })}, {"error", (*entry).readError}},
	{{"provider", text(func(e *embedding.Event) *string { return &e.Provider })}},
	{{"server_address", text(func(e *embedding.Event) *string { return &e.ServerAddress })}},
	{{"server_port", count(func(e *embedding.Event) *int { return &e.ServerPort })}},
	{{"url_path", text(func(e *embedding.Event) *string { return &e.URLPath })}},
	{{"user_agent", text(func(e *embedding.Event) *string { return &e.UserAgent })}},
	{{"request_id", text(func(e *embedding.Event) *string { return &e.RequestID })}},
	{{"response_id", text(func(e *embedding.Event) *string { return &e.ResponseID })}},
	{{"user", (*entry).readUser}},
	{{"trace_id", func(e *entry, raw json.RawMessage) error { return readHex(raw, e.event.TraceID[:]) }}},
	{{"span_id", func(e *entry, raw json.RawMessage) error { return readHex(raw, e.event.SpanID[:]) }}},
	{{"trace_flags", (*entry).readTraceFlags}},
	{{"vectors", holdVectors("vectors")}, {"vectors_base64", holdVectors("vectors_base64")}},
}

func text(dst func(*embedding.Event) *string) func(*entry, json.RawMessage) error {
	return func(e *entry, raw json.RawMessage) error { return readString(raw, dst(&e.event)) }
}

func count(dst func(*embedding.Event) *int) func(*entry, json.RawMessage) error {
	return func(e *entry, raw json.RawMessage) error { return readCount(raw, dst(&e.event)) }
}

func holdVectors(name string) func(*entry, json.RawMessage) error {
	return func(e *entry, raw json.RawMessage) error {
		e.vectors, e.vectorsAs = raw, name
		return nil
	}
}

// read makes e the entry in raw, which was received at now, and returns what is wrong with it.
func (e *entry) read(raw []byte, now time.Time) []ingestError {
	*e = entry{event: e.event, texts: e.texts}
	e.event.Reset()
	e.texts.Reset()
	if kind := kindOf(raw); kind != kindObject {
		if !json.Valid(raw) {
			return []ingestError{malformed(raw)}
		}
		return []ingestError{{Message: fmt.Sprintf("is %s; want an object", kind)}}
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return []ingestError{malformed(raw)}
	}
	var problems []ingestError
	report := func(name string, err error) {
		if err != nil {
			problems = append(problems, ingestError{Field: name, Message: err.Error()})
		}
	}
	for _, names := range fields {
		for _, f := range names {
			if value, ok := keys[f.name]; ok && kindOf(value) != kindNull {
				report(f.name, f.read(e, value))
				break
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if e.event.RequestModel == "" && e.event.ResponseModel == "" {
		report("model", fmt.Errorf(`is missing; want the name of the model, e.g. "qwen3-embedding-4b"`))
	}
	report(e.readVectors())
	e.complete(now)
	return problems
}

func malformed(raw []byte) ingestError {
	var value json.RawMessage
	err := json.Unmarshal(raw, &value)
	return ingestError{Message: "is malformed JSON " + position(raw, err)}
}

// complete derives what follows from what was read.
func (e *entry) complete(now time.Time) {
	ev := &e.event
	end := e.logged
	if end.IsZero() {
		end = now
	}
	// Request logs are written when the call is over.
	ev.Time = end.Add(-ev.Duration)
	ev.ClientID = e.texts.ClientID("")
	if ev.TaskType == "" {
		ev.TaskType = e.texts.Task()
	}
	switch {
	case ev.ErrorType != "":
	case ev.StatusCode >= 300:
		ev.ErrorType = strconv.Itoa(ev.StatusCode)
	case e.failed:
		ev.ErrorType = embedding.ErrorOther
	}
}

// write writes the entry to an empty log record.
func (e *entry) write(lr plog.LogRecord, now time.Time) {
	e.event.WriteLogRecord(lr, now)
	if e.severity != plog.SeverityNumberUnspecified {
		lr.SetSeverityNumber(e.severity)
		lr.SetSeverityText(e.severity.String())
	}
}
