// Package vector holds what is done to embedding vectors at full speed: decoding them from the forms in which
// servers send them, and the float32 kernels that judge them. Nothing here allocates per vector.
package vector

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// ElementSize is the size of a float32 in bytes.
const ElementSize = 4

// littleEndian is whether the host stores numbers the way vectors are sent.
var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// View returns b, little-endian float32 values, as a slice that shares b's memory. It returns false if the host is
// big-endian or b is not aligned to 4 bytes; use AppendBytes then. A remainder of len(b) mod 4 bytes is left out.
func View(b []byte) ([]float32, bool) {
	if len(b) < ElementSize {
		return nil, true
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	if !littleEndian || uintptr(p)%ElementSize != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(b)/ElementSize), true
}

// Bytes returns x as little-endian bytes that share x's memory, or false if the host is big-endian; use
// AppendFloat32s then.
func Bytes(x []float32) ([]byte, bool) {
	if len(x) == 0 {
		return nil, true
	}
	if !littleEndian {
		return nil, false
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*ElementSize), true
}

// AppendBytes appends the little-endian float32 values in b to dst. A remainder of len(b) mod 4 bytes is left out.
func AppendBytes(dst []float32, b []byte) []float32 {
	for ; len(b) >= ElementSize; b = b[ElementSize:] {
		dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return dst
}

// AppendFloat32s appends x to dst as little-endian bytes.
func AppendFloat32s(dst []byte, x []float32) []byte {
	for _, v := range x {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}
