package canary

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBuiltIn(t *testing.T) {
	s, err := BuiltIn()
	require.NoError(t, err)
	kinds := make(map[string]int)
	languages := make(map[string]bool)
	scripts := make(map[string]bool)
	for _, text := range s.Texts {
		kinds[text.Kind]++
		if text.Kind == KindPlain {
			languages[text.Language] = true
			for name, table := range unicode.Scripts {
				if name != "Common" && name != "Inherited" && strings.IndexFunc(text.Text, func(r rune) bool { return unicode.Is(table, r) }) >= 0 {
					scripts[name] = true
				}
			}
		}
	}
	assert.GreaterOrEqual(t, kinds[KindPlain], 64)
	assert.GreaterOrEqual(t, kinds[KindOdd], 16)
	assert.Positive(t, kinds[KindBlank])
	assert.GreaterOrEqual(t, len(languages), 35)
	assert.GreaterOrEqual(t, len(scripts), 15, scripts)
	related := 0
	for _, p := range s.Pairs {
		if p.Related {
			related++
		}
	}
	assert.Equal(t, 16, related)
	assert.Len(t, s.Pairs, 32)
	assert.GreaterOrEqual(t, len(s.Queries), 50)
	inLanguages := make(map[string]bool)
	for _, q := range s.Queries {
		inLanguages[q.Language] = true
		assert.NotEmpty(t, q.Negatives, q.ID)
	}
	assert.GreaterOrEqual(t, len(inLanguages), 8)
	again, err := BuiltIn()
	require.NoError(t, err)
	assert.Equal(t, s.Digest(), again.Digest())
}

func TestReadYAML(t *testing.T) {
	s, err := Read("folder/own.yaml", strings.NewReader(`
texts:
  - {id: one, language: de, text: "Grüße"}
  - text: no id
  - {id: many, kind: odd, repeat: "ab", times: 3}
  - {id: none, text: "\n"}
pairs:
  - {id: p, a: left, b: right, related: false}
queries:
  - id: q
    query: where
    document: here
    negatives: [there, "elsewhere"]
`))
	require.NoError(t, err)
	assert.Equal(t, &Suite{
		Name: "own",
		Texts: []Text{
			{ID: "one", Language: "de", Kind: KindPlain, Text: "Grüße"},
			{ID: "text-" + newEntry(classPlain, "", "no id").key, Kind: KindPlain, Text: "no id"},
			{ID: "many", Kind: KindOdd, Text: "ababab"},
			{ID: "none", Kind: KindBlank, Text: "\n"},
		},
		Pairs:   []Pair{{ID: "p", A: "left", B: "right"}},
		Queries: []Query{{ID: "q", Query: "where", Document: "here", Negatives: []string{"there", "elsewhere"}}},
	}, s)
}

func TestReadLines(t *testing.T) {
	s, err := Read("own.jsonl", strings.NewReader(`{"id": "one", "text": "first \ud83d\ude00"}

{"id": "p", "a": "left", "b": "right", "related": true}
{"id": "q", "query": "where", "document": "here"}
{"id": "many", "repeat": "ab", "times": 2}
`))
	require.NoError(t, err)
	assert.Equal(t, &Suite{
		Name:    "own",
		Texts:   []Text{{ID: "one", Kind: KindPlain, Text: "first 😀"}, {ID: "many", Kind: KindPlain, Text: "abab"}},
		Pairs:   []Pair{{ID: "p", A: "left", B: "right", Related: true}},
		Queries: []Query{{ID: "q", Query: "where", Document: "here"}},
	}, s)
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.yaml", "", "a.yaml: found nothing; want texts, pairs or queries"},
		{"a.yaml", "- x", "a.yaml:1: found a list; want a mapping with texts, pairs or queries"},
		{"a.yaml", "texts: [", "a.yaml: yaml: line 1"},
		{"a.yaml", "text: []", "a.yaml:1: text: found an unknown field; want name, texts, pairs or queries"},
		{"a.yaml", "texts: 7", `a.yaml:1: texts: found "7"; want a list`},
		{"a.yaml", "texts:\n  - alone", `a.yaml:2: texts[0]: found "alone"; want a mapping`},
		{"a.yaml", "texts:\n  - {text: ok}\n  - id: x\n    text: 12", "a.yaml:4: texts[1]: text: found 12; want a string"},
		{"a.yaml", "texts:\n  - id: x", "a.yaml:2: texts[0]: text: found nothing; want a text that is not empty"},
		{"a.yaml", "texts:\n  - {text: ok, kind: strange}", `kind: found "strange"; want plain, odd or blank`},
		{"a.yaml", "texts:\n  - {text: ok, lang: de}", "lang: found an unknown field; want one of id, language, kind, text"},
		{"a.yaml", "texts:\n  - {repeat: a, times: 0}", "times: found 0; want 1 to"},
		{"a.yaml", "texts:\n  - {repeat: a}", "times: found nothing; want a whole number"},
		{"a.yaml", "texts:\n  - {repeat: a, times: 2, text: b}", "repeat: found text beside it; want one of the two"},
		{"a.yaml", "texts:\n  - {id: x, text: a}\n  - {id: x, text: b}", `a.yaml: id "x": found twice`},
		{"a.yaml", "texts:\n  - {id: x, text: a}\n  - {id: y, text: a}", `a.yaml: texts "x" and "y": found the same text`},
		{"a.yaml", "pairs:\n  - {a: x, b: y}", "related: found nothing; want true for texts that mean the same"},
		{"a.yaml", "queries:\n  - {query: x, document: y, negatives: z}", `negatives: found "z"; want a list of texts`},
		{"a.yaml", "queries:\n  - {query: x, document: y, negatives: [z, 1]}", "negatives[1]: found 1; want a text"},
		{"a.jsonl", "{\"text\": \"ok\"}\n{\"text\": 1}", "a.jsonl:2: text: found 1; want a string"},
		{"a.jsonl", "[]", "a.jsonl:1: json: cannot unmarshal array"},
	} {
		_, err := Read(c.name, strings.NewReader(c.text))
		assert.ErrorContains(t, err, c.want)
	}
}

func TestMerge(t *testing.T) {
	one := &Suite{Texts: []Text{{ID: "a", Text: "x", Kind: KindPlain}}}
	two := &Suite{Texts: []Text{{ID: "b", Text: "y", Kind: KindPlain}}}
	s, err := Merge("both", one, two)
	require.NoError(t, err)
	assert.Len(t, s.Texts, 2)
	assert.NotEqual(t, one.Digest(), s.Digest())
	_, err = Merge("twice", one, one)
	assert.ErrorContains(t, err, `id "a": found twice`)
}

// FuzzRead makes sure that any file is read or refused.
func FuzzRead(f *testing.F) {
	f.Add("a.yaml", "name: x\ntexts:\n  - {id: a, language: de, kind: odd, text: \"\\u200b\"}\nqueries:\n  - {query: x, document: y, negatives: [z]}")
	f.Add("a.yaml", "texts: [{text: &a x}, {text: *a}]")
	f.Add("a.yaml", "texts: [{repeat: x, times: 3}]\npairs: [{a: x, b: y, related: yes}]")
	f.Add("a.jsonl", `{"text":"x"}`+"\n"+`{"query":"x","document":"y","negatives":["z"]}`)
	f.Add("a.jsonl", `{"a":null,"b":[],"related":1}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		s, err := Read(name, strings.NewReader(text))
		if err != nil {
			return
		}
		for _, text := range s.Texts {
			assert.NotEmpty(t, text.Text)
			assert.NotEmpty(t, text.ID)
		}
		_, _ = NewPlan(s, Settings{})
	})
}
