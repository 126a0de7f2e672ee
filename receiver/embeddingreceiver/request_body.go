package embeddingreceiver

import (
	"errors"
	"io"
	"net/http"
)

// requestBody is the body of one attempt to send a request to the upstream.
//
// It ends by itself when all bytes that Content-Length promises are read. The transport asks for more all the same, and
// that must not get through: the upstream may have answered by then, and net/http's server closes the client's body when
// the answer begins. The transport would take the failing read for a broken request, and cut the answer off.
type requestBody struct {
	io.ReadCloser
	length   int64 // negative if nobody knows
	exchange *exchange
	read     int64
	// asked is whether the client sends the body only when it is told to go on (Expect: 100-continue).
	asked bool
	// repeatable is whether there may be other attempts, which share the client's body.
	repeatable bool
	over       bool // whether there is a later one; guarded by exchange.mu
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.readCopy(p)
	if n == 0 && err == nil {
		n, err = b.readClient(p)
	}
	b.read += int64(n)
	if b.read == b.length {
		err = io.EOF
	}
	return n, err
}

// Close implements io.Closer. A body that nobody has read, because the upstream cannot be reached, is kept first: it names the
// model, which is known to be away then. net/http's server would wait for as much of it anyway, and throw it away.
func (b *requestBody) Close() error {
	if b.length > 0 && b.length <= lingerSize && !b.asked && b.exchange.untouched() {
		// Not b itself, which whoever gave the request up may still hold.
		whole := &requestBody{ReadCloser: b.ReadCloser, length: b.length, exchange: b.exchange, repeatable: b.repeatable}
		_, _ = io.Copy(io.Discard, whole) // an error is noted
	}
	return b.ReadCloser.Close()
}

// readCopy reads what an attempt before has read from the client. It returns nothing where that is the client's to say.
func (b *requestBody) readCopy(p []byte) (int, error) {
	x := b.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.touched = true
	switch {
	case b.read == b.length:
		return 0, io.EOF
	case b.repeatable && x.finished:
		return 0, http.ErrBodyReadAfterClose // the memory is not the call's any more, nor the client's body
	case b.read < x.uploaded:
		if x.call.request.lost != "" {
			return 0, errNotKept
		}
		return copy(p, x.call.request.bytes()[b.read:]), nil
	case b.repeatable && x.uploadErr != nil:
		return 0, x.uploadErr
	}
	return 0, nil
}

// readClient reads on from the client.
func (b *requestBody) readClient(p []byte) (int, error) {
	b.exchange.reading.Lock()
	defer b.exchange.reading.Unlock()
	if n, err := b.readCopy(p); n > 0 || err != nil {
		return n, err // an attempt before was still at it
	}
	n, err := b.ReadCloser.Read(p)
	if b.length >= 0 && b.read+int64(n) == b.length {
		err = io.EOF
	}
	b.exchange.noteRequest(b, p[:n], err)
	return n, err
}

// noteRequest sees a part of the request's body, and how reading it ended.
func (x *exchange) noteRequest(b *requestBody, p []byte, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uploaded += int64(len(p))
	if x.call != nil && !x.finished {
		x.call.request.write(x.memory, p, x.requestHint)
	}
	if err != nil && (err == io.EOF || !b.over) {
		x.uploadErr = err
	}
}

var errNotKept = errors.New("the beginning of the request has not been kept")

// repeater makes b a body that can be sent again, and returns what gives a transport of HTTP/2 the body from its beginning.
// It needs that when the server says that it has not looked at a request, as servers do that end a connection after some
// number of requests: without it the call would fail. The beginning is the copy for the analysis; what has none is not sent
// again.
func (b *requestBody) repeater(client io.Reader) func() (io.ReadCloser, error) {
	x, last := b.exchange, b
	if x.call == nil {
		return nil
	}
	// The transport closes the body when it gives an attempt up, and may take a read that fails then for the reason.
	b.ReadCloser, b.repeatable = io.NopCloser(client), true
	return func() (io.ReadCloser, error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.call.request.lost != "" {
			return nil, errNotKept
		}
		last.over = true
		last = &requestBody{ReadCloser: b.ReadCloser, length: b.length, exchange: x, asked: b.asked, repeatable: true}
		return last, nil
	}
}
