package dialect

import "github.com/otelcol-embedding/otelcol-embedding/internal/embedding"

// inputs writes the inputs of a request to an event.
type inputs struct {
	ev    *embedding.Event
	texts *embedding.TextReader // nil for none
	ids   []int64
}

// reset forgets what was added.
func (in *inputs) reset() { in.texts.Begin(in.ev) }

// addText adds the string that s is at.
func (in *inputs) addText(s *scanner) {
	if text := s.str(); s.err == nil {
		in.texts.Text(in.ev, text)
	}
}

// addValue adds the value that s is at, an input of some other kind, by its JSON text.
func (in *inputs) addValue(s *scanner) {
	if value := s.skip(); s.err == nil {
		in.texts.Value(in.ev, value)
	}
}

// addTokens adds the list of token ids that s has opened; more is whether it has elements. Servers refuse what is no
// integer: it counts as an id that no token has.
func (in *inputs) addTokens(s *scanner, more bool) {
	in.ids = in.ids[:0]
	for ; more; more = s.next(']') {
		id, ok := s.natural()
		if !ok {
			id = -1
		}
		in.ids = append(in.ids, id)
	}
	if s.err == nil {
		in.texts.Tokens(in.ev, in.ids)
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
