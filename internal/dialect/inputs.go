package dialect

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// First bytes of what is fingerprinted for an input that is no text. Neither occurs in UTF-8, so that such an input
// never has the fingerprint of a text.
const (
	markTokens = 0xff
	markValue  = 0xfe
)

// inputs writes the inputs of a request to an event.
type inputs struct {
	ev      *embedding.Event
	texts   *embedding.TextReader // nil for none
	scratch []byte
}

// reset forgets what was added.
func (in *inputs) reset() {
	in.ev.InputCount = 0
	in.ev.InputCharacters = in.ev.InputCharacters[:0]
	in.ev.InputFingerprints = in.ev.InputFingerprints[:0]
}

// add adds an input of so many characters.
func (in *inputs) add(characters int) {
	in.ev.InputCount++
	in.ev.InputCharacters = append(in.ev.InputCharacters, int64(characters))
}

// addOther adds an input that is no text, by bytes that stand for it.
func (in *inputs) addOther(identity []byte) {
	in.add(0)
	if in.texts != nil {
		in.ev.InputFingerprints = in.texts.AppendOther(in.ev.InputFingerprints, identity)
	}
}

// addText adds the string that s is at.
func (in *inputs) addText(s *scanner) {
	if text := s.str(); s.err == nil {
		in.add(utf8.RuneCount(text))
		if in.texts != nil {
			in.ev.InputFingerprints = in.texts.AppendText(in.ev.InputFingerprints, text)
		}
	}
}

// addValue adds the value that s is at, an input of some other kind, by its JSON text.
func (in *inputs) addValue(s *scanner) {
	if value := s.skip(); s.err == nil {
		in.scratch = append(append(in.scratch[:0], markValue), value...)
		in.addOther(in.scratch)
	}
}

// addTokens adds the list of token ids that s has opened; more is whether it has elements. Servers refuse what is no
// integer: it counts as an id that no token has.
func (in *inputs) addTokens(s *scanner, more bool) {
	in.scratch = append(in.scratch[:0], markTokens)
	for ; more; more = s.next(']') {
		id, ok := s.natural()
		if !ok {
			id = -1
		}
		in.scratch = binary.LittleEndian.AppendUint64(in.scratch, uint64(id))
	}
	if s.err == nil {
		in.addOther(in.scratch)
	}
}

// addObject adds the object that s is at: a text where text is its only member, as in Jina's {"text": …}, else a
// value of some other kind.
func (in *inputs) addObject(s *scanner) {
	value := s.skip()
	if s.err != nil {
		return
	}
	if text, ok := onlyText(&scanner{text: value}); ok {
		in.addText(&scanner{text: text})
		return
	}
	in.addValue(&scanner{text: value})
}

// onlyText returns the JSON text of an object's member text if that is a string and the object has no other.
func onlyText(s *scanner) (text []byte, ok bool) {
	for more := s.open('{'); more; more = s.next('}') {
		if string(s.key()) != "text" {
			return nil, false
		}
		text = s.skip()
	}
	return text, s.err == nil && len(text) > 0 && text[0] == '"'
}
