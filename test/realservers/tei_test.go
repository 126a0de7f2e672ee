//go:build realservers

package realservers

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// startTEI starts Hugging Face's text-embeddings-inference.
func startTEI(t *testing.T, more ...string) server {
	t.Helper()
	binary, model := setting(t, "REALSERVERS_TEI"), setting(t, "REALSERVERS_MODEL")
	address := collector.Address(t)
	host, port := split(address)
	p := collector.Start(t, binary, []string{"HF_HUB_OFFLINE=1"}, append([]string{
		"--model-id", model, "--served-model-name", "all-minilm", "--hostname", host, "--port", port,
		"--prometheus-port", portOf(collector.Address(t)),
	}, more...)...)
	s := server{
		name: "tei", url: "http://" + address, tokensUnit: embedding.UnitToken,
		volatileHeaders: regexp.MustCompile(`^X-[A-Za-z]+-Time$`),
	}
	p.WaitHTTP(s.url + "/health")
	return s
}

func portOf(address string) string {
	_, port := split(address)
	return port
}

// TestTEI calls TEI as it is by default, which cuts off texts that are too long.
func TestTEI(t *testing.T) {
	s := watch(t, startTEI(t))
	const embed, all, openai, model = "/embed", "/embed_all", "/v1/embeddings", "all-minilm"
	hello, batch := "hello world", texts()
	twins := []string{long(2*window, "one end"), long(2*window, "another end")}
	s.run(t, []call{
		{
			name: "a text", path: embed, body: request("", "inputs", hello), status: http.StatusOK,
			characters: lengths(hello), tokens: 4, dimension: dimension,
		},
		{
			name: "eight texts", path: embed, body: request("", "inputs", batch), status: http.StatusOK,
			characters: lengths(batch...), tokens: 140, dimension: dimension, check: meaningful,
		},
		{
			name: "token ids", path: embed, body: request("", "inputs", []int{101, 7592, 102}), status: http.StatusOK,
			characters: []int64{0}, tokens: 3, dimension: dimension,
		},
		{
			name: "dimensions", path: embed, body: request("", "inputs", hello, "dimensions", 64), status: http.StatusOK,
			characters: lengths(hello), tokens: 4, requested: 64, dimension: 64,
		},
		{
			name: "an empty text", path: embed, body: request("", "inputs", ""), status: http.StatusBadRequest,
			errorType: "Empty", characters: []int64{0},
		},
		{ // it cuts after the 256 tokens of the model's settings; the processor notices that two texts are the same then
			name: "two texts that differ where they are cut off", path: embed, body: request("", "inputs", twins),
			status: http.StatusOK, characters: lengths(twins...), tokens: 512, dimension: dimension,
			truncated: true, flagged: embedding.ReasonCounts{Duplicate: 1},
		},
		{
			name: "too long and not to be cut", path: embed, body: request("", "inputs", twins[0], "truncate", false),
			status: http.StatusUnprocessableEntity, errorType: "context_length_exceeded", characters: lengths(twins[0]),
		},
		{
			name: "more texts than a call may have", path: embed, body: request("", "inputs", make([]string, 33)),
			status: http.StatusUnprocessableEntity, errorType: "Validation", characters: make([]int64, 33),
		},
		{
			name: "no JSON", path: embed, body: `{"inputs":`, status: http.StatusBadRequest, errorType: "400",
		},
		{
			name: "/embed_all", path: all, body: request("", "inputs", batch), status: http.StatusOK,
			characters: lengths(batch...), tokens: 140, tokenVectors: true,
		},
		{
			name: "OpenAI's route", path: openai, body: request(model, "input", batch), status: http.StatusOK,
			asked: model, answered: model, characters: lengths(batch...), tokens: 140, dimension: dimension,
			check: meaningful,
		},
		{
			name: "OpenAI's route, base64", path: openai, body: request(model, "input", batch, "encoding_format", "base64"),
			status: http.StatusOK, asked: model, answered: model, characters: lengths(batch...), tokens: 140,
			dimension: dimension, encoding: "base64", check: meaningful,
		},
		{
			name: "OpenAI's route, token ids", path: openai, body: request(model, "input", []int{101, 2088, 102}),
			status: http.StatusOK, asked: model, answered: model, characters: []int64{0}, tokens: 3, dimension: dimension,
		},
		{
			name: "OpenAI's route, another model", path: openai, body: request("no-such-model", "input", hello),
			status: http.StatusOK, asked: "no-such-model", answered: model, characters: lengths(hello), tokens: 4,
			dimension: dimension,
		},
		{
			name: "OpenAI's route, more dimensions than there are", path: openai,
			body:   request(model, "input", hello, "dimensions", 4096),
			status: http.StatusUnprocessableEntity, errorType: "dimensions_not_supported", asked: model,
			characters: lengths(hello), requested: 4096,
		},
		{
			name: "OpenAI's route, an unknown format", path: openai,
			body:   request(model, "input", hello, "encoding_format", "int8"),
			status: http.StatusUnprocessableEntity, errorType: "422", asked: model,
			characters: lengths(hello), encoding: "int8",
		},
	})
	s.traffic(t, openai, model, 100)
	s.settled(t)
}

// TestTEIStrict calls TEI as it was by default before version 1.9: it refuses texts that are too long.
func TestTEIStrict(t *testing.T) {
	s := watch(t, startTEI(t, "--auto-truncate", "false"))
	tooLong := long(2*window, "end")
	s.run(t, []call{
		{
			name: "/embed", path: "/embed", body: request("", "inputs", tooLong), status: http.StatusUnprocessableEntity,
			errorType: "context_length_exceeded", characters: lengths(tooLong),
		},
		{
			name: "OpenAI's route", path: "/v1/embeddings", body: request("all-minilm", "input", tooLong),
			status: http.StatusUnprocessableEntity, errorType: "context_length_exceeded", asked: "all-minilm",
			characters: lengths(tooLong),
		},
	})
	s.settled(t)
}
