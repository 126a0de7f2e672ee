package vector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nan32 and inf32 shorten tables.
var (
	nan32 = float32(math.NaN())
	inf32 = float32(math.Inf(1))
)

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src  string
		want []float32
		rest string
	}{
		{src: `[]`, want: nil},
		{src: "[ \t\r\n]", want: nil},
		{src: `[0]`, want: []float32{0}},
		{src: `[-0]`, want: []float32{float32(math.Copysign(0, -1))}},
		{src: `[1,2,3]`, want: []float32{1, 2, 3}},
		{src: "\x5b 1 ,\n2\t,\r3 ] , \"x\"", want: []float32{1, 2, 3}, rest: ` , "x"`},
		{src: `[0.1]]`, want: []float32{0.1}, rest: `]`},
		{src: `[-1.5e-3,1E+2,1e2]`, want: []float32{-1.5e-3, 100, 100}},
		{src: `[null,NaN,nan,-nan,-NaN]`, want: []float32{nan32, nan32, nan32, nan32, nan32}},
		{src: `[Infinity,-Infinity,inf,-inf]`, want: []float32{inf32, -inf32, inf32, -inf32}},
		{src: `[1e39,-1e39,1e-60,1e999999999999]`, want: []float32{inf32, -inf32, 0, inf32}},
		{src: `[3.4028235e38,1e-45,1.17549421069e-38]`, want: []float32{math.MaxFloat32, 1e-45, 1.17549421069e-38}},
		{src: `[` + strings.Repeat("9", 400) + `]`, want: []float32{inf32}},
		{src: `[0.` + strings.Repeat("0", 400) + `1e401]`, want: []float32{1}},
		{src: `[100000000000000000000000e-22]`, want: []float32{10}},
		{src: `[0.00010000000000000000479]`, want: []float32{1e-4}},
	}
	for _, tt := range tests {
		got, n, err := AppendJSON([]float32{7}, []byte(tt.src))
		require.NoError(t, err, tt.src)
		assertSameBits(t, append([]float32{7}, tt.want...), got, tt.src)
		assert.Equal(t, tt.rest, tt.src[n:], tt.src)
	}
}

func TestAppendJSONMalformed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		src string
		at  int
	}{
		{``, 0}, {`1`, 0}, {`{}`, 0}, {` [1]`, 0},
		{`[`, 1}, {`[ `, 2}, {`[1`, 2}, {`[1,`, 3}, {`[1 `, 3},
		{`[,1]`, 1}, {`[1,]`, 3}, {`[1,,2]`, 3}, {`[1 2]`, 3}, {`[1}`, 2}, {"[1\v]", 2},
		{`[[1]]`, 1}, {`[1,[2]]`, 3}, {`["1"]`, 1}, {`[{}]`, 1},
		{`[01]`, 2}, {`[-]`, 2}, {`[-01]`, 3}, {`[.5]`, 1}, {`[+1]`, 1}, {`[1.]`, 3}, {`[1.e5]`, 3}, {`[-.5]`, 2},
		{`[1e]`, 3}, {`[1e+]`, 4}, {`[1e-`, 4}, {`[1.5e]`, 5}, {`[0x10]`, 2}, {`[1_0]`, 2}, {`[--1]`, 2},
		{`[true]`, 1}, {`[false]`, 1}, {`[nul]`, 1}, {`[nulll]`, 5}, {`[NAN]`, 1}, {`[-null]`, 2}, {`[+Infinity]`, 1},
		{`[Infinit`, 1}, {"[1\x00]", 2}, {"[\xff]", 1}, {`[１]`, 1},
	}
	for _, tt := range tests {
		dst := []float32{7}
		got, n, err := AppendJSON(dst, []byte(tt.src))
		require.Error(t, err, tt.src)
		assert.ErrorContains(t, err, fmt.Sprintf("byte %d", tt.at), tt.src)
		assert.Equal(t, tt.at, n, tt.src)
		assert.Equal(t, dst, got, tt.src)
	}
}

// TestAppendJSONTruncated cuts an array at every byte, so that no read passes the end of its input.
func TestAppendJSONTruncated(t *testing.T) {
	t.Parallel()
	whole := []byte(`[-0.012345678901234567, 1.5e-7,null ,-Infinity,12345678.87654321, 3e+2]`)
	for i := range whole {
		_, n, err := AppendJSON(nil, bytes.Clone(whole[:i]))
		require.Error(t, err, "%s", whole[:i])
		assert.LessOrEqual(t, n, i)
	}
}

