//go:build realservers

package realservers

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const infinityModel = "all-minilm"

// infinityStart is how long its start may take: Python reads some thousand files of PyTorch.
const infinityStart = 5 * time.Minute

// startInfinity starts Infinity with PyTorch on the CPU, and with nothing that it would ask the network for.
func startInfinity(t *testing.T) server {
	t.Helper()
	binary, model := setting(t, "REALSERVERS_INFINITY"), setting(t, "REALSERVERS_MODEL")
	address := collector.Address(t)
	host, port := split(address)
	p := collector.Start(t, binary, []string{
		"HF_HUB_OFFLINE=1", "DO_NOT_TRACK=1", "INFINITY_HOME=" + t.TempDir(), "OMP_NUM_THREADS=2",
	},
		"v2", "--model-id", model, "--served-model-name", infinityModel, "--host", host, "--port", port,
		"--device", "cpu", "--engine", "torch", "--dtype", "float32", "--no-bettertransformer", "--no-model-warmup")
	s := server{
		name: "infinity", url: "http://" + address, tokensUnit: embedding.UnitCharacter,
		volatile: regexp.MustCompile(`"id":"infinity-[0-9a-f-]+","created":\d+`),
	}
	p.WaitHTTPFor(s.url+"/health", infinityStart)
	return s
}

// TestInfinity calls Infinity, which counts characters where others count tokens.
func TestInfinity(t *testing.T) {
	s := watch(t, startInfinity(t))
	const path = "/embeddings"
	hello, batch := "hello world", texts()
	twins := []string{long(300, "one end"), long(300, "another end")} // it cuts after the 256 tokens of the model's settings
	characters := total(lengths(batch...)) - 1                        // the last text ends with a space, which does not count
	s.run(t, []call{
		{
			name: "a text", path: path, body: request(infinityModel, "input", hello), status: http.StatusOK,
			asked: infinityModel, answered: infinityModel, characters: lengths(hello), tokens: 11, dimension: dimension,
		},
		{
			name: "eight texts", path: path, body: request(infinityModel, "input", batch), status: http.StatusOK,
			asked: infinityModel, answered: infinityModel, characters: lengths(batch...), tokens: characters,
			dimension: dimension, check: meaningful,
		},
		{
			name: "base64", path: path, body: request(infinityModel, "input", batch, "encoding_format", "base64"),
			status: http.StatusOK, asked: infinityModel, answered: infinityModel, characters: lengths(batch...),
			tokens: characters, dimension: dimension, encoding: "base64", check: meaningful,
		},
		{
			name: "an empty text", path: path, body: request(infinityModel, "input", ""), status: http.StatusOK,
			asked: infinityModel, answered: infinityModel, characters: []int64{0}, dimension: dimension,
		},
		{ // with one model in the server, any name stands for it
			name: "another model", path: path, body: request("no-such-model", "input", hello), status: http.StatusOK,
			asked: "no-such-model", answered: infinityModel, characters: lengths(hello), tokens: 11, dimension: dimension,
		},
		{
			name: "no model", path: path, body: request("", "input", hello), status: http.StatusOK,
			answered: infinityModel, characters: lengths(hello), tokens: 11, dimension: dimension,
		},
		{ // the server cuts vectors off and leaves them shorter than 1
			name: "dimensions", path: path, body: request(infinityModel, "input", hello, "dimensions", 64),
			status: http.StatusOK, asked: infinityModel, answered: infinityModel, characters: lengths(hello), tokens: 11,
			requested: 64, dimension: 64,
			check: func(t *testing.T, ev *embedding.Event) { assert.Less(t, ev.Quality.Norm.Max, 0.9) },
		},
		{
			name: "more dimensions than there are", path: path, body: request(infinityModel, "input", hello, "dimensions", 4096),
			status: http.StatusBadRequest, errorType: "dimensions_not_supported", asked: infinityModel,
			characters: lengths(hello), requested: 4096,
		},
		{ // what is cut off makes two texts the same, which the processor notices
			name: "two texts that differ where they are cut off", path: path, body: request(infinityModel, "input", twins),
			status: http.StatusOK, asked: infinityModel, answered: infinityModel, characters: lengths(twins...),
			tokens: total(lengths(twins...)), dimension: dimension, flagged: embedding.ReasonCounts{Duplicate: 1},
		},
		{
			name: "token ids", path: path, body: request(infinityModel, "input", helloTokens()),
			status: http.StatusUnprocessableEntity, errorType: "422", asked: infinityModel, characters: []int64{0},
		},
		{
			name: "an empty list", path: path, body: request(infinityModel, "input", []string{}),
			status: http.StatusUnprocessableEntity, errorType: "422", asked: infinityModel,
		},
		{
			name: "an unknown format", path: path, body: request(infinityModel, "input", hello, "encoding_format", "int8"),
			status: http.StatusUnprocessableEntity, errorType: "422", asked: infinityModel,
			characters: lengths(hello), encoding: "int8",
		},
		{
			name: "no JSON", path: path, body: `{"model":"all-minilm","input":`, status: http.StatusUnprocessableEntity,
			errorType: "422", asked: infinityModel,
		},
		{ // where it is started without --url-prefix
			name: "another path", path: "/v1/embeddings", body: request(infinityModel, "input", hello),
			status: http.StatusNotFound, errorType: "404", asked: infinityModel, characters: lengths(hello),
		},
	})
	s.traffic(t, path, infinityModel, 100)
	s.run(t, []call{{ // now that the norm is known, vectors that were cut off and left as they are show
		name: "dimensions, after learning", path: path, body: request(infinityModel, "input", hello, "dimensions", 128),
		status: http.StatusOK, asked: infinityModel, answered: infinityModel, characters: lengths(hello), tokens: 11,
		requested: 128, dimension: 128, flagged: embedding.ReasonCounts{Norm: 1},
	}})
	s.settled(t)
}
