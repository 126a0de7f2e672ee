// Package embedding defines the embedding event: what is known of one call to an embedding server, and how it is
// written to and read from log records and spans. Attribute names of the event live in this package and nowhere
// else.
package embedding

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Event names, as in a log record's event_name.
const (
	// RequestEventName marks one call to an embedding server.
	RequestEventName = "embedding.request"
	// WindowEventName marks the report of one window of one key.
	WindowEventName = "embedding.quality.window"
	// CanaryEventName marks the result of one round of a canary at one replica.
	CanaryEventName = "embedding.canary.result"
)

// Operation is the gen_ai.operation.name of every embedding event.
const Operation = "embeddings"

// ErrorOther is the semantic conventions' error.type for an error without a known type.
const ErrorOther = "_OTHER"

// DefaultTaskType is the task type of a call that names none.
const DefaultTaskType = "general"

// ReceiverScope is the instrumentation scope of what the embedding receiver emits. Consumers of both logs and
// traces skip spans of this scope, because the same call is already carried by a log record.
const ReceiverScope = "github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver"

// Units of Event.InputTokens.
const (
	// UnitToken says that the server counted tokens.
	UnitToken = "token"
	// UnitCharacter says that the server reported characters in place of tokens.
	UnitCharacter = "character"
	// UnitEstimated says that the count was derived from the text.
	UnitEstimated = "estimated"
)

// Event is one call to an embedding server.
//
// Zero values mean "not known". A call may use zero tokens and an answer may hold no vector, so HasInputTokens and
// HasOutput tell whether such a zero is known. An Event is reused from call to call on hot paths; Reset clears it and keeps the
// capacity of its slices.
type Event struct {
	// Time is when the call began.
	Time time.Time
	// Duration is the time of the whole call as the client saw it.
	Duration time.Duration
	// UpstreamDuration is the time from passing the request on to the last byte of the server's answer.
	UpstreamDuration time.Duration

	// Provider names the server software or service (gen_ai.provider.name), for example "vllm".
	Provider string
	// RequestModel is the model that the client asked for.
	RequestModel string
	// ResponseModel is the model that the server says it used.
	ResponseModel string
	// TaskType is what the vectors are for; DefaultTaskType where the call does not say.
	TaskType string

	// ServerAddress and ServerPort identify the embedding server itself, not an intermediary.
	ServerAddress string
	ServerPort    int
	// URLPath is the path of the call.
	URLPath string
	// UserAgent is the client's User-Agent header.
	UserAgent string
	// StatusCode is the HTTP status of the answer, 0 if there was none.
	StatusCode int
	// ErrorType is a low-cardinality identifier of what went wrong, empty for a success.
	ErrorType string
	// RequestID is the identifier by which client and server name the call between them, its X-Request-Id header.
	RequestID string
	// ResponseID is the identifier that the server gave its answer.
	ResponseID string
	// ClientID stands for whoever made the call: a keyed hash, which tells clients apart and names none.
	ClientID string

	// Server is where the server says that its time went.
	Server ServerTimings

	// InputTokens is the server's count of tokens, in the unit of TokensUnit.
	InputTokens    int64
	HasInputTokens bool
	TokensUnit     string

	// InputCount is the number of inputs in the request. Token lists count as inputs too.
	InputCount int
	// InputCharacters holds the length of each input in runes; an input given as token ids has 0.
	InputCharacters []int64
	// InputFingerprints holds FingerprintSize bytes for each input, from a Fingerprinter.
	InputFingerprints []byte
	// InputWords is the least number of tokens that the inputs stand for, all of them together, as Words counts it for
	// texts; LongestWords is that of the longest.
	InputWords, LongestWords int
	// InputsEmpty is the number of texts that hold nothing but white space.
	InputsEmpty int
	// InputsDuplicate is the number of inputs that the same request holds before.
	InputsDuplicate int
	// InputTexts holds the beginnings of the texts, where a user has asked for them.
	InputTexts []string

	// Canary is whether the call asks for vectors of known texts, in order to watch the server, and is no user's.
	Canary bool

	// TruncateTokens is the number of tokens to which the client lets the server cut each input.
	TruncateTokens int

	// RequestedDimension is the vector length that the client asked for.
	RequestedDimension int
	// EncodingFormat is the encoding that the client asked for, for example "base64".
	EncodingFormat string
	// ElementType is the type of elements that the client asked for, for example "float16", "int8" or "ubinary";
	// empty for float32.
	ElementType string
	// BigEndian is whether the client asked for elements of several bytes with the highest byte first. It matters to
	// whoever reads the answer alone, and is not written to records.
	BigEndian bool

	// CountVectors makes whoever reads the answer count and measure its vectors and leave Vectors empty. It is not written
	// to records.
	CountVectors bool

	// OutputCount is the number of vectors in the answer; HasOutput tells a 0 that is known from one that is not.
	OutputCount int
	HasOutput   bool
	// OutputDimension is the observed length of the vectors.
	OutputDimension int
	// OutputRagged is the number of vectors in the answer whose length differs from OutputDimension. They are
	// counted in OutputCount and left out of Vectors.
	OutputRagged int
	// OutputReordered is whether the answer did not list its vectors in the order of the inputs.
	OutputReordered bool
	// Vectors holds the vectors, shape [n×d] row major, with n = OutputCount−OutputRagged and
	// d = OutputDimension. It is empty where the vectors were not read or have been removed.
	Vectors []float32

	// TraceID, SpanID and TraceFlags tie the call to a trace.
	TraceID    pcommon.TraceID
	SpanID     pcommon.SpanID
	TraceFlags uint32

	// Request is what was found in the call beside its vectors. It is zero where nobody has looked, and where nothing was
	// found.
	Request RequestQuality

	// Quality is what the quality processor found in the vectors; HasQuality is false before it has looked.
	Quality    Quality
	HasQuality bool

	// shared is whether Vectors is memory of the record that the event was read from; own keeps the event's own
	// buffer meanwhile, so that reuse never writes into a record.
	shared bool
	own    []float32
}

