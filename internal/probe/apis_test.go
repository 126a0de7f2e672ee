package probe

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestEachAPI: what is sent to a path is a call of the API that the path is of, and its answer gives the vectors.
func TestEachAPI(t *testing.T) {
	for path, tt := range map[string]struct {
		request, answer string
		header          http.Header
		tokens          int64
	}{
		"/v1/embeddings": {
			request: `{"model":"m","input":["first","second"],"user":"otelcol-embedding-canary"}`,
			answer:  `{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":5}}`, tokens: 5,
		},
		"/pooling": {
			request: `{"model":"m","input":["first","second"],"user":"otelcol-embedding-canary","task":"embed"}`,
			answer:  `{"data":[{"index":0,"data":[1,0]},{"index":1,"data":[0,1]}],"usage":{"prompt_tokens":5}}`, tokens: 5,
		},
		"/v2/embed": {
			request: `{"model":"m","texts":["first","second"],"input_type":"search_document","embedding_types":["float"]}`,
			answer:  `{"embeddings":{"float":[[1,0],[0,1]]},"meta":{"billed_units":{"input_tokens":5}}}`, tokens: 5,
		},
		"/embed": {
			request: `{"inputs":["first","second"]}`, answer: `[[1,0],[0,1]]`,
			header: http.Header{"X-Compute-Tokens": {"5"}}, tokens: 5,
		},
		"/api/embed": {
			request: `{"model":"m","input":["first","second"]}`,
			answer:  `{"model":"m","embeddings":[[1,0],[0,1]],"prompt_eval_count":5}`, tokens: 5,
		},
		"/embedding": {
			request: `{"model":"m","content":["first","second"]}`,
			answer:  `[{"index":0,"embedding":[[1,0]]},{"index":1,"embedding":[[0,1]]}]`,
		},
	} {
		t.Run(path, func(t *testing.T) {
			d, ok := dialect.For(http.MethodPost, path)
			require.True(t, ok)
			var sent string
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				for name, values := range tt.header {
					w.Header()[name] = values
				}
				_, _ = io.WriteString(w, tt.answer)
			})
			c := newClient(t, Server{URL: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, Dialect: d, Model: "m"})
			got, err := c.Answer(t.Context(), canary.Call{Texts: []string{"first", "second"}}, &embedding.Event{})
			require.NoError(t, err)
			assert.JSONEq(t, tt.request, sent)
			assert.Equal(t, []float32{1, 0, 0, 1}, got.Vectors)
			assert.Equal(t, 2, got.Count)
			assert.Equal(t, tt.tokens, got.Tokens)
		})
	}
}
