package embeddingreceiver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestNothingPrivateLeaves searches all that the receiver emits, in its wire form, and its log at all levels for what clients have sent.
func TestNothingPrivateLeaves(t *testing.T) {
	secrets := []string{
		"a confidential sentence", "ein vertraulicher Satz", "Bearer", "sk-secret", "cookie-secret", "user-4711", "someone@example.org",
		"Some One", "query-secret", "dXNlcjpwdw",
	}
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 8, false)))
	core, log := observer.New(zapcore.DebugLevel)
	logger := zap.New(core)
	r := startReceiver(t, options{upstream: upstream.URL, withIngest: true, logger: logger})
	client := newClient(t)
	for _, authorization := range []string{"Bearer sk-secret", "Basic dXNlcjpwdw=="} {
		req, err := http.NewRequest(http.MethodPost, r.tap+"/v1/embeddings?key=query-secret", strings.NewReader(
			`{"model":"m","input":["a confidential sentence","ein vertraulicher Satz"],"user":"user-4711"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Cookie", "session=cookie-secret")
		req.Header.Set("X-OpenWebUI-User-Id", "user-4711")
		req.Header.Set("X-OpenWebUI-User-Name", "Some One")
		req.Header.Set("X-OpenWebUI-User-Email", "someone@example.org")
		call1(t, client, req)
	}
	// A failure that quotes what was sent.
	refusing := serveUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":{"message":"cannot embed: a confidential sentence, Bearer sk-secret","type":"BadRequestError"}}`))
	})
	other := startReceiver(t, options{upstream: refusing.URL, logger: logger})
	post(t, client, other.tap+"/v1/embeddings", `{"model":"m","input":"a confidential sentence"}`)
	status, _ := post(t, client, r.ingest, `{"model":"m","input":["a confidential sentence"],"user":"user-4711","messages":"ein vertraulicher Satz"}`)
	require.Equal(t, http.StatusOK, status)
	// What is logged of calls that cannot be read, or that the server does not get.
	post(t, client, other.tap+"/v1/embeddings", `{"model":"m","input":["a confidential sentence"`)
	refusing.Close()
	post(t, client, other.tap+"/v1/embeddings?key=query-secret", `{"model":"m","input":"a confidential sentence"}`)

	r.waitForEvents(t, 3)
	r.waitForSpans(t, 2)
	other.waitForEvents(t, 3)
	other.waitForSpans(t, 3)
	for _, entry := range log.All() {
		for _, secret := range secrets {
			assert.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), secret)
		}
	}
	for _, rig := range []*rig{r, other} {
		for _, ld := range rig.logs.AllLogs() {
			wire, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
			require.NoError(t, err)
			for _, secret := range secrets {
				assert.NotContains(t, string(wire), secret)
			}
		}
		for _, td := range rig.traces.AllTraces() {
			wire, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
			require.NoError(t, err)
			for _, secret := range secrets {
				assert.NotContains(t, string(wire), secret)
			}
		}
	}
}

func TestTextsOnDemand(t *testing.T) {
	upstream := serveUpstream(t, answerWith(jsonType, embeddingsAnswer(2, 8, false)))
	r := startReceiver(t, options{upstream: upstream.URL, withIngest: true, configure: func(c *Config) {
		c.Texts = configoptional.Some(TextsConfig{MaxLength: 20, MaxCount: 2, Redact: []string{`[\w.+-]+@[\w-]+\.[\w.]+`, `\d{6,}`}})
	}})
	client := newClient(t)
	post(t, client, r.tap+"/v1/embeddings", `{"model":"m","input":["from me@example.org, no. 12345678","größer als zwanzig Zeichen","left out"]}`)
	ev := r.waitForEvent(t)
	assert.Equal(t, []string{"from [redacted], no.", "größer als zwanzig Z"}, ev.InputTexts)

	r.logs.Reset()
	post(t, client, r.ingest, `{"model":"m","input":["no. 123456"]}`)
	assert.Equal(t, []string{"no. [redacted]"}, r.waitForEvent(t).InputTexts)
}
