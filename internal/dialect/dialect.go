// Package dialect reads the APIs of embedding servers: request and response bodies on one side, the embedding event
// on the other. It writes requests as well. Each API has one file; the registry in this file lists them.
//
// Readers are total: any body, however broken, yields an error and whatever could be read, never a panic, and no
// more memory than a small multiple of the body. Bodies are never changed and never kept.
package dialect

import (
	"net/http"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// A Dialect reads one server API. Implementations are stateless and safe for concurrent use.
type Dialect interface {
	// Name is the dialect's name in configurations and metrics.
	Name() string

	// Matches reports whether a request with this method and path (without query) is an embedding call of this
	// API.
	Matches(method, path string) bool

	// ReadRequest fills ev with what the request body says: model, task type, inputs, requested dimension and
	// encoding. Of the texts it keeps what texts takes from them.
	ReadRequest(body []byte, texts *embedding.TextReader, ev *embedding.Event) error

	// WriteRequest returns the body of a request. It returns an error where the API has no such feature.
	WriteRequest(r *Request) ([]byte, error)

	// ReadResponse fills ev with what the answer says: for a success the model, token count and vectors, for a
	// failure the error type. It decodes what arrived, whatever encoding was asked for. ev.StatusCode is the
	// status of the answer.
	ReadResponse(header http.Header, body []byte, ev *embedding.Event) error

	// ReadEnd fills ev with what the headers and the last bytes of a successful answer say, of which nothing else is
	// known: as a rule the token count, which comes after the vectors.
	ReadEnd(header http.Header, end []byte, ev *embedding.Event)
}

// registry lists every dialect; the first that matches a call reads it.
var registry = [...]Dialect{OpenAI{}, Cohere{}, Pooling{}, TEI{}, Ollama{}, LlamaCPP{}}

// For returns the dialect of a call with this method and path (without query), or false if the call is none to an
// embedding server.
func For(method, path string) (Dialect, bool) {
	for _, d := range registry {
		if d.Matches(method, path) {
			return d, true
		}
	}
	return nil, false
}

// Named returns the dialect of a name.
func Named(name string) (Dialect, bool) {
	for _, d := range registry {
		if d.Name() == name {
			return d, true
		}
	}
	return nil, false
}

// Names returns the names of all dialects.
func Names() []string {
	names := make([]string, len(registry))
	for i, d := range registry {
		names[i] = d.Name()
	}
	return names
}
