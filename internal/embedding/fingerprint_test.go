package embedding

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFingerprintIsAFunctionOfKeyAndText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfN(rapid.Byte(), 0, 100)
		key, text, other := some.Draw(rt, "key"), some.Draw(rt, "text"), some.Draw(rt, "other text")
		f := NewFingerprinter(key)
		first := f.Append(nil, text)
		require.Len(rt, first, FingerprintSize)
		between := f.Append(nil, other)
		require.Equal(rt, bytes.Equal(text, other), bytes.Equal(first, between))
		require.Equal(rt, first, f.Append(nil, text), "depends on what was seen before")
		require.Equal(rt, first, NewFingerprinter(key).Append(nil, text), "depends on the fingerprinter")
		require.NotEqual(rt, first, NewFingerprinter(append([]byte("other"), key...)).Append(nil, text))
	})
}

func TestFingerprintAppends(t *testing.T) {
	f := NewFingerprinter([]byte("key"))
	both := f.Append(f.Append(nil, []byte("a")), []byte("b"))
	require.Equal(t, f.Append(nil, []byte("a")), both[:FingerprintSize])
	require.Equal(t, f.Append(nil, []byte("b")), both[FingerprintSize:])
}

func TestFingerprintAllocatesNothing(t *testing.T) {
	f := NewFingerprinter([]byte("key"))
	text := bytes.Repeat([]byte("text "), 200)
	dst := make([]byte, 0, FingerprintSize)
	require.Zero(t, testing.AllocsPerRun(100, func() { f.Append(dst, text) }))
}

func BenchmarkFingerprint(b *testing.B) {
	f := NewFingerprinter([]byte("key"))
	text := bytes.Repeat([]byte("text "), 200)
	dst := make([]byte, 0, FingerprintSize)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f.Append(dst, text)
	}
}
