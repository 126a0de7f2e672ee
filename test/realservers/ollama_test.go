//go:build realservers

package realservers

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	ollamaModel   = "all-minilm"
	ollamaSetting = "REALSERVERS_OLLAMA"
)

// startOllama starts Ollama with a home of its own and makes a model of the GGUF file.
func startOllama(t *testing.T) server {
	t.Helper()
	binary, model := setting(t, ollamaSetting), setting(t, "REALSERVERS_GGUF")
	address, home := collector.Address(t), t.TempDir()
	env := []string{
		"OLLAMA_HOST=" + address, "HOME=" + home, "OLLAMA_MODELS=" + filepath.Join(home, "models"),
		"OLLAMA_NUM_PARALLEL=1",
	}
	p := collector.Start(t, binary, env, "serve")
	// It ends the processes that run its models only where it is asked to end.
	t.Cleanup(func() { _ = p.Stop() })
	s := server{
		name: "ollama", url: "http://" + address, tokensUnit: embedding.UnitToken,
		volatile: regexp.MustCompile(`"(total|load)_duration":\d+`),
	}
	p.WaitHTTP(s.url + "/api/version")
	file := filepath.Join(home, "Modelfile")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "FROM %s\n", model), 0o600))
	create := exec.Command(binary, "create", ollamaModel, "-f", file)
	create.Env = append(os.Environ(), env...)
	out, err := create.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return s
}

func TestOllama(t *testing.T) {
	s := watch(t, startOllama(t))
	const embed, legacy, openai = "/api/embed", "/api/embeddings", "/v1/embeddings"
	hello, batch := "hello world", texts()
	tooLong := long(2*window, "end")
	twins := []string{long(2*window, "one end"), long(2*window, "another end")}
	s.run(t, []call{ // its tokenizer makes fewer tokens of some texts than llama.cpp's does
		{
			name: "a text", path: embed, body: request(ollamaModel, "input", hello), status: http.StatusOK,
			asked: ollamaModel, answered: ollamaModel, characters: lengths(hello), tokens: 4, dimension: dimension,
		},
		{
			name: "eight texts", path: embed, body: request(ollamaModel, "input", batch), status: http.StatusOK,
			asked: ollamaModel, answered: ollamaModel, characters: lengths(batch...), tokens: 133, dimension: dimension,
			check: meaningful,
		},
		{
			name: "dimensions", path: embed, body: request(ollamaModel, "input", hello, "dimensions", 64),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths(hello), tokens: 4,
			requested: 64, dimension: 64,
		},
		{ // the server sends what it has
			name: "more dimensions than there are", path: embed, body: request(ollamaModel, "input", hello, "dimensions", 4096),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths(hello), tokens: 4,
			requested: 4096, dimension: dimension, flagged: embedding.ReasonCounts{Dimension: 1},
		},
		{
			name: "an empty text", path: embed, body: request(ollamaModel, "input", ""), status: http.StatusOK,
			asked: ollamaModel, answered: ollamaModel,
		},
		{
			name: "no input", path: embed, body: request(ollamaModel), status: http.StatusOK, asked: ollamaModel,
			answered: ollamaModel,
		},
		{
			name: "an empty text of two", path: embed, body: request(ollamaModel, "input", []string{"", hello}),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths("", hello), tokens: 6,
			dimension: dimension,
		},
		{
			name: "a text that is too long", path: embed, body: request(ollamaModel, "input", tooLong),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths(tooLong), tokens: window,
			dimension: dimension, truncated: true,
		},
		{ // what is cut off makes two texts the same, which the processor notices
			name: "two texts that differ where they are cut off", path: embed, body: request(ollamaModel, "input", twins),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths(twins...),
			tokens: 2 * window, dimension: dimension, truncated: true, flagged: embedding.ReasonCounts{Duplicate: 2},
		},
		{
			name: "too long and not to be cut", path: embed,
			body:   request(ollamaModel, "input", tooLong, "truncate", false),
			status: http.StatusBadRequest, errorType: "context_length_exceeded", asked: ollamaModel,
			characters: lengths(tooLong),
		},
		{
			name: "another model", path: embed, body: request("no-such-model", "input", hello),
			status: http.StatusNotFound, errorType: "model_not_found", asked: "no-such-model", characters: lengths(hello),
		},
		{
			name: "token ids", path: embed, body: request(ollamaModel, "input", helloTokens()),
			status: http.StatusBadRequest, errorType: "400", asked: ollamaModel, characters: []int64{0},
		},
		{
			name: "no JSON", path: embed, body: `{"model":"all-minilm","input":`, status: http.StatusBadRequest,
			errorType: "400", asked: ollamaModel,
		},
		{
			name: "/api/embeddings", path: legacy, body: request(ollamaModel, "prompt", hello), status: http.StatusOK,
			asked: ollamaModel, characters: lengths(hello), dimension: dimension,
		},
		{
			name: "/api/embeddings, an empty text", path: legacy, body: request(ollamaModel, "prompt", ""),
			status: http.StatusOK, asked: ollamaModel,
		},
		{
			name: "/api/embeddings, too long", path: legacy, body: request(ollamaModel, "prompt", tooLong),
			status: http.StatusInternalServerError, errorType: "context_length_exceeded", asked: ollamaModel,
			characters: lengths(tooLong),
		},
		{
			name: "/api/embeddings, another model", path: legacy, body: request("no-such-model", "prompt", hello),
			status: http.StatusNotFound, errorType: "model_not_found", asked: "no-such-model", characters: lengths(hello),
		},
		{
			name: "OpenAI's route", path: openai, body: request(ollamaModel, "input", batch), status: http.StatusOK,
			asked: ollamaModel, answered: ollamaModel, characters: lengths(batch...), tokens: 133, dimension: dimension,
			check: meaningful,
		},
		{
			name: "OpenAI's route, base64", path: openai,
			body:   request(ollamaModel, "input", batch, "encoding_format", "base64"),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: lengths(batch...), tokens: 133,
			dimension: dimension, encoding: "base64", check: meaningful,
		},
		{
			name: "OpenAI's route, an empty text", path: openai, body: request(ollamaModel, "input", ""),
			status: http.StatusOK, asked: ollamaModel, answered: ollamaModel, characters: []int64{0}, tokens: 2,
			dimension: dimension,
		},
		{
			name: "OpenAI's route, another model", path: openai, body: request("no-such-model", "input", hello),
			status: http.StatusNotFound, errorType: "model_not_found", asked: "no-such-model", characters: lengths(hello),
		},
		{
			name: "OpenAI's route, token ids", path: openai, body: request(ollamaModel, "input", helloTokens()),
			status: http.StatusBadRequest, errorType: "api_error", asked: ollamaModel, characters: []int64{0},
		},
		{
			name: "OpenAI's route, an unknown format", path: openai,
			body:   request(ollamaModel, "input", hello, "encoding_format", "int8"),
			status: http.StatusBadRequest, errorType: "invalid_request_error", asked: ollamaModel,
			characters: lengths(hello), encoding: "int8",
		},
	})
	s.traffic(t, embed, ollamaModel, 50)
	s.settled(t)
}
