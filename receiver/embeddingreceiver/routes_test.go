package embeddingreceiver

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoutes(t *testing.T) {
	r := routes{
		{Path: "/team/vectors", Dialect: "openai"},
		{Path: "/internal/*", Dialect: "none"},
		{Path: "/*", Dialect: "openai"},
	}
	for _, tt := range []struct{ method, path, want string }{
		{http.MethodPost, "/team/vectors", "openai"},
		{http.MethodPost, "/internal/v1/embeddings", ""},
		{http.MethodPost, "/anything", "openai"},
		{http.MethodGet, "/team/vectors", ""},
	} {
		d, ok := r.lookup(tt.method, tt.path)
		require.Equal(t, tt.want != "", ok, "%s %s", tt.method, tt.path)
		if ok {
			require.Equal(t, tt.want, d.Name())
		}
	}

	d, ok := routes(nil).lookup(http.MethodPost, "/v1/embeddings")
	require.True(t, ok, "without routes the paths that dialects know")
	require.Equal(t, "openai", d.Name())
	_, ok = routes{{Path: "/team", Dialect: "openai"}}.lookup(http.MethodPost, "/teams")
	require.False(t, ok)
}
