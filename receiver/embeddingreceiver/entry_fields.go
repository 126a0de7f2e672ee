package embeddingreceiver

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// maxIdentifier is the length up to which an error's text is taken for an identifier of it.
const maxIdentifier = 64

// readName checks that the log is one of an embedding call.
func (e *entry) readName(raw json.RawMessage) error {
	var name string
	if err := readString(raw, &name); err != nil {
		return err
	}
	switch name {
	case "", embedding.RequestEventName, "embedding_request", "embedding", "embeddings":
		return nil
	}
	return fmt.Errorf("is %s; want %q, or none", show(raw), embedding.RequestEventName)
}

// readTimestamp reads RFC 3339, or a Unix time whose size tells seconds, milliseconds, microseconds and nanoseconds
// apart: until the year 5138 the ranges do not meet.
func (e *entry) readTimestamp(raw json.RawMessage) error {
	want := fmt.Errorf("is %s; want RFC 3339 or Unix time, e.g. \"2026-01-02T15:04:05.123Z\" or 1767366245.123",
		show(raw))
	var t time.Time
	if kindOf(raw) == kindString {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return want
		}
		var err error
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			return want
		}
	} else {
		x, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || x < 0 || x >= 1e19 {
			return want
		}
		for x >= 1e11 {
			x /= 1000
		}
		seconds, fraction := math.Modf(x)
		// Rounded to microseconds, which is what a float64 holds of a Unix time in our days.
		t = time.Unix(int64(seconds), int64(math.Round(fraction*1e6))*1000)
	}
	// What pdata holds: nanoseconds since 1970 in 64 bits, and Go's durations in 63.
	if t.Before(time.Unix(0, 0)) || t.Year() > 2261 {
		return fmt.Errorf("is %s; want a time from 1970 to 2261", show(raw))
	}
	e.logged = t
	return nil
}

func (e *entry) readLevel(raw json.RawMessage) error {
	var level string
	if err := readString(raw, &level); err != nil {
		return err
	}
	switch strings.ToLower(level) {
	case "":
	case "trace":
		e.severity = plog.SeverityNumberTrace
	case "debug":
		e.severity = plog.SeverityNumberDebug
	case "info", "information", "notice":
		e.severity = plog.SeverityNumberInfo
	case "warn", "warning":
		e.severity = plog.SeverityNumberWarn
	case "error":
		e.severity = plog.SeverityNumberError
	case "fatal", "critical", "panic":
		e.severity = plog.SeverityNumberFatal
	default:
		return fmt.Errorf(`is %s; want "trace", "debug", "info", "warn", "error" or "fatal"`, show(raw))
	}
	return nil
}

// readTask reads what the vectors are for: an instruction that goes before the texts, or a name. An instruction that is not
// known would be a value of its own for each application.
func (e *entry) readTask(raw json.RawMessage) error {
	var task string
	if err := readString(raw, &task); err != nil {
		return err
	}
	known := e.texts.TaskOf([]byte(task))
	if name := strings.TrimSpace(task); known == "" && len(name) <= maxTaskType && !strings.Contains(name, "\n") {
		known = name
	}
	e.event.TaskType = known
	return nil
}

func (e *entry) readTokens(raw json.RawMessage) error {
	var n int
	if err := readCount(raw, &n); err != nil {
		return err
	}
	e.event.InputTokens, e.event.HasInputTokens, e.event.TokensUnit = int64(n), true, embedding.UnitToken
	return nil
}

// readCharacters reads the length of each input; a bare number is the length of the only one.
func (e *entry) readCharacters(raw json.RawMessage) error {
	list, err := elements(raw)
	if err != nil {
		return err
	}
	for _, element := range list {
		var n int
		if err := readCount(element, &n); err != nil {
			return err
		}
		e.event.InputCharacters = append(e.event.InputCharacters, int64(n))
	}
	return e.setInputCount(len(list))
}

func (e *entry) setInputCount(n int) error {
	if e.event.InputCount != 0 && e.event.InputCount != n {
		return fmt.Errorf("has %d entries; want %d, as input_count says", n, e.event.InputCount)
	}
	e.event.InputCount = n
	return nil
}

