package vector

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	simd "github.com/segmentio/asm/base64"
)

// AppendBase64 appends the little-endian float32 values that src holds in standard base64 (RFC 4648 section 4), with
// or without padding. It does not allocate where dst has the capacity. On error it returns dst as it was.
func AppendBase64(dst []float32, src []byte) ([]float32, error) {
	return AppendBase64Elements(dst, src, Float32, false)
}

// AppendBase64Elements is AppendBase64 for entries of type e, of the byte order given.
func AppendBase64Elements(dst []float32, src []byte, e Elements, bigEndian bool) ([]float32, error) {
	encoding, fast := base64.RawStdEncoding, simd.RawStdEncoding
	digits := bytes.TrimRight(src, "=\r\n")
	if len(digits) < len(src) && bytes.IndexByte(src[len(digits):], '=') >= 0 {
		encoding, fast = base64.StdEncoding, simd.StdEncoding
	}
	// Line breaks inside the digits are skipped by the decoder and make this an upper bound.
	size := base64.RawStdEncoding.DecodedLen(len(digits))
	entries := (size + e.Size() - 1) / e.Size()
	start := len(dst)
	out := slices.Grow(dst, entries*e.PerEntry())
	room := out[start : start+entries*e.PerEntry()]
	raw, shared := Bytes(room)
	if shared {
		// The bytes go to the end of the room and are converted forward into all of it: no element is larger than
		// the float32 that it becomes.
		raw = raw[len(raw)-entries*e.Size():]
	} else {
		raw = make([]byte, entries*e.Size())
	}
	// Vector instructions decode the most part; what is not plain digits, line breaks above all, they leave to the
	// standard library, whose error it is as well.
	n, err := fast.Decode(raw, src)
	if err != nil {
		n, err = encoding.Decode(raw, src)
	}
	if err != nil {
		return dst, fmt.Errorf("decode base64 vector: %w", err)
	}
	if n%e.Size() != 0 {
		return dst, fmt.Errorf("decode base64 vector: %d bytes are no multiple of %d", n, e.Size())
	}
	count := n / e.Size() * e.PerEntry()
	if shared && e == Float32 && !bigEndian {
		return out[:start+count], nil // they are in place as they are
	}
	// With line breaks the bytes end before the room does, which only adds to the distance ahead of the elements.
	convert(room[:count], raw[:n], e, bigEndian)
	return out[:start+count], nil
}
