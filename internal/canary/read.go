package canary

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// maxSuite is the size of the largest file.
	maxSuite = 16 << 20
	// maxText is the length of the longest text, in bytes.
	maxText = 1 << 20
)

// Read reads a suite in YAML, or in JSON lines where name ends in .jsonl. Errors name the line and the field, say what was found there,
// and what would be right.
//
// A YAML file has lists under texts, pairs and queries. A line of JSON is an object of one of the three kinds: it has text (or repeat),
// a and b, or query and document.
func Read(name string, r io.Reader) (*Suite, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSuite+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxSuite {
		return nil, fmt.Errorf("%s: found more than %d MiB; want less", name, maxSuite>>20)
	}
	s := &Suite{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))}
	if strings.EqualFold(filepath.Ext(name), ".jsonl") {
		err = s.readLines(name, data)
	} else {
		err = s.readYAML(name, data)
	}
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// item is a text, pair or query with where it was found.
type item struct {
	where  string
	fields map[string]any
	// lines has the line of each field, where that is another than that of the item.
	lines map[string]string
	err   error // the first
}

func (s *Suite) readLines(name string, data []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxSuite+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		it := &item{where: fmt.Sprintf("%s:%d", name, n)}
		if err := json.Unmarshal(line, &it.fields); err != nil {
			return fmt.Errorf("%s: %w; want a JSON object", it.where, err)
		}
		var err error
		switch {
		case it.has("query"):
			err = s.addQuery(it)
		case it.has("a"):
			err = s.addPair(it)
		default:
			err = s.addText(it)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *Suite) readYAML(name string, data []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(document.Content) == 0 {
		return fmt.Errorf("%s: found nothing; want texts, pairs or queries", name)
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: found %s; want a mapping with texts, pairs or queries", name, top.Line, kindOf(top))
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		var add func(*item) error
		switch key.Value {
		case "name":
			s.Name = value.Value
			continue
		case "texts":
			add = s.addText
		case "pairs":
			add = s.addPair
		case "queries":
			add = s.addQuery
		default:
			return fmt.Errorf("%s:%d: %s: found an unknown field; want name, texts, pairs or queries", name, key.Line, key.Value)
		}
		if value.Kind != yaml.SequenceNode {
			return fmt.Errorf("%s:%d: %s: found %s; want a list", name, value.Line, key.Value, kindOf(value))
		}
		for n, element := range value.Content {
			it := &item{where: fmt.Sprintf("%s:%d: %s[%d]", name, element.Line, key.Value, n), lines: make(map[string]string)}
			if element.Kind != yaml.MappingNode {
				return fmt.Errorf("%s: found %s; want a mapping", it.where, kindOf(element))
			}
			if err := element.Decode(&it.fields); err != nil {
				return fmt.Errorf("%s: %w", it.where, err)
			}
			for k := 0; k+1 < len(element.Content); k += 2 {
				it.lines[element.Content[k].Value] = fmt.Sprintf("%s:%d: %s[%d]", name, element.Content[k].Line, key.Value, n)
			}
			if err := add(it); err != nil {
				return err
			}
		}
	}
	return nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return fmt.Sprintf("%.40q", n.Value)
}

func (s *Suite) addText(it *item) error {
	t := Text{ID: it.str("id"), Language: it.str("language"), Kind: it.str("kind"), Text: it.str("text")}
	if it.has("repeat") {
		unit, times := it.str("repeat"), it.number("times")
		switch {
		case it.has("text"):
			it.fail("repeat", "text beside it", "one of the two")
		case unit == "":
			it.fail("repeat", "nothing", "what the text is made of")
		case times < 1 || times > maxText/len(unit):
			it.fail("times", fmt.Sprint(times), fmt.Sprintf("1 to %d", maxText/max(1, len(unit))))
		default:
			t.Text = strings.Repeat(unit, times)
		}
	} else {
		it.needs("text", t.Text)
	}
	switch t.Kind {
	case "":
		t.Kind = KindPlain
		if isBlank(t.Text) {
			t.Kind = KindBlank
		}
	case KindPlain, KindOdd, KindBlank:
	default:
		it.fail("kind", fmt.Sprintf("%q", t.Kind), "plain, odd or blank")
	}
	if t.ID == "" {
		t.ID = "text-" + newEntry(classPlain, "", t.Text).key
	}
	s.Texts = append(s.Texts, t)
	return it.end("id", "language", "kind", "text", "repeat", "times")
}

// isBlank is whether a text has no visible character.
func isBlank(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) && unicode.IsGraphic(r) }) < 0
}

