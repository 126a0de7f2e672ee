package canary

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// smallPins are pins of few texts.
func smallPins(t testing.TB, seed uint64) (*Plan, *Pins) {
	suite, err := BuiltIn()
	require.NoError(t, err)
	suite.Texts, suite.Pairs, suite.Queries = suite.Texts[:6], suite.Pairs[14:18], suite.Queries[:3]
	p, err := NewPlan(suite, Settings{TokenBudget: 4000, QueryInstruction: testInstruction})
	require.NoError(t, err)
	pins := learn(t, newServer(seed, 8, noise{call: 1e-5}), p)
	pins.Origin = Origin{
		Name: "local", Model: "m", DType: "bfloat16", Hardware: "cpu", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	return p, pins
}

func TestPinsRoundTrip(t *testing.T) {
	_, pins := smallPins(t, 1)
	data, err := pins.Encode()
	require.NoError(t, err)
	read, err := Decode(data)
	require.NoError(t, err)
	assert.Equal(t, pins, read)
	assert.Equal(t, pins.Digest(), read.Digest())
	again, err := read.Encode()
	require.NoError(t, err)
	assert.Equal(t, string(data), string(again))

	// One line for each text.
	assert.Equal(t, len(pins.Texts), bytes.Count(data, []byte(`"vector":`)))
	for line := range strings.Lines(string(data)) {
		assert.LessOrEqual(t, strings.Count(line, `"vector":`), 1)
	}
	// Line ends may be changed.
	read, err = Decode(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	require.NoError(t, err)
	assert.Equal(t, pins, read)
}

// TestPinsDamaged changes every byte, and cuts the file everywhere.
func TestPinsDamaged(t *testing.T) {
	_, pins := smallPins(t, 1)
	pins.Texts = pins.Texts[:2]
	pins.index()
	data, err := pins.Encode()
	require.NoError(t, err)
	for i := range data {
		_, err := Decode(data[:i])
		assert.Equal(t, i < len(data)-1, err != nil, "cut at %d", i) // the last byte is a line feed
		damaged := bytes.Clone(data)
		damaged[i] ^= 1
		if read, err := Decode(damaged); err == nil {
			assert.Equal(t, pins.Digest(), read.Digest(), "byte %d", i) // white space
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	_, pins := smallPins(t, 1)
	data, err := pins.Encode()
	require.NoError(t, err)
	for _, c := range []struct{ old, new, want string }{
		{`"format": "embedding-canary-pins"`, `"format": "x"`, `pins: format: found "x"; want "embedding-canary-pins"`},
		{`"version": 1`, `"version": 2`, "pins: version: found 2; want 1"},
		{`"dimension": 8`, `"dimension": 0`, "pins: dimension: found 0; want 1 to 65536"},
		{`"dimension": 8`, `"dimension": 9`, `pins: texts[0] "en-harbour": vector: found 32 bytes; want 36`},
		{`"model": "m"`, `"model": "n"`, "the file was changed or damaged"},
		{`"vector":"`, `"vector":"!`, `pins: texts[0] "en-harbour": vector: illegal base64`},
	} {
		_, err := Decode(bytes.Replace(data, []byte(c.old), []byte(c.new), 1))
		assert.ErrorContains(t, err, c.want)
	}
	_, err = Decode(nil)
	assert.Error(t, err)
}

func TestFits(t *testing.T) {
	p, pins := smallPins(t, 1)
	assert.NoError(t, pins.Fits(p))
	assert.EqualError(t, pins.Fits(testPlan(t)), "pins: found 6 of the 69 plain texts of the suite; want at least half: pins of the same suite")
}

func TestDiff(t *testing.T) {
	_, a := smallPins(t, 1)
	_, b := smallPins(t, 1)
	d := Diff(a, b)
	assert.Equal(t, len(a.Texts), d.Compared)
	assert.InDelta(t, 1, d.CosineMin, 1e-9)
	_, other := smallPins(t, 2)
	other.Texts = other.Texts[1:]
	other.index()
	d = Diff(a, other)
	assert.Equal(t, len(a.Texts)-1, d.Compared)
	assert.Equal(t, []string{a.Texts[0].ID}, d.OnlyA)
	assert.Less(t, d.CosineMedian, 0.9)
	assert.Len(t, d.Texts, d.Compared)
	assert.Equal(t, d.CosineMin, d.Texts[0].Cosine)
}

// TestPinsOfAnotherSuite judges texts that the pins do not have.
func TestPinsOfAnotherSuite(t *testing.T) {
	_, pins := smallPins(t, 1)
	suite := &Suite{Texts: []Text{{ID: "x", Kind: KindPlain, Text: "one"}, {ID: "y", Kind: KindPlain, Text: "two"}}}
	p, err := NewPlan(suite, Settings{})
	require.NoError(t, err)
	v := Judge(newServer(1, 8, noise{}).round(p, 1), pins)
	assert.Equal(t, embedding.CanaryLearning, v.Verdict, v.Reasons)
	assert.False(t, v.HasCosine)
}

// FuzzDecode makes sure that any file is read or refused, and that what was read can be used.
func FuzzDecode(f *testing.F) {
	p, pins := smallPins(f, 1)
	pins.Texts, pins.Figures, pins.Rungs, pins.Fresh = pins.Texts[:3], nil, pins.Rungs[:1], pins.Fresh[:1]
	pins.index()
	data, err := pins.Encode()
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte(`{"format":"embedding-canary-pins","version":1,"dimension":1,"texts":[{"norm":1,"vector":"AACAPw=="}]}`))
	f.Add([]byte(`{}`))
	m := newServer(1, 8, noise{}).round(p, 1)
	f.Fuzz(func(t *testing.T, data []byte) {
		pins, err := Decode(data)
		if err != nil {
			return
		}
		Judge(m, pins)
		again, err := pins.Encode()
		require.NoError(t, err)
		read, err := Decode(again)
		require.NoError(t, err)
		assert.Equal(t, pins.Digest(), read.Digest())
	})
}
