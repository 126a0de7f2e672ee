package vector

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"unsafe"
)

// AppendJSON appends the numbers of the JSON array that src begins with, and returns the number of bytes that the
// array takes, brackets included. Each value is the float32 nearest to the decimal number, exactly as
// strconv.ParseFloat(s, 32) rounds it; numbers beyond float32 become ±Inf.
//
// Broken servers send more than JSON allows: null, NaN, nan, Infinity, inf and their negatives are elements too, so
// that what is wrong shows in the values. Anything else, a nested array included, is an error that names the byte;
// dst is then returned as it was. AppendJSON does not allocate where dst has the capacity.
func AppendJSON(dst []float32, src []byte) (out []float32, n int, err error) {
	if len(src) == 0 || src[0] != '[' {
		return dst, 0, syntaxError(src, 0, "'['")
	}
	i := skipSpace(src, 1)
	if i < len(src) && src[i] == ']' {
		return dst, i + 1, nil
	}
	out = dst
	for {
		x, end, ok := parseNumber(src, i)
		if !ok {
			if x, end, ok = parseWord(src, i, end); !ok {
				return dst, end, syntaxError(src, end, "a number")
			}
		}
		out = append(out, x)
		i = skipSpace(src, end)
		if i >= len(src) {
			return dst, i, syntaxError(src, i, "',' or ']'")
		}
		switch src[i] {
		case ',':
			i = skipSpace(src, i+1)
		case ']':
			return out, i + 1, nil
		default:
			return dst, i, syntaxError(src, i, "',' or ']'")
		}
	}
}

func syntaxError(src []byte, i int, want string) error {
	if i >= len(src) {
		return fmt.Errorf("number array ends at byte %d, want %s", i, want)
	}
	return fmt.Errorf("number array has %q at byte %d, want %s", src[i], i, want)
}