func (s *Suite) addPair(it *item) error {
	p := Pair{ID: it.str("id"), Language: it.str("language"), A: it.str("a"), B: it.str("b")}
	it.needs("a", p.A)
	it.needs("b", p.B)
	switch related := it.fields["related"].(type) {
	case bool:
		p.Related = related
	default:
		it.fail("related", found(related), "true for texts that mean the same, false for texts that have nothing to do with each other")
	}
	if p.ID == "" {
		p.ID = "pair-" + newEntry(classPair, "", p.A+"\n"+p.B).key
	}
	s.Pairs = append(s.Pairs, p)
	return it.end("id", "language", "a", "b", "related")
}

func (s *Suite) addQuery(it *item) error {
	q := Query{ID: it.str("id"), Language: it.str("language"), Query: it.str("query"), Document: it.str("document")}
	it.needs("query", q.Query)
	it.needs("document", q.Document)
	switch list := it.fields["negatives"].(type) {
	case nil:
	case []any:
		for i, v := range list {
			text, ok := v.(string)
			if !ok || text == "" {
				it.fail(fmt.Sprintf("negatives[%d]", i), found(v), "a text")
			}
			q.Negatives = append(q.Negatives, text)
		}
	default:
		it.fail("negatives", found(list), "a list of texts")
	}
	if q.ID == "" {
		q.ID = "query-" + newEntry(classQuery, "", q.Query).key
	}
	s.Queries = append(s.Queries, q)
	return it.end("id", "language", "query", "document", "negatives")
}

func (it *item) has(field string) bool {
	_, ok := it.fields[field]
	return ok
}

// str returns a field that is a string, empty where there is none.
func (it *item) str(field string) string {
	v, ok := it.fields[field]
	if !ok {
		return ""
	}
	text, ok := v.(string)
	switch {
	case !ok:
		it.fail(field, found(v), "a string; in YAML, quotes make one of anything")
	case !utf8.ValidString(text):
		it.fail(field, fmt.Sprintf("%.40q", text), "UTF-8")
	case len(text) > maxText:
		it.fail(field, fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", maxText))
	}
	return text
}

func (it *item) number(field string) int {
	switch n := it.fields[field].(type) {
	case int:
		return n
	case float64:
		if n == float64(int(n)) {
			return int(n)
		}
	}
	it.fail(field, found(it.fields[field]), "a whole number")
	return 1
}

func (it *item) needs(field, value string) {
	if value == "" {
		it.fail(field, found(it.fields[field]), "a text that is not empty")
	}
}

// found says in few words what a field is.
func found(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return fmt.Sprintf("%.40q", v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return fmt.Sprint(v)
}

// fail takes an error about a field, unless there was one already.
func (it *item) fail(field, found, want string) {
	if it.err != nil {
		return
	}
	where := it.where
	name, _, _ := strings.Cut(field, "[")
	if line, ok := it.lines[name]; ok {
		where = line
	}
	it.err = fmt.Errorf("%s: %s: found %s; want %s", where, field, found, want)
}

// end returns what is wrong with the item. known are all fields that there are.
func (it *item) end(known ...string) error {
	for _, field := range slices.Sorted(maps.Keys(it.fields)) {
		if !slices.Contains(known, field) {
			it.fail(field, "an unknown field", "one of "+strings.Join(known, ", "))
		}
	}
	return it.err
}
