//go:build realservers

package realservers

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestServersAgree has the same texts embedded by every server that is there. All of them serve one model, so what the
// events of one hold must be what the events of another hold, but for rounding: in the order of the texts, and read
// from different APIs.
func TestServersAgree(t *testing.T) {
	kinds := []struct {
		env, path, model string
		start            func(t *testing.T) server
	}{
		{"REALSERVERS_LLAMACPP", "/embedding", llamaModel, func(t *testing.T) server { return startLlama(t, "--embeddings") }},
		{"REALSERVERS_OLLAMA", "/api/embed", ollamaModel, startOllama},
		{"REALSERVERS_INFINITY", "/embeddings", infinityModel, startInfinity},
	}
	seen := map[string][]float32{}
	for _, kind := range kinds {
		t.Run(kind.env, func(t *testing.T) {
			setting(t, kind.env)
			s := watch(t, kind.start(t))
			a, ev := s.call(t, kind.path, request(kind.model, "input", texts()))
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
			for i := 0; i < len(x); i += dimension {
				assert.Greater(t, cosine(x[i:i+dimension], y[i:i+dimension]), 0.999, "%s and %s, text %d", a.env, b.env, i/dimension)
			}
		}
	}
}
