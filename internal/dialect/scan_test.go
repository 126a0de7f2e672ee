package dialect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSkip(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[{"a":`, maxNesting/2)
	closing := strings.Repeat(`}]`, maxNesting/2)
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-0`, `-12.50e+3`, `1E9`, `""`, `"a"`, `"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"`, `"é😀"`,
		`[]`, `{}`, ` [ ] `, `[1,"a",null,[],{}]`, `{"a":1,"b":[{"c":{}}],"":""}`, "\t{\r\n\"a\" : [ 1 , 2 ] }",
		deep + `1` + closing,
		`"12345678"`, `"1234567\\"`, `"` + strings.Repeat("x", 1000) + `"`,
	} {
		require.True(t, json.Valid([]byte(text)), text)
		s := scanner{text: []byte(text)}
		value := s.skip()
		s.end()
		require.NoError(t, s.err, text)
		assert.Equal(t, strings.TrimSpace(text), string(value))
	}
	for _, text := range []string{
		``, ` `, `nul`, `nulL`, `truE`, `tru`, `TRUE`, `01`, `-`, `+1`, `1.`, `.1`, `1e`, `1e+`, `--1`, `NaN`, `Infinity`,
		`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"1234567\x00\"", `'a'`,
		`[`, `[1`, `[1,`, `[1,]`, `[,]`, `[1 2]`, `[1}`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a" 1}`,
		`{a:1}`, `{1:1}`, `{"a":1]`, `{,}`, `]`, `}`, `,`, `1 2`, `[]]`, "1\x00", `{"a":1}{`, "\xef\xbb\xbf1",
	} {
		require.False(t, json.Valid([]byte(text)), text)
		s := scanner{text: []byte(text)}
		s.skip()
		s.end()
		require.Error(t, s.err, text)
	}
}

func TestSkipNesting(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("[", maxNesting+1) + strings.Repeat("]", maxNesting+1),
		strings.Repeat(`{"a":`, 1_000_000),
	} {
		s := scanner{text: []byte(text)}
		assert.Nil(t, s.skip())
		assert.ErrorContains(t, s.err, "nests more than 64 levels")
	}
}

func TestScannerNamesTheByte(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":1;}`: `JSON has ';' at byte 6, want ',' or '}'`,
		`[1`:       `JSON ends at byte 2, want ',' or ']'`,
		"\"a\nb\"": `JSON has '\n' at byte 2, want no control character in a string`,
		`"\q"`:     `JSON has '\\' at byte 1, want an escape sequence`,
		`{"a" 1}`:  `JSON has '1' at byte 5, want ':'`,
		`- 1`:      `JSON has ' ' at byte 1, want a digit`,
	} {
		s := scanner{text: []byte(text)}
		s.skip()
		assert.EqualError(t, s.err, want)
	}
}

func TestInteger(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "17": 17, "-17": -17, "3.0": 3, "3e2": 300, "1.5e1": 15, "9007199254740993": 9007199254740993,
		"9223372036854775807": 9223372036854775807,
	} {
		s := scanner{text: []byte(text)}
		got, ok := s.integer()
		assert.True(t, ok, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"0.5", "1e-1", "9223372036854775808", "1e300", "1e999", "x", ""} {
		s := scanner{text: []byte(text)}
		_, ok := s.integer()
		assert.False(t, ok, text)
	}
}

// FuzzScanner compares with encoding/json: what is valid, and what strings say.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,"\u00e9\ud83d\ude00\ud800\n"],"b":{"c":null,"d":[true,false]}}`, `"\ud800\u0041"`, "\"\xff\xc3(\"",
		`"\udc00\ud83d"`, `[01]`, `{"a":1,}`, "\"\x1f\"", `"12345678\"90123456"`, "\"1234567\x1f\"",
	} {
		f.Add([]byte(seed))
	}
	half := strings.Repeat("0123456789abcdef", longString/16)
	for _, middle := range []string{"", `\n`, "\n", "\x7f", "\xff", "é", `\"`, "\x00"} {
		f.Add([]byte(`"` + half + middle + half + `"`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{text: text}
		s.skip()
		s.end()
		if s.err != nil && strings.Contains(s.err.Error(), "nests") {
			return
		}
		require.Equal(t, json.Valid(text), s.err == nil, "%q: %v", text, s.err)
		s = scanner{text: text}
		if s.peek() != '"' || !json.Valid(text) {
			return
		}
		var want string
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, string(s.str()))
	})
}