// readInput measures and fingerprints the inputs, which may be texts or token ids as in OpenAI's API, and drops them.
func (e *entry) readInput(raw json.RawMessage) error {
	const want = "want a text, a list of texts, a list of token ids or a list of lists of token ids"
	list, err := elements(raw)
	if err != nil {
		return err
	}
	if kindOf(raw) == kindArray && len(list) > 0 && kindOf(list[0]) == kindNumber {
		list = []json.RawMessage{raw} // the token ids of one input
	}
	ev := &e.event
	said := ev.InputCount
	e.texts.Begin(ev)
	for i, element := range list {
		switch kind := kindOf(element); kind {
		case kindString:
			var s string
			if err := json.Unmarshal(element, &s); err != nil {
				return err
			}
			e.texts.Text(ev, []byte(s))
		case kindArray:
			var ids []int64
			if err := json.Unmarshal(element, &ids); err != nil {
				return fmt.Errorf("holds at %d a list that is not of token ids; "+want, i)
			}
			e.texts.Tokens(ev, ids)
		default:
			return fmt.Errorf("holds %s; "+want, kind)
		}
	}
	ev.InputCount = said
	return e.setInputCount(len(list))
}

func (e *entry) readOutputCount(raw json.RawMessage) error {
	e.event.HasOutput = true
	return readCount(raw, &e.event.OutputCount)
}

// readUser hashes whom the call was for, and knows a canary by it.
func (e *entry) readUser(raw json.RawMessage) error {
	var user string
	if err := readString(raw, &user); err != nil {
		return err
	}
	e.texts.User([]byte(user))
	e.event.Canary = embedding.IsCanary(user)
	return nil
}

func (e *entry) readDuration(raw json.RawMessage) error {
	const maxMilliseconds = math.MaxInt64 / int64(time.Millisecond)
	x, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || x < 0 || x >= float64(maxMilliseconds) {
		return fmt.Errorf("is %s; want a number ≥ 0, e.g. 12.5", show(raw))
	}
	e.event.Duration = time.Duration(x * float64(time.Millisecond))
	return nil
}

// readStatus reads an HTTP status, or a word for success or failure.
func (e *entry) readStatus(raw json.RawMessage) error {
	want := fmt.Errorf(`is %s; want an HTTP status, e.g. 200, or "ok" or "error"`, show(raw))
	digits := string(raw)
	if kindOf(raw) == kindString {
		if err := json.Unmarshal(raw, &digits); err != nil {
			return want
		}
		switch strings.ToLower(digits) {
		case "ok", "success":
			return nil
		case "error", "failed", "failure":
			e.failed = true
			return nil
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 100 || n > 599 {
		return want
	}
	e.event.StatusCode = n
	return nil
}

// readError reads an identifier of an error. Free text would be a value of its own for each call, so it counts as an
// error without a known type.
func (e *entry) readError(raw json.RawMessage) error {
	switch kindOf(raw) {
	case kindBool:
		e.failed = string(raw) == "true"
		return nil
	case kindObject:
		var object struct{ Type, Code json.RawMessage }
		if err := json.Unmarshal(raw, &object); err != nil {
			return err
		}
		e.failed = true
		for _, part := range []json.RawMessage{object.Type, object.Code} {
			var s string
			if kindOf(part) == kindString && json.Unmarshal(part, &s) == nil && identifier(s) {
				e.event.ErrorType = s
				break
			}
		}
		return nil
	case kindString:
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		if identifier(s) {
			e.event.ErrorType = s
		}
		e.failed = s != ""
		return nil
	}
	return fmt.Errorf("is %s; want a short name of the error, e.g. \"timeout\"", show(raw))
}

func identifier(s string) bool {
	return s != "" && len(s) <= maxIdentifier && !strings.ContainsAny(s, " \t\r\n")
}

func (e *entry) readTraceFlags(raw json.RawMessage) error {
	base, digits := 10, string(raw)
	if kindOf(raw) == kindString {
		base = 16
		if err := json.Unmarshal(raw, &digits); err != nil {
			return err
		}
	}
	n, err := strconv.ParseUint(digits, base, 8)
	if err != nil {
		return fmt.Errorf(`is %s; want a number from 0 to 255, or two hex digits, e.g. "01"`, show(raw))
	}
	e.event.TraceFlags = uint32(n)
	return nil
}
