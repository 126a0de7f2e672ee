package embeddingreceiver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
)

// TestRequestBodyEndsByItself checks that nothing reads on behind the end of a request's body.
func TestRequestBodyEndsByItself(t *testing.T) {
	for _, length := range []int64{5, -1} {
		source := &countingReader{Reader: strings.NewReader("12345")}
		body := &requestBody{ReadCloser: io.NopCloser(source), length: length, exchange: &exchange{}}
		got, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, "12345", string(got))
		reads := source.reads
		if length > 0 {
			assert.Equal(t, 1, reads)
		}
		n, err := body.Read(make([]byte, 10))
		assert.Zero(t, n)
		require.ErrorIs(t, err, io.EOF)
		if length > 0 {
			assert.Equal(t, reads, source.reads)
		}
	}
}

// TestRequestBodyAfterTheCall is for a transport that reads on when the answer has ended: nothing may be copied into
// memory that is not the call's any more.
func TestRequestBodyAfterTheCall(t *testing.T) {
	m := newMemory(1<<20, 1<<20)
	req := httptest.NewRequest(http.MethodPost, "/v1/embeddings", strings.NewReader("12345"))
	x := newExchange(httptest.NewRecorder(), req, dialect.OpenAI{}, &observation{memory: m})
	body := &requestBody{ReadCloser: req.Body, length: 5, exchange: x}
	_, err := body.Read(make([]byte, 2))
	require.NoError(t, err)
	call := x.finish(t.Context(), true)
	assert.Equal(t, "12", string(call.request.bytes()))
	call.release(m)
	n, err := body.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, 3, n)
	assert.Zero(t, m.used.Load())
}

type countingReader struct {
	io.Reader
	reads int
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads++
	return r.Reader.Read(p)
}