func skipSpace(src []byte, i int) int {
	for i < len(src) && src[i] <= ' ' {
		switch src[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// words are the spellings of values that JSON numbers cannot express: JSON's own null, those of Python's json module
// and JavaScript, and those of C's printf.
var words = [...]struct {
	text  string
	value float32
}{
	{"null", float32(math.NaN())},
	{"NaN", float32(math.NaN())},
	{"nan", float32(math.NaN())},
	{"-NaN", float32(math.NaN())},
	{"-nan", float32(math.NaN())},
	{"Infinity", float32(math.Inf(1))},
	{"-Infinity", float32(math.Inf(-1))},
	{"inf", float32(math.Inf(1))},
	{"-inf", float32(math.Inf(-1))},
}

// parseWord reads one of words at src[i:]. Where there is none it returns the offset at which the number that was
// tried first went wrong.
func parseWord(src []byte, i, failed int) (x float32, end int, ok bool) {
	for _, w := range words {
		if end = i + len(w.text); end <= len(src) && string(src[i:end]) == w.text {
			return w.value, end, true
		}
	}
	return 0, failed, false
}

// maxDigits is the number of decimal digits that always fit into a uint64.
const maxDigits = 19

// parseNumber reads the JSON number at src[i:] and returns the offset behind it, or the offset of the first byte that
// breaks the grammar.
//
// The digits become an integer w and an exponent e, the value being w·10ᵉ, eight digits a step; round turns the pair
// into a float32. The few numbers that this cannot decide go to strconv.
func parseNumber(src []byte, i int) (x float32, end int, ok bool) {
	begin := i
	if uint(i) >= uint(len(src)) {
		return 0, i, false
	}
	// The compiler makes this a SETcc and not a branch: the signs of a vector are as unpredictable as tossed coins.
	minus := 0
	if src[i] == '-' {
		minus = 1
	}
	i += minus
	var w uint64
	digits := 0 // significant digits in w, at most
	switch {
	case i < len(src) && src[i] == '0':
		i++
	case i < len(src) && src[i]-'1' < 9:
		first := i
		for ; i < len(src) && src[i]-'0' < 10; i++ {
			w = w*10 + uint64(src[i]-'0')
		}
		digits = i - first
	default:
		return 0, i, false
	}

	exponent := 0
	if i < len(src) && src[i] == '.' {
		i++
		first := i
		w, i = appendDigits(w, src, i)
		if i == first {
			return 0, i, false
		}
		exponent = first - i
		if digits == 0 && i-first > maxDigits {
			digits -= leadingZeros(src[first:i])
		}
		digits += i - first
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		var power int
		if power, i, ok = parseExponent(src, i+1); !ok {
			return 0, i, false
		}
		exponent += power
	}

	if digits <= maxDigits {
		if x, ok = round(w, exponent, uint32(minus)<<31); ok {
			return x, i, true
		}
	}
	text := unsafe.String(&src[begin], i-begin) // src does not change meanwhile, and a copy would allocate
	f, _ := strconv.ParseFloat(text, 32)        // the grammar is right: the error is ErrRange at most, and f is ±Inf
	return float32(f), i, true
}

// appendDigits appends the decimal digits at src[i:] to w, modulo 2⁶⁴, and returns the offset behind them.
func appendDigits(w uint64, src []byte, i int) (uint64, int) {
	for len(src)-i >= 8 {
		// Bytes of block that are digits become 0 to 9, others get their high bit set by the sum. The carry of a
		// byte that is no digit may mark bytes above it wrongly, but the lowest mark is right.
		block := binary.LittleEndian.Uint64(src[i:]) ^ 0x3030303030303030
		marks := (block + 0x7676767676767676 | block) & 0x8080808080808080
		if marks == 0 {
			w = w*1e8 + eightDigits(block)
			i += 8
			continue
		}
		n := bits.TrailingZeros64(marks) / 8
		// The first digit is in the lowest byte: shifting up leaves n digits behind 8-n zeros.
		return w*powersOf10[n] + eightDigits(block<<(64-8*n)), i + n
	}
	for ; i < len(src) && src[i]-'0' < 10; i++ {
		w = w*10 + uint64(src[i]-'0')
	}
	return w, i
}

var powersOf10 = [8]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}

// eightDigits returns the number whose decimal digits are the bytes of block, the first in the lowest byte: pairs of
// neighbours are joined, then pairs of pairs, then the halves.
func eightDigits(block uint64) uint64 {
	const mask = 0x000000ff000000ff
	pairs := block*10 + block>>8
	return ((pairs&mask)*(100+1e6<<32) + (pairs>>16&mask)*(1+1e4<<32)) >> 32
}

func leadingZeros(digits []byte) int {
	n := 0
	for n < len(digits) && digits[n] == '0' {
		n++
	}
	return n
}

// maxExponent bounds exponents that are read; beyond it every number is 0 or infinite, and left to strconv.
const maxExponent = 1 << 20

// parseExponent reads what follows the e of a number.
func parseExponent(src []byte, i int) (power, end int, ok bool) {
	negative := false
	if i < len(src) && (src[i] == '-' || src[i] == '+') {
		negative = src[i] == '-'
		i++
	}
	first := i
	for ; i < len(src) && src[i]-'0' < 10; i++ {
		if power < maxExponent {
			power = power*10 + int(src[i]-'0')
		}
	}
	if negative {
		power = -power
	}
	return power, i, i > first
}

// A scale is 10ᵉ as a binary floating-point number, cut off to 64 bits: mantissa·2^exponent, with the mantissa's
// highest bit set.
type scale struct {
	mantissa uint64
	exponent int32
}

// Powers of ten that w·10ᵉ within the normal float32 range can need: with w in [1, 10¹⁹], e from −57 to 38.
const (
	minPower = -57
	maxPower = 38
)

var scales = makeScales()

func makeScales() (s [maxPower - minPower + 1]scale) {
	for i := range s {
		power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(i+minPower, -i-minPower))), nil)
		shift := 0
		if i+minPower < 0 {
			shift = 64 + power.BitLen()
			power.Div(new(big.Int).Lsh(big.NewInt(1), uint(shift)), power)
		}
		excess := power.BitLen() - 64
		if excess < 0 {
			power.Lsh(power, uint(-excess))
		} else {
			power.Rsh(power, uint(excess))
		}
		s[i] = scale{power.Uint64(), int32(excess - shift)}
	}
	return s
}

// round returns the float32 nearest to w·10^exponent, or false where it cannot tell: outside the normal range, and
// where the number lies so near to the midpoint of two floats that 64 bits of 10^exponent do not decide.
//
// This is the multiplication of D. Lemire, "Number parsing at a gigabyte per second" (2021), with a float32 result:
// that needs 24 of the 128 bits of the product, so the 64 bits of a power suffice for all but about one number in 2³⁸.
func round(w uint64, exponent int, sign uint32) (float32, bool) {
	if w == 0 {
		return math.Float32frombits(sign), true
	}
	index := uint(exponent - minPower)
	if index >= uint(len(scales)) {
		return 0, false
	}
	s := &scales[index]
	zeros := bits.LeadingZeros64(w)
	// The power was cut off by less than 1, so the true product exceeds this one by less than w < 2⁶⁴: its upper
	// half is high or high+1.
	high, _ := bits.Mul64(w<<(zeros&63), s.mantissa)
	top := int(high >> 63)
	drop := uint(39+top) & 63 // leaves the 24 bits of a float32
	biased := 127 + 126 + top - zeros + int(s.exponent)
	if biased < 1 || biased > 254 {
		return 0, false
	}
	rest := high & (1<<drop - 1)
	half := uint64(1) << (drop - 1)
	if rest == half || rest == half-1 {
		return 0, false
	}
	mantissa := uint32(high>>drop + rest>>((drop-1)&63))
	// The mantissa's leading bit and a carry out of it count up the exponent, up to that of infinity.
	return math.Float32frombits(sign | (uint32(biased-1)<<23 + mantissa)), true
}
