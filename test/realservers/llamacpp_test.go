//go:build realservers

package realservers

import (
	"net/http"
	"testing"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const llamaModel = "all-minilm"

// startLlama starts llama.cpp's server.
func startLlama(t *testing.T, more ...string) server {
	t.Helper()
	binary, model := setting(t, "REALSERVERS_LLAMACPP"), setting(t, "REALSERVERS_GGUF")
	address := collector.Address(t)
	host, port := split(address)
	p := collector.Start(t, binary, nil, append([]string{
		"--model", model, "--alias", llamaModel, "--host", host, "--port", port, "--threads", "2",
	}, more...)...)
	s := server{name: "llamacpp", url: "http://" + address, tokensUnit: embedding.UnitToken}
	p.WaitHTTP(s.url + "/health")
	return s
}

// oneSlot makes equal requests have equal answers: with more slots the server puts inputs into batches as they come,
// and the last digits depend on what is in a batch.
var oneSlot = []string{"--parallel", "1"}

// TestLlamaCPP calls a server with pooling, as the model asks for.
func TestLlamaCPP(t *testing.T) {
	s := watch(t, startLlama(t, append(oneSlot, "--embeddings")...))
	const openai = "/v1/embeddings"
	hello, batch := "hello world", texts()
	two := []string{"hello world", "one more"}
	tooLong := long(2*window, "end")
	s.run(t, []call{
		{
			name: "a text", path: openai, body: request(llamaModel, "input", hello), status: http.StatusOK,
			asked: llamaModel, answered: llamaModel, characters: lengths(hello), tokens: 4, dimension: dimension,
		},
		{
			name: "eight texts", path: openai, body: request(llamaModel, "input", batch), status: http.StatusOK,
			asked: llamaModel, answered: llamaModel, characters: lengths(batch...), tokens: 140, dimension: dimension,
			check: meaningful,
		},
		{
			name: "base64", path: openai, body: request(llamaModel, "input", batch, "encoding_format", "base64"),
			status: http.StatusOK, asked: llamaModel, answered: llamaModel, characters: lengths(batch...), tokens: 140,
			dimension: dimension, encoding: "base64", check: meaningful,
		},
		{ // of a text that was there before: as ids and as a text it has two fingerprints and one vector
			name: "token ids", path: openai, body: request(llamaModel, "input", helloTokens()), status: http.StatusOK,
			asked: llamaModel, answered: llamaModel, characters: []int64{0}, tokens: 4, dimension: dimension,
			flagged: embedding.ReasonCounts{Duplicate: 1},
		},
		{ // the model knows neither capitals nor the number of spaces
			name: "a text in capitals", path: openai, body: request(llamaModel, "input", "HELLO  World"), status: http.StatusOK,
			asked: llamaModel, answered: llamaModel, characters: lengths("HELLO  World"), tokens: 4, dimension: dimension,
			flagged: embedding.ReasonCounts{Duplicate: 1},
		},
		{
			name: "lists of token ids", path: openai, body: request(llamaModel, "input", [][]int{{101, 7592, 102}, {101, 2088, 102}}),
			status: http.StatusOK, asked: llamaModel, answered: llamaModel, characters: []int64{0, 0}, tokens: 6,
			dimension: dimension,
		},
		{
			name: "ids and texts", path: openai, body: request(llamaModel, "input", []any{101, "kitten", 102}),
			status: http.StatusOK, asked: llamaModel, answered: llamaModel, characters: []int64{0}, tokens: 3,
			dimension: dimension,
		},
		{
			name: "an empty text", path: openai, body: request(llamaModel, "input", ""), status: http.StatusOK,
			asked: llamaModel, answered: llamaModel, characters: []int64{0}, tokens: 2, dimension: dimension,
		},
		{ // the server answers in the name of whatever model it is asked for
			name: "another model", path: openai, body: request("no-such-model", "input", hello), status: http.StatusOK,
			asked: "no-such-model", answered: "no-such-model", characters: lengths(hello), tokens: 4, dimension: dimension,
		},
		{
			name: "no model", path: openai, body: request("", "input", hello), status: http.StatusOK,
			answered: llamaModel, characters: lengths(hello), tokens: 4, dimension: dimension,
		},
		{ // the server knows no dimensions and sends what it has
			name: "dimensions", path: openai, body: request(llamaModel, "input", hello, "dimensions", 64),
			status: http.StatusOK, asked: llamaModel, answered: llamaModel, characters: lengths(hello), tokens: 4,
			requested: 64, dimension: dimension, flagged: embedding.ReasonCounts{Dimension: 1},
		},
		{ // in place of input it makes the native answer
			name: "content", path: openai, body: request(llamaModel, "content", two), status: http.StatusOK,
			asked: llamaModel, characters: lengths(two...), dimension: dimension,
		},
		{
			name: "/embeddings", path: "/embeddings", body: request(llamaModel, "input", batch), status: http.StatusOK,
			asked: llamaModel, characters: lengths(batch...), dimension: dimension, check: meaningful,
		},
		{
			name: "/embeddings, content", path: "/embeddings", body: request("", "content", hello), status: http.StatusOK,
			characters: lengths(hello), dimension: dimension,
		},
		{
			name: "/embedding", path: "/embedding", body: request("", "content", batch), status: http.StatusOK,
			characters: lengths(batch...), dimension: dimension, check: meaningful,
		},
		{
			name: "/embedding, one text", path: "/embedding", body: request("", "content", hello), status: http.StatusOK,
			characters: lengths(hello), dimension: dimension,
		},
		{ // there is no such format here
			name: "/embedding, base64", path: "/embedding", body: request("", "input", hello, "encoding_format", "base64"),
			status: http.StatusOK, characters: lengths(hello), dimension: dimension, encoding: "base64",
		},
		{
			name: "/embedding, token ids", path: "/embedding", body: request("", "content", []int{101, 7592, 102}),
			status: http.StatusOK, characters: []int64{0}, dimension: dimension,
		},
		{ // the norm is not 1, which is known only after 32 vectors
			name: "/embedding, as the model made them", path: "/embedding",
			body: request("", "content", hello, "embd_normalize", -1), status: http.StatusOK, characters: lengths(hello),
			dimension: dimension,
		},
		{
			name: "a text that is too long", path: openai, body: request(llamaModel, "input", tooLong),
			status: http.StatusInternalServerError, errorType: "context_length_exceeded", asked: llamaModel,
			characters: lengths(tooLong),
		},
		{
			name: "one of two is too long", path: openai, body: request(llamaModel, "input", []string{hello, tooLong}),
			status: http.StatusInternalServerError, errorType: "context_length_exceeded", asked: llamaModel,
			characters: lengths(hello, tooLong),
		},
		{
			name: "/embedding, too long", path: "/embedding", body: request("", "content", tooLong),
			status: http.StatusInternalServerError, errorType: "context_length_exceeded", characters: lengths(tooLong),
		},
		{
			name: "no input", path: openai, body: request(llamaModel), status: http.StatusBadRequest,
			errorType: "invalid_request_error", asked: llamaModel,
		},
		{
			name: "an empty list", path: openai, body: request(llamaModel, "input", []string{}),
			status: http.StatusBadRequest, errorType: "invalid_request_error", asked: llamaModel,
		},
		{
			name: "an unknown format", path: openai, body: request(llamaModel, "input", hello, "encoding_format", "int8"),
			status: http.StatusBadRequest, errorType: "invalid_request_error", asked: llamaModel,
			characters: lengths(hello), encoding: "int8",
		},
		{
			name: "no JSON", path: openai, body: `{"model":"all-minilm","input":`, status: http.StatusInternalServerError,
			errorType: "server_error", asked: llamaModel,
		},
	})
	s.settled(t)
}

// TestLlamaCPPTraffic calls a server as it is by default, with several slots.
func TestLlamaCPPTraffic(t *testing.T) {
	s := watch(t, startLlama(t, "--embeddings"))
	s.traffic(t, "/v1/embeddings", llamaModel, 200)
	s.settled(t)
}

// TestLlamaCPPUnpooled calls a server that gives the vector of each token.
func TestLlamaCPPUnpooled(t *testing.T) {
	s := watch(t, startLlama(t, append(oneSlot, "--embeddings", "--pooling", "none")...))
	batch := texts()
	s.run(t, []call{
		{
			name: "/embedding", path: "/embedding", body: request("", "content", batch), status: http.StatusOK,
			characters: lengths(batch...), tokenVectors: true,
		},
		{
			name: "/embeddings", path: "/embeddings", body: request(llamaModel, "input", batch[0]), status: http.StatusOK,
			asked: llamaModel, characters: lengths(batch[0]), tokenVectors: true,
		},
		{ // the answer looks like that of a server with pooling
			name: "an input of one token", path: "/embedding", body: request("", "content", []int{7592}),
			status: http.StatusOK, characters: []int64{0}, dimension: dimension,
		},
		{
			name: "OpenAI's route", path: "/v1/embeddings", body: request(llamaModel, "input", batch[0]),
			status: http.StatusBadRequest, errorType: "invalid_request_error", asked: llamaModel,
			characters: lengths(batch[0]),
		},
	})
	s.settled(t)
}

// TestLlamaCPPOthers calls servers that make no embeddings, and that want a key.
func TestLlamaCPPOthers(t *testing.T) {
	hello := "hello world"
	t.Run("without embeddings", func(t *testing.T) {
		s := watch(t, startLlama(t, "--no-warmup")) // which ends this version in an assertion
		s.run(t, []call{{
			name: "a text", path: "/v1/embeddings", body: request(llamaModel, "input", hello),
			status: http.StatusNotImplemented, errorType: "not_supported_error", asked: llamaModel, characters: lengths(hello),
		}})
		s.settled(t)
	})
	t.Run("with a key", func(t *testing.T) {
		s := watch(t, startLlama(t, "--embeddings", "--api-key", "a-key-of-the-test"))
		s.run(t, []call{{
			name: "a text", path: "/v1/embeddings", body: request(llamaModel, "input", hello),
			status: http.StatusUnauthorized, errorType: "authentication_error", asked: llamaModel, characters: lengths(hello),
			early: true,
		}})
		s.settled(t)
	})
}
