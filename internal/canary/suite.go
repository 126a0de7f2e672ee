package canary

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Suite is a set of texts with what is known of them.
type Suite struct {
	Name string
	// Texts are those whose vectors are pinned.
	Texts []Text
	// Pairs are texts that mean the same, and texts that have nothing to do with each other.
	Pairs []Pair
	// Queries are searches with the document that answers each.
	Queries []Query
}

// Kinds of texts.
const (
	// KindPlain is text as users write it: two of them never have the same vector.
	KindPlain = "plain"
	// KindOdd is text that servers must answer but that vectors may be the same for, as control characters are.
	KindOdd = "odd"
	// KindBlank is text without a visible character, which a server may refuse.
	KindBlank = "blank"
)

// Text is a text with the name that it has in results.
type Text struct {
	ID string
	// Language is a BCP 47 tag, or empty where a text is in none. It is for readers.
	Language string
	// Kind is KindPlain, KindOdd or KindBlank.
	Kind string
	Text string
}

// Pair is two texts.
type Pair struct {
	ID       string
	Language string
	A, B     string
	// Related is whether the two mean the same.
	Related bool
}

// Query is a search, the document that answers it, and documents that look as if they did.
type Query struct {
	ID        string
	Language  string
	Query     string
	Document  string
	Negatives []string
}

//go:embed suite/*.yaml
var builtIn embed.FS

// BuiltIn returns the suite that is part of the program.
func BuiltIn() (*Suite, error) {
	paths, err := fs.Glob(builtIn, "suite/*.yaml")
	if err != nil {
		return nil, err
	}
	var parts []*Suite
	for _, path := range paths {
		f, err := builtIn.Open(path)
		if err != nil {
			return nil, err
		}
		part, err := Read(path, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return Merge("built-in", parts...)
}

// Merge returns a suite of all that the parts have, in their order. It refuses an id that two parts use, and two texts to be pinned
// that are the same.
func Merge(name string, parts ...*Suite) (*Suite, error) {
	s := &Suite{Name: name}
	for _, part := range parts {
		s.Texts = append(s.Texts, part.Texts...)
		s.Pairs = append(s.Pairs, part.Pairs...)
		s.Queries = append(s.Queries, part.Queries...)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// Digest names the content of the suite, whatever its name: 16 hexadecimal digits.
func (s *Suite) Digest() string {
	content := *s
	content.Name = ""
	data, err := json.Marshal(content)
	if err != nil {
		panic(err) // there are but strings in it
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// check refuses what a single text does not show: ids and texts that come twice.
func (s *Suite) check() error {
	var errs []error
	ids, texts := make(map[string]bool), make(map[string]string)
	unique := func(id string) {
		if ids[id] {
			errs = append(errs, fmt.Errorf("id %q: found twice; want another name for one of the two", id))
		}
		ids[id] = true
	}
	for _, t := range s.Texts {
		unique(t.ID)
		if other, ok := texts[t.Text]; ok && other != t.ID {
			errs = append(errs, fmt.Errorf("texts %q and %q: found the same text; want different ones", other, t.ID))
		}
		texts[t.Text] = t.ID
	}
	for _, p := range s.Pairs {
		unique(p.ID)
	}
	for _, q := range s.Queries {
		unique(q.ID)
	}
	return errors.Join(errs...)
}

// Languages returns the languages of the suite, sorted.
func (s *Suite) Languages() []string {
	var all []string
	add := func(language string) {
		if language != "" {
			all = append(all, strings.ToLower(language))
		}
	}
	for _, t := range s.Texts {
		add(t.Language)
	}
	for _, p := range s.Pairs {
		add(p.Language)
	}
	for _, q := range s.Queries {
		add(q.Language)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