// Reset clears e and keeps the capacity of its slices.
func (e *Event) Reset() {
	*e = Event{
		InputCharacters:   e.InputCharacters[:0],
		InputFingerprints: e.InputFingerprints[:0],
		InputTexts:        e.InputTexts[:0],
		Vectors:           e.ownVectors(),
	}
}

// Model returns the name under which the call is counted: what the client asked for, else what the server answered
// with. One served model may answer to several names, and operators know them by the names their clients use.
func (e *Event) Model() string {
	if e.RequestModel != "" {
		return e.RequestModel
	}
	return e.ResponseModel
}

// Failed reports whether the call ended in an error. Emitters may give the status of the answer alone.
func (e *Event) Failed() bool { return e.ErrorType != "" || e.StatusCode >= 400 }

// Task returns TaskType, or DefaultTaskType if it is empty.
func (e *Event) Task() string {
	if e.TaskType == "" {
		return DefaultTaskType
	}
	return e.TaskType
}

// VectorRows returns the number of rows in Vectors.
func (e *Event) VectorRows() int {
	if e.OutputDimension <= 0 {
		return 0
	}
	return len(e.Vectors) / e.OutputDimension
}

// Fingerprint returns the fingerprint of the text behind row i of Vectors. It returns false where there is none, and
// where rows cannot be matched to texts by position because the answer does not hold one vector for each text.
func (e *Event) Fingerprint(i int) (Fingerprint, bool) {
	if e.OutputRagged != 0 || e.OutputCount != e.InputCount || i < 0 ||
		i >= len(e.InputFingerprints)/FingerprintSize {
		return Fingerprint{}, false
	}
	return Fingerprint(e.InputFingerprints[i*FingerprintSize:]), true
}