// TestAppendJSONRounding compares with strconv.ParseFloat for decimal numbers from every corner of float32.
func TestAppendJSONRounding(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { // any float32, in the spellings that servers use
			x := float64(math.Float32frombits(finiteBits().Draw(t, "bits")))
			return rapid.SampledFrom(spellings(x)).Draw(t, "spelling")
		}),
		rapid.Custom(func(t *rapid.T) string { // components of unit vectors, float32 and float64
			x := rapid.Float64Range(-0.2, 0.2).Draw(t, "x")
			if rapid.Bool().Draw(t, "narrow") {
				x = float64(float32(x))
			}
			return rapid.SampledFrom(spellings(x)).Draw(t, "spelling")
		}),
		rapid.Custom(func(t *rapid.T) string { // midpoints of neighbours, exact and a hair off
			b := finiteBits().Draw(t, "bits") &^ (1 << 31)
			mid := new(big.Float).SetPrec(300).SetFloat64(float64(math.Float32frombits(b)))
			next := float64(math.Float32frombits(b + 1))
			if math.IsInf(next, 1) {
				next = 0x1p128
			}
			mid.Add(mid, new(big.Float).SetFloat64(next)).Quo(mid, big.NewFloat(2))
			digits := rapid.SampledFrom([]int{-1, 5, 9, 16, 17, 18, 19, 20, 30, 120}).Draw(t, "digits")
			if digits < 0 {
				digits = 160 // every digit of a float32 midpoint
			}
			s := mid.Text('e', digits)
			return rapid.SampledFrom([]string{s, strings.Replace(s, "e", "0000000000001e", 1)}).Draw(t, "text")
		}),
		rapid.Custom(func(t *rapid.T) string { // integers
			return strconv.FormatUint(rapid.Uint64().Draw(t, "integer"), 10)
		}),
		rapid.Custom(func(t *rapid.T) string { // any digits with any exponent
			return fmt.Sprintf("%d.%se%d", rapid.Uint32().Draw(t, "integer"),
				rapid.StringMatching(`0{0,12}[0-9]{1,24}`).Draw(t, "fraction"),
				rapid.IntRange(-80, 60).Draw(t, "exponent"))
		}),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?`),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		want, _ := strconv.ParseFloat(s, 32)
		got, n, err := AppendJSON(nil, []byte("["+s+"]"))
		require.NoError(t, err, s)
		assert.Equal(t, len(s)+2, n)
		assertSameBits(t, []float32{float32(want)}, got, s)
	})
}

// finiteBits draws the bits of finite float32 values, uniformly over the exponents.
func finiteBits() *rapid.Generator[uint32] {
	return rapid.Custom(func(t *rapid.T) uint32 {
		mantissa := rapid.Uint32Range(0, 1<<23-1).Draw(t, "mantissa")
		exponent := rapid.Uint32Range(0, 254).Draw(t, "exponent")
		return rapid.Uint32Range(0, 1).Draw(t, "sign")<<31 | exponent<<23 | mantissa
	})
}

func spellings(x float64) []string {
	return []string{
		strconv.FormatFloat(x, 'g', -1, 64),
		strconv.FormatFloat(x, 'e', -1, 32),
		strconv.FormatFloat(x, 'f', -1, 64),
		strconv.FormatFloat(x, 'f', -1, 32),
		strconv.FormatFloat(x, 'e', 16, 64),
		strconv.FormatFloat(x, 'e', 8, 64),
		strconv.FormatFloat(x, 'E', 6, 64),
		strconv.FormatFloat(x, 'f', 18, 64),
		strconv.FormatFloat(x, 'f', 8, 64),
	}
}

// assertSameBits compares bit by bit, so that 0 differs from −0; every NaN equals every other.
func assertSameBits(t require.TestingT, want, got []float32, message string) {
	require.Len(t, got, len(want), message)
	for i, w := range want {
		if w != w && got[i] != got[i] {
			continue
		}
		if math.Float32bits(w) != math.Float32bits(got[i]) {
			require.Failf(t, "different value", "%s: element %d: want %g, got %g", message, i, w, got[i])
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[0.1,-2.5e-3,1E+5]`, `[null, NaN,-Infinity]`, `[16777217,16777216.99999999999]`, `[[1]]`, `[01]`,
		`[0.012345679104328156,-0.00012345679104328156]`, `[1e-45, 3.4028236e38 ,0.000000000000000000000001]x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, n, err := AppendJSON(nil, src)
		require.LessOrEqual(t, n, len(src))
		if err == nil {
			src = src[:n] // what follows the array is not AppendJSON's business
		}
		if len(src) == 0 || src[0] != '[' || bytes.Contains(src, []byte(`"`)) {
			require.Error(t, err) // json.Number below is more lenient: it reads numbers in quotes
			return
		}
		var numbers []*json.Number // nil for null
		if json.Unmarshal(src, &numbers) != nil {
			require.True(t, err != nil || nonStandard.Match(src), "accepted what encoding/json refuses: %q", src)
			return
		}
		require.NoError(t, err, "%q", src)
		want := make([]float32, len(numbers))
		for i, number := range numbers {
			if number == nil {
				want[i] = nan32
				continue
			}
			x, _ := strconv.ParseFloat(number.String(), 32) // out of range gives what is wanted
			want[i] = float32(x)
		}
		assertSameBits(t, want, got, string(src))
	})
}

// nonStandard matches the elements that AppendJSON reads and encoding/json does not.
var nonStandard = regexp.MustCompile(`NaN|nan|Infinity|inf`)
