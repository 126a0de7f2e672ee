package embedding

import (
	"encoding/binary"
	"encoding/hex"
)

// TextReader takes from the inputs of a call what may be known of them: their number and lengths, a fingerprint of each,
// the task type that the first instruction among them names, and their beginnings where a user has asked for those.
// It keeps none of them itself.
//
// A TextReader is not safe for concurrent use: each worker has its own. A nil one counts and measures alone.
type TextReader struct {
	fingerprints *Fingerprinter
	tasks        *TaskPrefixes
	excerpts     *Excerpts
	task         string
	user         []byte
	scratch      []byte
	seen         map[Fingerprint]struct{}
}

// NewTextReader returns a TextReader. tasks is nil where instructions are not looked for, excerpts where no text is to
// be kept.
func NewTextReader(fingerprints *Fingerprinter, tasks *TaskPrefixes, excerpts *Excerpts) *TextReader {
	return &TextReader{
		fingerprints: fingerprints, tasks: tasks, excerpts: excerpts,
		seen: map[Fingerprint]struct{}{},
	}
}

// Reset begins a new call.
func (r *TextReader) Reset() {
	r.user = r.user[:0]
	r.task = ""
}

// Begin begins the list of a call's inputs, in place of any that was read into ev before.
func (r *TextReader) Begin(ev *Event) {
	ev.InputCount, ev.InputWords, ev.LongestWords, ev.InputsEmpty, ev.InputsDuplicate = 0, 0, 0, 0, 0
	ev.InputCharacters = ev.InputCharacters[:0]
	ev.InputFingerprints = ev.InputFingerprints[:0]
	ev.InputTexts = ev.InputTexts[:0]
	if r != nil {
		r.task = ""
		clear(r.seen)
	}
}

// Task returns the task type that the first instruction among the inputs named, or "".
func (r *TextReader) Task() string { return r.task }

// TaskOf returns the task type that an instruction stands for which comes beside the texts, "" where it is none that is
// known.
func (r *TextReader) TaskOf(instruction []byte) string {
	if r == nil || r.tasks == nil {
		return ""
	}
	return r.tasks.Task(instruction)
}

// Text adds a text to the inputs of ev.
func (r *TextReader) Text(ev *Event, text []byte) {
	runes, words := Measure(text)
	ev.addInput(runes, words)
	if words == 0 {
		ev.InputsEmpty++
	}
	if r == nil {
		return
	}
	if r.task == "" {
		r.task = r.TaskOf(text)
	}
	r.fingerprint(ev, text)
	if r.excerpts != nil {
		ev.InputTexts = r.excerpts.append(ev.InputTexts, text)
	}
}

// First bytes of what is fingerprinted for what is no text. None occurs in UTF-8, so that it never has the fingerprint
// of a text.
const (
	markTokens = 0xff
	markValue  = 0xfe
	markClient = 0xfd
)

// Tokens adds an input that came as token ids to those of ev.
func (r *TextReader) Tokens(ev *Event, ids []int64) {
	ev.addInput(0, len(ids))
	if r == nil {
		return
	}
	r.scratch = append(r.scratch[:0], markTokens)
	for _, id := range ids {
		r.scratch = binary.LittleEndian.AppendUint64(r.scratch, uint64(id))
	}
	r.noText(ev)
}

// Value adds an input of some other kind, by its JSON text.
func (r *TextReader) Value(ev *Event, value []byte) {
	ev.addInput(0, 0)
	if r == nil {
		return
	}
	r.scratch = append(append(r.scratch[:0], markValue), value...)
	r.noText(ev)
}

func (r *TextReader) noText(ev *Event) {
	r.fingerprint(ev, r.scratch)
	if r.excerpts != nil {
		ev.InputTexts = r.excerpts.append(ev.InputTexts, nil) // texts are matched to inputs by position
	}
}

func (e *Event) addInput(runes, words int) {
	e.InputCount++
	e.InputCharacters = append(e.InputCharacters, int64(runes))
	e.InputWords += words
	e.LongestWords = max(e.LongestWords, words)
}

func (r *TextReader) fingerprint(ev *Event, identity []byte) {
	start := len(ev.InputFingerprints)
	ev.InputFingerprints = r.fingerprints.Append(ev.InputFingerprints, identity)
	fp := Fingerprint(ev.InputFingerprints[start:])
	if _, again := r.seen[fp]; again {
		ev.InputsDuplicate++
		return
	}
	r.seen[fp] = struct{}{}
}

// User notes who the request says that it is for.
func (r *TextReader) User(user []byte) {
	if r != nil {
		r.user = append(r.user[:0], user...)
	}
}

// ClientID returns what stands for a client: of identity or, where that is empty, of whom the request says that it is
// for. It is empty where neither is known.
func (r *TextReader) ClientID(identity string) string {
	if identity == "" {
		identity = string(r.user)
	}
	if identity == "" {
		return ""
	}
	r.scratch = append(append(r.scratch[:0], markClient), identity...)
	return hex.EncodeToString(r.fingerprints.Append(nil, r.scratch))
}
