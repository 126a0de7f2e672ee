package embeddingreceiver

import "net/http"

// maxRequestID is the length in bytes up to which a header names a call.
const maxRequestID = 128

// requestID returns the identifier that a request or an answer has in its header X-Request-Id, "" where it has none that
// can serve as one: it goes into records as it is.
func requestID(h http.Header) string {
	id := h.Get("X-Request-Id")
	if len(id) > maxRequestID {
		return ""
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return ""
		}
	}
	return id
}

// clientOf returns what the first of the named headers that h has says of who calls.
func clientOf(h http.Header, names []string) string {
	for _, name := range names {
		if value := h.Get(name); value != "" {
			return value
		}
	}
	return ""
}
