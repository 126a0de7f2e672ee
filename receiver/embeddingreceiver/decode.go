package embeddingreceiver

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
)

// contentDecoder undoes content encodings (RFC 9110 section 8.4.1). It is not safe for concurrent use.
type contentDecoder struct {
	gzip    gzip.Reader
	scratch [32 << 10]byte
}

// decode returns the content of body, within the limits of m whatever size it unfolds to, or why it could not. The
// result may be body itself; releasing both is right in any case.
func (d *contentDecoder) decode(body *capture, encoding string, m *memory) (*capture, reason) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, ""
	case "gzip", "x-gzip":
		r, err = &d.gzip, d.gzip.Reset(bytes.NewReader(body.bytes()))
	case "deflate":
		// Defined as zlib's format; some senders leave its header out.
		if r, err = zlib.NewReader(bytes.NewReader(body.bytes())); errors.Is(err, zlib.ErrHeader) {
			r, err = flate.NewReader(bytes.NewReader(body.bytes())), nil
		}
	default:
		return nil, reasonEncoding
	}
	if err != nil {
		return nil, reasonEncoding
	}
	out := &capture{}
	for {
		n, err := r.Read(d.scratch[:])
		out.write(m, d.scratch[:n], 0)
		switch {
		case out.lost != "":
			return nil, out.lost
		case errors.Is(err, io.EOF):
			return out, ""
		case err != nil:
			out.release(m)
			return nil, reasonEncoding
		}
	}
}
