package vector

import "bytes"

// CountJSON returns the number of elements of the JSON array of numbers that src begins with, and the number of bytes
// that the array takes, brackets included. It reads no number and checks none, which makes it several times as fast as
// AppendJSON; an array of anything but numbers is an error.
func CountJSON(src []byte) (count, n int, err error) {
	if len(src) == 0 || src[0] != '[' {
		return 0, 0, syntaxError(src, 0, "'['")
	}
	// The searches of package bytes use the processor's vector instructions: several of them take less time than one
	// loop that looks at each byte.
	end := bytes.IndexByte(src, ']')
	if end < 0 {
		return 0, 0, syntaxError(src, len(src), "']'")
	}
	inner := src[1:end]
	for _, c := range [...]byte{'[', '"', '{'} {
		if i := bytes.IndexByte(inner, c); i >= 0 {
			return 0, 0, syntaxError(src, i+1, "a number")
		}
	}
	if skipSpace(inner, 0) == len(inner) {
		return 0, end + 1, nil
	}
	return bytes.Count(inner, []byte{','}) + 1, end + 1, nil
}
