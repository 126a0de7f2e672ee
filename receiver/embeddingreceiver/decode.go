package embeddingreceiver

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the window that RFC 9659 allows a sender of the content encoding, in bytes. A frame of a few bytes can
// ask for gigabytes, which is refused.
const maxZstdWindow = 8 << 20

// contentDecoder undoes content encodings (RFC 9110 section 8.4.1, RFC 7932 for br, RFC 8878 for zstd). It is not safe
// for concurrent use.
type contentDecoder struct {
	gzip gzip.Reader
	// brotli and zstd are made when the first such body comes: their windows take up to 16 and 8 MiB.
	brotli  *brotli.Reader
	zstd    *zstd.Decoder
	scratch [32 << 10]byte
}

// close ends what the decoders run.
func (d *contentDecoder) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}

// zstdReader returns the decoder of zstd at the beginning of a body.
func (d *contentDecoder) zstdReader(body []byte) (io.Reader, error) {
	if d.zstd == nil {
		var err error
		// One goroutine, the worker's own.
		if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow)); err != nil {
			return nil, err
		}
	}
	return d.zstd, d.zstd.Reset(bytes.NewReader(body))
}

// brotliReader returns the decoder of br at the beginning of a body.
func (d *contentDecoder) brotliReader(body []byte) (io.Reader, error) {
	if d.brotli == nil {
		d.brotli = brotli.NewReader(nil)
	}
	return d.brotli, d.brotli.Reset(bytes.NewReader(body))
}

// identity reports whether a content encoding leaves bodies as they are.
func identity(encoding string) bool {
	encoding = strings.TrimSpace(encoding)
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// decode returns the content of body, within the limits of m whatever size it unfolds to, or why it could not. The
// result may be body itself; releasing both is right in any case.
func (d *contentDecoder) decode(body *capture, encoding string, m *memory) (*capture, reason) {
	var r io.Reader
	var err error
	if identity(encoding) {
		return body, ""
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip":
		r, err = &d.gzip, d.gzip.Reset(bytes.NewReader(body.bytes()))
	case "deflate":
		// Defined as zlib's format; some senders leave its header out.
		if r, err = zlib.NewReader(bytes.NewReader(body.bytes())); errors.Is(err, zlib.ErrHeader) {
			r, err = flate.NewReader(bytes.NewReader(body.bytes())), nil
		}
	case "br":
		r, err = d.brotliReader(body.bytes())
	case "zstd":
		r, err = d.zstdReader(body.bytes())
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
