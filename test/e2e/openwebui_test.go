//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpenWebUI sends what Open WebUI's retrieval sends, by its engines for OpenAI, Ollama and Azure: bursts of single
// texts, each on a connection of its own, and batches. If $E2E_OPEN_WEBUI names a wheel of Open WebUI, as `pip download
// --no-deps open-webui==0.12.4` gets one, its own functions send everything once more, and it must be the same.
func TestOpenWebUI(t *testing.T) {
	s := startWiredStack(t)
	engines := httptest.NewServer(engines{s.server})
	t.Cleanup(engines.Close)
	s.through.server, s.direct.server = engines.URL, engines.URL

	args := []string{s.tap, s.direct.url, model}
	wheel := os.Getenv("E2E_OPEN_WEBUI")
	if wheel != "" {
		args = append(args, wheel)
	}
	report := python(t, officialPython(t), nil, "openwebui.py", args...)
	if wheel != "" {
		// Each request came through the tap twice, and once without.
		s.direct.exchanges = append(s.direct.exchanges, s.direct.exchanges...)
	}
	s.assertUnseen()
	characters := 0
	events := s.assertEvents(report)
	for _, e := range events {
		for _, n := range e.InputCharacters {
			characters += int(n)
		}
	}
	sent := 0
	for _, e := range s.through.calls() {
		var request struct{ Input []string }
		require.NoError(t, json.Unmarshal(e.request, &request))
		for _, text := range request.Input {
			sent += len([]rune(text))
		}
	}
	assert.Equal(t, sent, characters, "characters of texts")

	// The tap tells users apart, and callers without a user by their key.
	users, clients := map[string]int{}, map[string]int{}
	for _, e := range s.through.calls() {
		users[cmp.Or(e.header.Get("X-OpenWebUI-User-Id"), e.header.Get("Authorization"), e.header.Get("Api-Key"))]++
	}
	for _, e := range events {
		clients[e.ClientID]++
	}
	assert.Len(t, users, 3)
	assert.ElementsMatch(t, slices.Collect(maps.Values(users)), slices.Collect(maps.Values(clients)), "calls by client")
	for what, text := range map[string]string{"the request log": s.readLog(), "the metrics": s.readMetrics()} {
		for _, private := range []string{
			"of-the-user", "of-another-user", "of the user", "N%C3%A4me", "user.invalid", "key-of-the-server",
			"what is a tap", "limited burst",
		} {
			assert.NotContains(t, text, private, what)
		}
	}
}

func (s *stack) readLog() string {
	s.t.Helper()
	log, err := os.ReadFile(s.requestLog)
	require.NoError(s.t, err)
	return string(log)
}

func (s *stack) readMetrics() string {
	s.t.Helper()
	resp, err := http.Get("http://" + s.metrics + "/metrics")
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return string(body)
}

// engines gives the demo server at the URL the APIs of Ollama and of Azure too, as far as Open WebUI uses them.
type engines struct{ server string }

func (e engines) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	path, isOllama := r.URL.Path, r.URL.Path == "/api/embed"
	deployment, isAzure := strings.CutPrefix(path, "/openai/deployments/")
	if isAzure {
		body = bytes.Replace(body, []byte("{"), []byte(`{"model":"`+strings.TrimSuffix(deployment, "/embeddings")+`",`), 1)
	}
	if isOllama || isAzure {
		path = "/v1/embeddings"
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, e.server+path, bytes.NewReader(body))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := wireTransport.RoundTrip(req)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(resp.StatusCode)
	if !isOllama {
		_, _ = io.Copy(rw, resp.Body)
		return
	}
	var answer struct {
		Model string
		Data  []struct{ Embedding json.RawMessage }
		Usage struct {
			Tokens int `json:"prompt_tokens"`
		}
		Error struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return // an empty answer fails the test
	}
	if resp.StatusCode != http.StatusOK {
		_ = json.NewEncoder(rw).Encode(map[string]string{"error": answer.Error.Message})
		return
	}
	embeddings := make([]json.RawMessage, 0, len(answer.Data))
	for _, d := range answer.Data {
		embeddings = append(embeddings, d.Embedding)
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{
		"model": answer.Model, "embeddings": embeddings, "prompt_eval_count": answer.Usage.Tokens,
	})
}
