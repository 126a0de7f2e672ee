package vector

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
)

// AppendBase64 appends the little-endian float32 values that src holds in standard base64 (RFC 4648 section 4), with
// or without padding. It does not allocate where dst has the capacity. On error it returns dst as it was.
func AppendBase64(dst []float32, src []byte) ([]float32, error) {
	encoding := base64.RawStdEncoding
	digits := bytes.TrimRight(src, "=\r\n")
	if len(digits) < len(src) && bytes.IndexByte(src[len(digits):], '=') >= 0 {
		encoding = base64.StdEncoding
	}
	// Line breaks inside the digits are skipped by the decoder and make this an upper bound.
	size := base64.RawStdEncoding.DecodedLen(len(digits))
	start := len(dst)
	out := slices.Grow(dst, (size+ElementSize-1)/ElementSize)
	room := out[start : start+(size+ElementSize-1)/ElementSize]
	raw, shared := Bytes(room)
	if !shared {
		raw = make([]byte, len(room)*ElementSize)
	}
	n, err := encoding.Decode(raw, src)
	if err != nil {
		return dst, fmt.Errorf("decode base64 vector: %w", err)
	}
	if n%ElementSize != 0 {
		return dst, fmt.Errorf("decode base64 vector: %d bytes are no multiple of %d", n, ElementSize)
	}
	if !shared {
		return AppendBytes(dst, raw[:n]), nil
	}
	return out[:start+n/ElementSize], nil
}
