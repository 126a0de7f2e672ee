//go:build realservers

package realservers

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServersAgree has the same texts embedded by every server that is there. All of them serve one model, so what the
// events of one hold must be what the events of another hold, but for rounding: in the order of the texts, and read
// from different APIs.
//
// Ollama is held to that for ASCII alone. Its own tokenizer does not take accents off letters as the model was trained
// with, so words with any become unknown ones; how far its vectors are from the others' is logged.
func TestServersAgree(t *testing.T) {
	kinds := []struct {
		env, path, model string
		start            func(t *testing.T) server
	}{
		{"REALSERVERS_LLAMACPP", "/embedding", llamaModel, func(t *testing.T) server { return startLlama(t, "--embeddings") }},
		{ollamaSetting, "/api/embed", ollamaModel, startOllama},
		{"REALSERVERS_TEI", "/embed", "", func(t *testing.T) server { return startTEI(t) }},
		{"REALSERVERS_INFINITY", "/embeddings", infinityModel, startInfinity},
	}
	seen := map[string][]float32{}
	for _, kind := range kinds {
		t.Run(kind.env, func(t *testing.T) {
			setting(t, kind.env)
			s := watch(t, kind.start(t))
			input := "input"
			if kind.model == "" {
				input = "inputs"
			}
			a, ev := s.call(t, kind.path, request(kind.model, input, texts()))
			require.Equal(t, http.StatusOK, a.status, "%s", a.body)
			require.Len(t, ev.Vectors, len(texts())*dimension)
			seen[kind.env] = ev.Vectors
		})
	}
	for _, a := range kinds {
		for _, b := range kinds {
			x, y := seen[a.env], seen[b.env]
			if x == nil || y == nil || a.env >= b.env {
				continue
			}
			for i, text := range texts() {
				near := cosine(x[i*dimension:(i+1)*dimension], y[i*dimension:(i+1)*dimension])
				if !ascii(text) && (a.env == ollamaSetting || b.env == ollamaSetting) {
					t.Logf("%s and %s, %q: cosine %.3f", a.env, b.env, text, near)
					continue
				}
				assert.Greater(t, near, 0.999, "%s and %s, %q", a.env, b.env, text)
			}
		}
	}
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
