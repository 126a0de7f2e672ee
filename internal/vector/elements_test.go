package vector

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func elementTypes() []Elements {
	return []Elements{Float32, Float16, BFloat16, Float8E4M3, Float8E5M2, Int8, Uint8, Binary, Ubinary}
}

func TestParseElements(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Elements{
		"": Float32, "float": Float32, "float32": Float32, "float16": Float16, "bfloat16": BFloat16, "fp8_e4m3": Float8E4M3,
		"fp8_e5m2": Float8E5M2, "int8": Int8, "uint8": Uint8, "binary": Binary, "ubinary": Ubinary,
	} {
		got, ok := ParseElements(name)
		require.True(t, ok, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"FLOAT16", "base64", "int4", "float64"} {
		_, ok := ParseElements(name)
		require.False(t, ok, name)
	}
}

// minifloat computes the value of a float from its definition: a sign, a biased exponent, a mantissa.
func minifloat(bits uint32, exponentBits, mantissaBits int, finite bool) float64 {
	mantissa := int(bits & (1<<mantissaBits - 1))
	exponent := int(bits >> mantissaBits & (1<<exponentBits - 1))
	bias := 1<<(exponentBits-1) - 1
	var x float64
	switch {
	case finite && bits&(1<<(exponentBits+mantissaBits)-1) == 1<<(exponentBits+mantissaBits)-1:
		return math.NaN()
	case !finite && exponent == 1<<exponentBits-1 && mantissa != 0:
		return math.NaN()
	case !finite && exponent == 1<<exponentBits-1:
		x = math.Inf(1)
	case exponent == 0:
		x = math.Ldexp(float64(mantissa), 1-bias-mantissaBits)
	default:
		x = math.Ldexp(float64(1<<mantissaBits+mantissa), exponent-bias-mantissaBits)
	}
	if bits>>(exponentBits+mantissaBits) != 0 {
		x = math.Copysign(x, -1)
	}
	return x
}

func assertValue(t *testing.T, want float64, got float32, bits int) {
	t.Helper()
	if math.IsNaN(want) {
		require.True(t, got != got, "%#x: want NaN, got %g", bits, got)
		return
	}
	require.Equal(t, want, float64(got), "%#x", bits)
	require.Equal(t, math.Signbit(want), math.Signbit(float64(got)), "%#x", bits)
}

func TestEveryHalf(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 16 {
		for _, bigEndian := range []bool{false, true} {
			raw := binary.LittleEndian.AppendUint16(nil, uint16(bits))
			if bigEndian {
				slices.Reverse(raw)
			}
			half, err := AppendElements(nil, raw, Float16, bigEndian)
			require.NoError(t, err)
			assertValue(t, minifloat(uint32(bits), 5, 10, false), half[0], bits)
			brain, err := AppendElements(nil, raw, BFloat16, bigEndian)
			require.NoError(t, err)
			assertValue(t, minifloat(uint32(bits), 8, 7, false), brain[0], bits)
		}
	}
}

func TestEveryByte(t *testing.T) {
	t.Parallel()
	for bits := range 256 {
		for e, want := range map[Elements]float64{
			Float8E4M3: minifloat(uint32(bits), 4, 3, true),
			Float8E5M2: minifloat(uint32(bits), 5, 2, false),
			Int8:       float64((bits+128)%256 - 128),
			Uint8:      float64(bits),
		} {
			got, err := AppendElements(nil, []byte{byte(bits)}, e, false)
			require.NoError(t, err)
			require.Len(t, got, 1)
			assertValue(t, want, got[0], bits)
		}
		var want []float32
		for place := 128; place > 0; place /= 2 {
			want = append(want, float32(bits/place%2*2-1))
		}
		unsigned, err := AppendElements(nil, []byte{byte(bits)}, Ubinary, false)
		require.NoError(t, err)
		require.Equal(t, want, unsigned)
		signed, err := AppendElements(nil, []byte{byte(bits - 128)}, Binary, false)
		require.NoError(t, err)
		require.Equal(t, want, signed)
		require.Equal(t, append([]float32{9}, want...), UnpackBits([]float32{9, float32(bits)}, 1, Ubinary))
		require.Equal(t, append([]float32{9}, want...), UnpackBits([]float32{9, float32(bits - 128)}, 1, Binary))
	}
}

func TestUnpackBitsLeavesWhatIsNotPacked(t *testing.T) {
	t.Parallel()
	for _, x := range [][]float32{{1, 0.5}, {-129, 0}, {256, 0}, {nan32, 0}, {inf32, 0}} {
		assertSameBits(t, x, UnpackBits(slices.Clone(x), 0, Binary), "binary")
		assertSameBits(t, x, UnpackBits(slices.Clone(x), 0, Ubinary), "ubinary")
	}
	assert.Equal(t, []float32{1, 2}, UnpackBits([]float32{1, 2}, 0, Int8))
	assert.Empty(t, UnpackBits(nil, 0, Binary))
}

// TestBase64Elements decodes the same bytes with and without base64, of both byte orders, with line breaks or not.
func TestBase64Elements(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(elementTypes()).Draw(t, "type")
		bigEndian := rapid.Bool().Draw(t, "big-endian")
		raw := rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		raw = raw[:len(raw)/e.Size()*e.Size()]
		src := base64.StdEncoding.AppendEncode(nil, raw)
		if cut := rapid.IntRange(0, len(src)).Draw(t, "break"); rapid.Bool().Draw(t, "broken") {
			src = slices.Insert(src, cut, '\r', '\n')
		}
		want, err := AppendElements([]float32{7}, raw, e, bigEndian)
		require.NoError(t, err)
		require.Len(t, want, 1+len(raw)/e.Size()*e.PerEntry())
		got, err := AppendBase64Elements([]float32{7}, src, e, bigEndian)
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, math.Float32bits(want[i]), math.Float32bits(got[i]))
		}
	})
}

