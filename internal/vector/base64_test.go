package vector

import (
	"bytes"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAppendBase64(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src  string
		want []float32
	}{
		{"", nil},
		{"AACAPw==", []float32{1}},
		{"AACAPw", []float32{1}},
		{"AACAP\nw==\r\n", []float32{1}},
		{"AACAPwAAAMA=", []float32{1, -2}},
		{"AACAPwAAAMA", []float32{1, -2}},
		{"AACAPwAAAMAAAMB/", []float32{1, -2, nan32}},
		{"AACAfwAAgP8=", []float32{inf32, -inf32}},
	}
	for _, tt := range tests {
		got, err := AppendBase64([]float32{7}, []byte(tt.src))
		require.NoError(t, err, tt.src)
		assertSameBits(t, append([]float32{7}, tt.want...), got, tt.src)
	}
}

func TestAppendBase64Malformed(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"A", "AA", "AAA", "AAAA", "AACAPwA", "AACAPw=", "AACAPw===", "AACAPw==AACAPw==", "=", "====", "AACA-w==", "AACA_w",
		"AACAPw\x00", "AACA Pw==", "[1,2]",
	} {
		dst := []float32{7}
		got, err := AppendBase64(dst, []byte(src))
		require.Error(t, err, src)
		assert.Equal(t, dst, got, src)
	}
}

func TestAppendBase64RoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Float32()).Draw(t, "x")
		encoding := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding}).Draw(t, "encoding")
		dst := make([]float32, 0, len(want))
		got, err := AppendBase64(dst, encoding.AppendEncode(nil, AppendFloat32s(nil, want)))
		require.NoError(t, err)
		assertSameBits(t, want, got, "round trip")
		assert.Equal(t, cap(dst), cap(got), "grew although the capacity was enough")
	})
}

func TestDecodersDoNotAllocate(t *testing.T) {
	x := unitVector(1)
	dst := make([]float32, 0, dimension)
	numbers, digits := jsonVector(x), base64Vector(x)
	longNumbers := bytes.Replace(numbers, []byte("]"), []byte(",0.10000000000000000000000000000000000000000001]"), 1)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		_, _, err := AppendJSON(dst, numbers)
		require.NoError(t, err)
	}))
	long := make([]float32, 0, dimension+1)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		_, _, err := AppendJSON(long, longNumbers)
		require.NoError(t, err)
	}))
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		_, err := AppendBase64(dst, digits)
		require.NoError(t, err)
	}))
}

func FuzzAppendBase64(f *testing.F) {
	for _, seed := range []string{"", "AACAPw==", "AACAPw", "AACAPwAAAMA=", "AACA\nPwAAAMA", "AAAA====", "A===", "AACAPw==\r\n", "AAAAAAAAAAAAAAAA"} {
		f.Add([]byte(seed))
	}
	half := bytes.Repeat([]byte("AACAPwAA"), 8) // more than one step of the vector instructions
	for _, middle := range []string{"", "\n", "\r\n", "=", "AAA", "-", "\xff"} {
		f.Add(slices.Concat(half, []byte(middle), half))
		f.Add(slices.Concat(half, half, []byte(middle)))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := AppendBase64(nil, src)
		raw, want := base64.StdEncoding.DecodeString(string(src))
		if want != nil {
			raw, want = base64.RawStdEncoding.DecodeString(string(src))
		}
		if want != nil || len(raw)%ElementSize != 0 {
			require.Error(t, err)
			require.Empty(t, got)
			return
		}
		require.NoError(t, err)
		assertSameBits(t, AppendBytes(nil, raw), got, string(src))
	})
}
