package embeddingreceiver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver/internal/metadata"
)

const (
	ingestPath = "/v1/events"
	// maxReportedErrors is the number of errors that an answer lists.
	maxReportedErrors = 100
	// retryAfter is what a client is asked to wait while the pipeline takes nothing, in seconds.
	retryAfter = "1"
	// ingestFormat is what the ingested events are called in the collector's own telemetry.
	ingestFormat = "json"
)

// ingest is the endpoint for structured request logs.
type ingest struct {
	cfg       *IngestConfig
	set       component.TelemetrySettings
	out       *output
	telemetry *metadata.TelemetryBuilder
	newTexts  func() *embedding.TextReader
	server    server
	// places has one element for each request that is being read.
	places chan struct{}
}

func newIngest(
	cfg *IngestConfig,
	set component.TelemetrySettings,
	out *output,
	telemetry *metadata.TelemetryBuilder,
	newTexts func() *embedding.TextReader,
) *ingest {
	return &ingest{
		cfg: cfg, set: set, out: out, telemetry: telemetry, newTexts: newTexts,
		places: make(chan struct{}, cfg.MaxConcurrentRequests),
	}
}

func (i *ingest) start(ctx context.Context, host component.Host) error {
	srv, err := i.cfg.ServerConfig.ToServer(ctx, host.GetExtensions(), i.set, i)
	if err != nil {
		return fmt.Errorf("create server: %w", err)
	}
	i.server.http = srv
	return i.server.serve(ctx, &i.cfg.ServerConfig, host)
}

func (i *ingest) shutdown(ctx context.Context) error {
	if i.server.http == nil {
		return nil // never got as far
	}
	return i.server.shutdown(ctx)
}

// ingestReply is the answer to entries that were read.
type ingestReply struct {
	Accepted int           `json:"accepted"`
	Rejected int           `json:"rejected"`
	Errors   []ingestError `json:"errors,omitempty"`
	// ErrorsOmitted is the number of errors beyond maxReportedErrors.
	ErrorsOmitted int `json:"errors_omitted,omitempty"`
}

// ingestError says what is wrong with one field of one entry.
type ingestError struct {
	// Index is the entry's place in the request, from 0. Blank lines are no entries.
	Index int `json:"index"`
	// Field is empty where the entry as a whole is wrong.
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// ServeHTTP answers POST /v1/events. An answer of 200 means that the pipeline has taken what is reported as accepted.
func (i *ingest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != ingestPath {
		refuse(w, http.StatusNotFound, fmt.Sprintf("%s is unknown here; want %s", r.URL.Path, ingestPath))
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not allowed; want POST", r.Method))
		return
	}
	split, ok := splitterOf(r.Header.Get("Content-Type"))
	if !ok {
		refuse(w, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q is not understood; want "+
			"application/json or application/x-ndjson", r.Header.Get("Content-Type")))
		return
	}
	select {
	case i.places <- struct{}{}:
		defer func() { <-i.places }()
	default:
		i.telemetry.EmbeddingIngestRefusedRequests.Add(r.Context(), 1)
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d requests are being read already; send the same again, or raise "+
			"ingest::max_concurrent_requests", i.cfg.MaxConcurrentRequests))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes; send fewer "+
				"entries at a time, or raise ingest::max_request_body_size", tooLarge.Limit))
			return
		}
		refuse(w, http.StatusBadRequest, "the body cannot be read: "+err.Error())
		return
	}
	entries, err := split(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ld, reply := i.read(entries)
	if reply.Accepted > 0 {
		if err := i.out.sendLogs(r.Context(), ingestFormat, ld); err != nil {
			refuseForNow(w, err)
			return
		}
	}
	status := http.StatusOK
	if reply.Accepted == 0 && reply.Rejected > 0 {
		status = http.StatusBadRequest
	}
	answer(w, status, reply)
}

// read makes log records of the entries that are right, grouped by service, and says what is wrong with the others.
func (i *ingest) read(entries [][]byte) (plog.Logs, ingestReply) {
	var reply ingestReply
	ld := plog.NewLogs()
	byService := map[string]plog.LogRecordSlice{}
	now := time.Now()
	e := newEntry(i.newTexts())
	for index, raw := range entries {
		problems := e.read(raw, now)
		if len(problems) > 0 {
			reply.Rejected++
			for _, p := range problems {
				p.Index = index
				reply.add(p)
			}
			continue
		}
		reply.Accepted++
		records, ok := byService[e.service]
		if !ok {
			records = i.out.appendLogs(ld, e.service)
			byService[e.service] = records
		}
		e.write(records.AppendEmpty(), now)
	}
	return ld, reply
}

func (r *ingestReply) add(e ingestError) {
	if len(r.Errors) == maxReportedErrors {
		r.ErrorsOmitted++
		return
	}
	r.Errors = append(r.Errors, e)
}

// refuseForNow answers for a pipeline that did not take the entries.
func refuseForNow(w http.ResponseWriter, err error) {
	if consumererror.IsPermanent(err) {
		refuse(w, http.StatusInternalServerError, "the pipeline refused the entries for good: "+err.Error())
		return
	}
	w.Header().Set("Retry-After", retryAfter)
	refuse(w, http.StatusServiceUnavailable, "the pipeline takes no entries at the moment: "+err.Error())
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // fails only when the client is gone
}

// splitterOf returns the function that splits bodies of a content type into entries.
func splitterOf(contentType string) (func([]byte) ([][]byte, error), bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, false
	}
	switch media {
	case "application/json":
		return splitJSON, true
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return splitLines, true
	}
	return nil, false
}

// splitJSON returns the elements of a JSON array, or the one object that is not in an array.
func splitJSON(body []byte) ([][]byte, error) {
	body = bytes.TrimRight(body, " \t\r\n")
	start := bytes.TrimLeft(body, " \t\r\n")
	if len(start) == 0 {
		return nil, errors.New("the body is empty; want an entry, or an array of entries")
	}
	var elements []json.RawMessage
	var err error
	switch start[0] {
	case '[':
		err = json.Unmarshal(body, &elements)
	default:
		var one json.RawMessage
		err = json.Unmarshal(body, &one)
		elements = []json.RawMessage{one}
	}
	if err != nil {
		return nil, fmt.Errorf("malformed JSON %s", position(body, err))
	}
	entries := make([][]byte, len(elements))
	for i, e := range elements {
		entries[i] = e
	}
	return entries, nil
}

// splitLines returns the lines that are not blank.
func splitLines(body []byte) ([][]byte, error) {
	var entries [][]byte
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			entries = append(entries, line)
		}
	}
	if len(entries) == 0 {
		return nil, errors.New("the body is empty; want one entry a line")
	}
	return entries, nil
}

// position says where in text a JSON error is, and what it is.
func position(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ": " + err.Error()
	}
	before := text
	// The offset is behind the wrong byte, if one is wrong and none missing.
	if wrong := syntax.Offset - 1; wrong < int64(len(text)) && !strings.HasPrefix(syntax.Error(), "unexpected end") {
		before = text[:max(wrong, 0)]
	}
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Sprintf("at line %d, column %d: %s", line, column, strings.TrimPrefix(syntax.Error(), "json: "))
}