func TestElementsMalformed(t *testing.T) {
	t.Parallel()
	for _, e := range []Elements{Float32, Float16, BFloat16} {
		got, err := AppendElements([]float32{7}, []byte{1, 2, 3}, e, false)
		require.ErrorContains(t, err, "3 bytes are no multiple of")
		require.Equal(t, []float32{7}, got)
	}
	for _, e := range elementTypes() {
		got, err := AppendBase64Elements([]float32{7}, []byte("A?=="), e, true)
		require.ErrorContains(t, err, "illegal base64")
		require.Equal(t, []float32{7}, got)
	}
}

func TestElementsDoNotAllocate(t *testing.T) {
	raw := make([]byte, 4*dimension)
	for _, e := range elementTypes() {
		entries := raw[:dimension/e.PerEntry()*e.Size()]
		src := base64.StdEncoding.AppendEncode(nil, entries)
		dst := make([]float32, 0, dimension+8*e.PerEntry())
		numbers := make([]float32, dimension/8, dimension)
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			_, err := AppendElements(dst, entries, e, true)
			require.NoError(t, err)
			_, err = AppendBase64Elements(dst, src, e, true)
			require.NoError(t, err)
			UnpackBits(numbers, 0, e)
		}), e)
	}
}

func BenchmarkElements(b *testing.B) {
	names := []string{"float32", "float16", "bfloat16", "fp8_e4m3", "fp8_e5m2", "int8", "uint8", "binary", "ubinary"}
	raw := AppendFloat32s(nil, unitVector(1))
	for i, e := range elementTypes() {
		entries := raw[:dimension/e.PerEntry()*e.Size()]
		src := base64.StdEncoding.AppendEncode(nil, entries)
		dst := make([]float32, 0, dimension+8*e.PerEntry())
		b.Run("base64/"+names[i], func(b *testing.B) {
			for b.Loop() {
				if _, err := AppendBase64Elements(dst, src, e, false); err != nil {
					b.Fatal(err)
				}
			}
			reportVectors(b)
		})
	}
}
