package embedding

// TextReader takes from the texts of a call what may be known of them: a fingerprint of each, and the task type that the
// first instruction among them names. It keeps none of them.
//
// A TextReader is not safe for concurrent use: each worker has its own.
type TextReader struct {
	fingerprints *Fingerprinter
	tasks        *TaskPrefixes
	task         string
}

// NewTextReader returns a TextReader; tasks is nil where instructions are not looked for.
func NewTextReader(fingerprints *Fingerprinter, tasks *TaskPrefixes) *TextReader {
	return &TextReader{fingerprints: fingerprints, tasks: tasks}
}

// Reset begins a new call.
func (r *TextReader) Reset() { r.task = "" }

// Task returns the task type that the first instruction since Reset named, or "".
func (r *TextReader) Task() string { return r.task }

// AppendText appends the fingerprint of a text to dst.
func (r *TextReader) AppendText(dst, text []byte) []byte {
	if r.tasks != nil && r.task == "" {
		r.task = r.tasks.Task(text)
	}
	return r.fingerprints.Append(dst, text)
}

// AppendOther appends the fingerprint of an input that is no text, by bytes that stand for it.
func (r *TextReader) AppendOther(dst, identity []byte) []byte {
	return r.fingerprints.Append(dst, identity)
}
