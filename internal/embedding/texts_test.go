package embedding

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newReader(excerpts *Excerpts) *TextReader {
	return NewTextReader(NewFingerprinter([]byte("key")), NewTaskPrefixes(BuiltInTaskPrefixes()), excerpts)
}

func TestTextReader(t *testing.T) {
	var ev Event
	r := newReader(nil)
	r.Begin(&ev)
	r.Text(&ev, []byte("plain"))
	require.Equal(t, NewFingerprinter([]byte("key")).Append(nil, []byte("plain")), ev.InputFingerprints)
	require.Empty(t, r.Task())
	r.Tokens(&ev, []int64{1, 2, 3})
	require.Empty(t, r.Task())
	r.Text(&ev, []byte("search_document: one"))
	r.Text(&ev, []byte("search_query: two"))
	r.Text(&ev, []byte(" \n\t "))
	r.Text(&ev, nil)
	r.Text(&ev, []byte("plain"))
	r.Text(&ev, []byte("plain"))
	require.Equal(t, TaskDocument, r.Task(), "the first names the task of the call")
	require.Equal(t, 8, ev.InputCount)
	require.Equal(t, []int64{5, 0, 20, 17, 4, 0, 5, 5}, ev.InputCharacters)
	require.Len(t, ev.InputFingerprints, 8*FingerprintSize)
	require.Equal(t, 1+3+2+2+0+0+1+1, ev.InputWords)
	require.Equal(t, 3, ev.LongestWords)
	require.Equal(t, 2, ev.InputsEmpty)
	require.Equal(t, 2, ev.InputsDuplicate, "of three alike, two are too many")
	require.Empty(t, ev.InputTexts)

	r.Begin(&ev)
	require.Equal(t, visible(Event{}), visible(ev), "the list that counts is the last")
	require.Empty(t, r.Task())
	r.Text(&ev, []byte("plain"))
	require.Zero(t, ev.InputsDuplicate)

	none := NewTextReader(NewFingerprinter([]byte("key")), nil, nil)
	none.Text(&ev, []byte("search_query: two"))
	require.Empty(t, none.Task())
}

func TestNoTextReaderCountsAndMeasures(t *testing.T) {
	var got, want Event
	var none *TextReader
	with := newReader(nil)
	for _, r := range []struct {
		*TextReader
		ev *Event
	}{{none, &got}, {with, &want}} {
		r.Begin(r.ev)
		r.Text(r.ev, []byte("two words"))
		r.Tokens(r.ev, []int64{1, 2})
		r.Value(r.ev, []byte("{}"))
		r.User([]byte("somebody"))
	}
	require.Empty(t, got.InputFingerprints)
	want.InputFingerprints = nil
	require.Equal(t, visible(want), visible(got))
}

func TestMeasure(t *testing.T) {
	for text, want := range map[string][2]int{
		"":                                  {0, 0},
		" \t\n\v\f\r\u00a0\u3000":           {8, 0},
		"one":                               {3, 1},
		" one  two\nthree ":                 {16, 3},
		"Bücher-Straße, zwei":               {19, 2},
		"https://example.com/a/b?c=d&e=f#g": {33, 1},
		"向量检索":                              {4, 1},
		"向量检索服务的质量监控系统":        {13, 3},
		"東京 タワー":               {6, 2},
		"ภาษาไทยไม่มีช่องว่าง": {20, 5},
		"한국어 텍스트 임베딩":          {11, 3},
		"क्या हाल है":          {11, 3},
		"\xff\xfe \xff":        {4, 2},
	} {
		runes, words := Measure([]byte(text))
		require.Equal(t, want, [2]int{runes, words}, "%q", text)
	}
}

// TestMeasureAgainstFields holds Measure against the standard library where a text has no script without spaces.
func TestMeasureAgainstFields(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[a-zé\x00-\x20\x{0085}\x{2028}]{0,200}`).Draw(rt, "text")
		runes, words := Measure([]byte(text))
		require.Equal(rt, utf8.RuneCountInString(text), runes)
		require.Equal(rt, len(strings.Fields(text)), words)
	})
}

func TestExcerpts(t *testing.T) {
	var ev Event
	r := newReader(&Excerpts{MaxLength: 12, MaxCount: 4, Redact: []*regexp.Regexp{
		regexp.MustCompile(`[\w.]+@[\w.]+`), regexp.MustCompile(`\d{8}`),
	}})
	r.Begin(&ev)
	r.Text(&ev, []byte("größer als zwölf Zeichen"))
	r.Text(&ev, []byte("x 12345678"))
	r.Value(&ev, []byte(`{"image":"query: none"}`))
	r.Text(&ev, []byte("me@example.org$1"))
	r.Text(&ev, []byte("one too many"))
	require.Equal(t, []string{"größer als z", "x [redacted]", "", "[redacted]$1"}, ev.InputTexts)

	// What a pattern matches is gone even where the excerpt ends in the middle of it.
	r.Begin(&ev)
	r.Text(&ev, []byte("0123456 87654321"))
	require.Equal(t, []string{"0123456 [red"}, ev.InputTexts)
}

func TestClientID(t *testing.T) {
	r := newReader(nil)
	require.Empty(t, r.ClientID(""))
	key := r.ClientID("Bearer secret")
	require.Regexp(t, `^[0-9a-f]{16}$`, key)
	require.Equal(t, key, newReader(nil).ClientID("Bearer secret"))
	require.NotEqual(t, key, r.ClientID("Bearer other"))

	r.User([]byte("user-1"))
	user := r.ClientID("")
	require.NotEmpty(t, user)
	require.Equal(t, key, r.ClientID("Bearer secret"), "what the connection says goes first")
	r.Reset()
	require.Empty(t, r.ClientID(""))

	var ev Event
	r.Begin(&ev)
	r.Text(&ev, []byte("user-1"))
	require.NotContains(t, user, r.ClientID(string(ev.InputFingerprints)), "no text has the identity of a client")
}
