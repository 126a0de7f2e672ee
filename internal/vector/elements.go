package vector

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Elements is the form in which a server sends the elements of vectors.
type Elements uint8

// The element types of embedding APIs.
const (
	// Float32 is IEEE 754 binary32.
	Float32 Elements = iota
	// Float16 is IEEE 754 binary16.
	Float16
	// BFloat16 is the upper half of a float32.
	BFloat16
	// Float8E4M3 has 4 bits of exponent and 3 of mantissa, no infinities, and 0x7f and 0xff for NaN. It is what
	// vLLM calls fp8_e4m3 and PyTorch float8_e4m3fn.
	Float8E4M3
	// Float8E5M2 is the upper half of a Float16, vLLM's fp8_e5m2.
	Float8E5M2
	// Int8 is a signed integer.
	Int8
	// Uint8 is an unsigned integer.
	Uint8
	// Binary holds eight elements in a signed byte: Ubinary less 128.
	Binary
	// Ubinary holds eight elements in a byte, the first in the highest bit, as numpy.packbits has it: a set bit
	// stands for +1 and a clear one for −1, so that norms and cosines mean something.
	Ubinary
)

// ParseElements returns the element type of a name, in the spellings of vLLM's embed_dtype and of what Cohere,
// Mistral, Voyage, Jina and Sentence Transformers call their output types. It returns false for any other name.
func ParseElements(name string) (Elements, bool) {
	switch name {
	case "", "float", "float32":
		return Float32, true
	case "float16":
		return Float16, true
	case "bfloat16":
		return BFloat16, true
	case "fp8_e4m3":
		return Float8E4M3, true
	case "fp8_e5m2":
		return Float8E5M2, true
	case "int8":
		return Int8, true
	case "uint8":
		return Uint8, true
	case "binary":
		return Binary, true
	case "ubinary":
		return Ubinary, true
	}
	return Float32, false
}

// Size returns the size in bytes of one entry: an element, or a byte of packed ones.
func (e Elements) Size() int {
	switch e {
	case Float32:
		return 4
	case Float16, BFloat16:
		return 2
	}
	return 1
}

// PerEntry returns the number of elements in one entry: 8 for packed bits, else 1.
func (e Elements) PerEntry() int {
	if e == Binary || e == Ubinary {
		return 8
	}
	return 1
}

// AppendElements appends the vector that raw holds in entries of type e, of the byte order given. Every value is
// exact. It does not allocate where dst has the capacity. On error it returns dst as it was.
func AppendElements(dst []float32, raw []byte, e Elements, bigEndian bool) ([]float32, error) {
	if len(raw)%e.Size() != 0 {
		return dst, fmt.Errorf("decode vector: %d bytes are no multiple of %d", len(raw), e.Size())
	}
	start, count := len(dst), len(raw)/e.Size()*e.PerEntry()
	out := slices.Grow(dst, count)[:start+count]
	convert(out[start:], raw, e, bigEndian)
	return out, nil
}

// convert decodes raw into x, which has room for exactly its elements. It goes forward and reads each entry before it
// writes what comes of it, so that raw may be the end of x's own memory.
func convert(x []float32, raw []byte, e Elements, bigEndian bool) {
	switch e {
	case Float32, Float16, BFloat16:
		convertWords(x, raw, e, bigEndian)
	case Float8E4M3:
		for i, b := range raw {
			x[i] = fromFloat8E4M3[b]
		}
	case Float8E5M2:
		for i, b := range raw {
			x[i] = fromHalf(uint16(b) << 8)
		}
	case Int8:
		for i, b := range raw {
			x[i] = float32(int8(b))
		}
	case Uint8:
		for i, b := range raw {
			x[i] = float32(b)
		}
	case Binary:
		for i, b := range raw {
			unpack(x[8*i:], b^0x80)
		}
	case Ubinary:
		for i, b := range raw {
			unpack(x[8*i:], b)
		}
	}
}

// convertWords decodes elements of more than one byte, for which the byte order matters.
func convertWords(x []float32, raw []byte, e Elements, bigEndian bool) {
	switch {
	case e == Float32 && bigEndian:
		for i := range x {
			x[i] = math.Float32frombits(binary.BigEndian.Uint32(raw[4*i:]))
		}
	case e == Float32:
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	case e == Float16 && bigEndian:
		for i := range x {
			x[i] = fromHalf(binary.BigEndian.Uint16(raw[2*i:]))
		}
	case e == Float16:
		for i := range x {
			x[i] = fromHalf(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case bigEndian:
		for i := range x {
			x[i] = math.Float32frombits(uint32(binary.BigEndian.Uint16(raw[2*i:])) << 16)
		}
	default:
		for i := range x {
			x[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	}
}

// fromHalf returns the value of a binary16. Its exponent and mantissa are those of a float32 that is too small by
// the distance of the two biases, subnormals included, and multiplying by a power of two is exact.
func fromHalf(h uint16) float32 {
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	if magnitude >= 0x1f<<23 { // infinity or NaN: the largest exponent stays the largest
		return math.Float32frombits(sign | 0xff<<23 | magnitude&(1<<23-1))
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude)*0x1p112))
}

// fromFloat8E4M3 holds the value of each Float8E4M3. Half of a unit vector's elements are subnormal in that type, on
// which some processors are slow to compute.
var fromFloat8E4M3 = func() (table [256]float32) {
	for b := range table {
		magnitude := math.Float32frombits(uint32(b&0x7f)<<20) * 0x1p120
		if b&0x7f == 0x7f {
			magnitude = float32(math.NaN())
		}
		table[b] = math.Float32frombits(math.Float32bits(magnitude) | uint32(b&0x80)<<24)
	}
	return table
}()

// unpack writes the eight bits of b to x, the highest first: +1 for a set bit, −1 for a clear one.
func unpack(x []float32, b byte) {
	x = x[:8]
	const minusOne = 0xbf800000
	for i := range x {
		x[i] = math.Float32frombits(minusOne ^ uint32(b>>(7-i)&1)<<31)
	}
}

// UnpackBits unpacks the numbers of x from start on, each a byte of type Binary or Ubinary, into eight elements each.
// Where one of them is no such byte, the server did not pack: UnpackBits then returns x as it was. So it does for
// other types.
func UnpackBits(x []float32, start int, e Elements) []float32 {
	if e.PerEntry() == 1 {
		return x
	}
	var offset float32
	if e == Binary {
		offset = 128
	}
	packed := x[start:]
	for _, v := range packed {
		if v += offset; !(v >= 0 && v <= 255) || v != float32(byte(v)) {
			return x
		}
	}
	out := slices.Grow(x, 7*len(packed))[:start+8*len(packed)]
	for i := len(packed) - 1; i >= 0; i-- { // backwards, since what is written covers what follows
		unpack(out[start+8*i:], byte(out[start+i]+offset))
	}
	return out
}
