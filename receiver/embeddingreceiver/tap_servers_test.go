package embeddingreceiver

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server that names no model and counts characters, behind a path of a gateway.
func TestTapOfAServerThatSaysLittle(t *testing.T) {
	upstream := serveUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Compute-Tokens", "12")
		answerWith(jsonType, []byte(`[[0.6,0.8],[1,0]]`))(w, r)
	})
	r := startReceiver(t, options{upstream: upstream.URL, configure: func(c *Config) {
		analysis := &c.Tap.Get().Analysis
		analysis.Model = "bge-m3"
		analysis.TokensUnit = "character"
		analysis.Routes = []RouteConfig{{Path: "/team/*", Dialect: "tei"}}
	}})
	req, err := http.NewRequest(http.MethodPost, r.tap+"/team/vectors", strings.NewReader(`{"inputs":["passage: a","b"]}`))
	require.NoError(t, err)
	call1(t, newClient(t), req)
	ev := r.waitForEvent(t)
	assert.Equal(t, "bge-m3", ev.Model())
	assert.Equal(t, int64(12), ev.InputTokens)
	assert.Equal(t, "character", ev.TokensUnit)
	assert.Equal(t, "document", ev.TaskType)
	assert.Equal(t, 2, ev.InputCount)
	assert.Equal(t, []float32{0.6, 0.8, 1, 0}, ev.Vectors)
}
