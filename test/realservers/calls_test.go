//go:build realservers

package realservers

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// secret is in a text of every server's calls and may be in no event.
const secret = "correcthorsebatterystaple"

// call is one request and what must come of it.
type call struct {
	name string
	path string
	body string

	status int
	// errorType is the event's error.type; empty for a success.
	errorType string
	// asked and answered are the models of request and answer.
	asked, answered string
	// characters are the lengths of the inputs.
	characters []int64
	// tokens is what the server counted, 0 where the answer does not say.
	tokens int64
	// requested is the dimension asked for, dimension the one that came.
	requested, dimension int
	encoding             string
	// tokenVectors says that the answer has a vector for each token, which the tap counts and does not read.
	tokenVectors bool
	// early says that the server may answer before it has read the request. The tap then passes the answer on, and its
	// event lacks what it had not yet seen of the request.
	early bool
	// truncated says that the server cuts inputs off and counts the tokens that are left, which gives it away.
	truncated bool
	// flagged are the vectors that the quality processor must flag.
	flagged embedding.ReasonCounts
	// check looks at more.
	check func(t *testing.T, ev *embedding.Event)
}

// run sends every call to the server and through the tap, and compares.
func (s *stack) run(t *testing.T, calls []call) {
	t.Helper()
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			direct := send(t, embedding.NewTraceID(), s.url+c.path, c.body)
			tapped, ev := s.call(t, c.path, c.body)
			s.same(t, direct, tapped)
			s.record(t, c, tapped, ev)
			assert.Equal(t, c.status, tapped.status, "%s", tapped.body)
			c.matches(t, s.tokensUnit, tapped, ev)
			if c.check != nil {
				c.check(t, ev)
			}
		})
	}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request through the tap, and returns the answer and the event.
func (s *stack) call(t *testing.T, path, body string) (answer, *embedding.Event) {
	t.Helper()
	trace := embedding.NewTraceID()
	a := send(t, trace, s.tap+path, body)
	s.calls++
	return a, s.event(t, trace)
}

// send sends a request, as part of a trace. A call without an answer fails the test and has the status 0, so that send
// may be called from any goroutine.
func send(t *testing.T, trace pcommon.TraceID, url, body string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if !assert.NoError(t, err) {
		return answer{}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", fmt.Sprintf("00-%s-%s-01", trace, embedding.NewSpanID()))
	resp, err := http.DefaultClient.Do(req)
	if !assert.NoError(t, err) {
		return answer{}
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: readAll(t, resp)}
}

func readAll(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	return body
}

// same checks that both answers are the same, byte for byte, but for what the server makes anew for every answer.
func (s *stack) same(t *testing.T, direct, tapped answer) {
	t.Helper()
	assert.Equal(t, direct.status, tapped.status)
	a, b := s.masked(direct), s.masked(tapped)
	assert.Equal(t, a.header, b.header)
	if sha256.Sum256(a.body) != sha256.Sum256(b.body) {
		assert.Fail(t, "the answers differ", "direct:          %.2000s\nthrough the tap: %.2000s", a.body, b.body)
	}
}

func (s *stack) masked(a answer) answer {
	a.header = a.header.Clone()
	a.header.Del("Date")
	a.header.Del("Keep-Alive") // of the server's connection, which is not the client's
	for name := range a.header {
		if s.volatileHeaders != nil && s.volatileHeaders.MatchString(name) {
			a.header.Del(name)
		}
	}
	if s.volatile != nil {
		masked := s.volatile.ReplaceAll(a.body, []byte("volatile"))
		if !bytes.Equal(masked, a.body) {
			a.header.Del("Content-Length") // of numbers with more or fewer digits
		}
		a.body = masked
	}
	return a
}

// matches checks the event against the call and against the answer, which is read without the tap's readers.
func (c *call) matches(t *testing.T, tokensUnit string, a answer, ev *embedding.Event) {
	t.Helper()
	assert.Equal(t, c.path, ev.URLPath)
	assert.Equal(t, c.status, ev.StatusCode)
	assert.Equal(t, c.errorType, ev.ErrorType)
	if c.early && ev.InputCount == 0 {
		assert.Zero(t, ev.OutputCount)
		return
	}
	assert.Equal(t, c.asked, ev.RequestModel, "model asked for")
	assert.Equal(t, c.answered, ev.ResponseModel, "model of the answer")
	assert.Equal(t, c.characters, ev.InputCharacters)
	assert.Equal(t, len(c.characters), ev.InputCount)
	assert.Equal(t, c.requested, ev.RequestedDimension, "dimension asked for")
	assert.Equal(t, c.encoding, ev.EncodingFormat)
	if c.status != http.StatusOK {
		assert.Zero(t, ev.OutputCount)
		assert.False(t, ev.HasInputTokens)
		return
	}
	assert.Equal(t, c.truncated, ev.Request.Anomalies.Has(embedding.AnomalyTruncated), "truncated")
	content := readContent(t, a)
	assert.Equal(t, c.tokens, content.tokens, "tokens in the answer")
	assert.Equal(t, content.tokens, ev.InputTokens, "tokens in the event")
	if content.tokens > 0 {
		assert.Equal(t, tokensUnit, ev.TokensUnit)
	}
	assert.Equal(t, content.model, ev.ResponseModel)
	assert.Equal(t, content.id, ev.ResponseID)
	assert.Equal(t, len(content.vectors), ev.OutputCount)
	assert.Zero(t, ev.OutputRagged)
	if c.tokenVectors {
		assert.True(t, content.nested, "the answer has a vector for each token")
		assert.Empty(t, ev.Vectors)
		assert.Zero(t, ev.OutputDimension)
		return
	}
	assert.False(t, content.nested)
	assert.Equal(t, c.dimension, ev.OutputDimension)
	assertBits(t, content.vectors, ev)
	if len(content.vectors) > 0 {
		require.True(t, ev.HasQuality)
		assert.EqualValues(t, len(content.vectors), ev.Quality.Vectors)
	}
	assert.Equal(t, c.flagged, ev.Quality.Counts)
}

// record writes what was sent and seen where $REALSERVERS_RECORD names a folder.
func (s *stack) record(t *testing.T, c call, a answer, ev *embedding.Event) {
	t.Helper()
	folder := os.Getenv("REALSERVERS_RECORD")
	if folder == "" {
		return
	}
	file, err := os.OpenFile(folder+"/"+s.name+".txt", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	_, err = fmt.Fprintf(file, "== %s\nPOST %s %.400s\n%d %v\n%.1000s\nerror.type=%q model=%q/%q tokens=%d %s inputs=%v outputs=%d×%d norm=%v verdict=%s %v\n\n",
		c.name, c.path, c.body, a.status, a.header, a.body, ev.ErrorType, ev.RequestModel, ev.ResponseModel,
		ev.InputTokens, ev.TokensUnit, ev.InputCharacters, ev.OutputCount, ev.OutputDimension, ev.Quality.Norm,
		ev.Quality.Verdict, ev.Quality.Counts)
	require.NoError(t, err)
}
