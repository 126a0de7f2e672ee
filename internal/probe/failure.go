package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// Values of Failure.ErrorType where no server has said what is wrong.
const (
	ErrorTimeout           = "timeout"
	ErrorConnectionRefused = "connection_refused"
	ErrorConnectionBroken  = "connection_broken"
	ErrorNameNotFound      = "name_not_found"
	ErrorTLS               = "tls"
	ErrorUnreachable       = "unreachable"
	ErrorMalformedAnswer   = "malformed_answer"
	ErrorAnswerTooLarge    = "answer_too_large"
)

// Failure is a call that got no vectors.
type Failure struct {
	// Outcome is what the failure says of the server.
	Outcome embedding.CanaryOutcome
	// ErrorType names what went wrong, from a small set.
	ErrorType string
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	// RetryAfter is for how long the server asks to be left alone, 0 if it does not.
	RetryAfter time.Duration

	err error // nil where the status says all
}

// Error says what went wrong, without the URL, which may hold a key.
func (f *Failure) Error() string {
	switch {
	case f.err != nil && f.Status != 0:
		return fmt.Sprintf("status %d: %v", f.Status, f.err)
	case f.err != nil:
		return f.err.Error()
	}
	return fmt.Sprintf("status %d, %s", f.Status, f.ErrorType)
}

// Unwrap returns the cause, nil where the status says all.
func (f *Failure) Unwrap() error { return f.err }

// Hang reports whether the server took the call and did not answer in time. Like an overload, that asks for fewer calls.
func (f *Failure) Hang() bool { return f.ErrorType == ErrorTimeout }

// unreachable is the failure of a call without an answer.
func unreachable(err error) *Failure {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	return &Failure{Outcome: embedding.CanaryUnreachable, ErrorType: classOf(err), err: err}
}

func classOf(err error) string {
	var netErr net.Error
	var dnsErr *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return ErrorTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrorConnectionRefused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return ErrorConnectionBroken
	case errors.As(err, &dnsErr):
		return ErrorNameNotFound
	case isTLS(err):
		return ErrorTLS
	}
	return ErrorUnreachable
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &verification) || errors.As(err, &header) || errors.As(err, &alert) || errors.As(err, &host) ||
		errors.As(err, &authority)
}

// refused is the failure of a call whose answer has a status other than that of a success.
func refused(header http.Header, ev *embedding.Event) *Failure {
	f := &Failure{Status: ev.StatusCode, ErrorType: cmp.Or(ev.ErrorType, strconv.Itoa(ev.StatusCode))}
	switch status := ev.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		f.Outcome, f.RetryAfter = embedding.CanaryOverloaded, retryAfter(header, time.Now())
	case status >= 500:
		f.Outcome = embedding.CanaryFailed
	default:
		f.Outcome = embedding.CanaryRefused
	}
	return f
}

// retryAfter returns for how long the header Retry-After asks to wait, in seconds or as a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	const longest = 24 * time.Hour
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longest)
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), longest)
	}
	return 0
}
