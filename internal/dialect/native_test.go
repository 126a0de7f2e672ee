package dialect

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// readTestdata reads a body that was written after a server's public API documents.
func readTestdata(t testing.TB, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(path)))
	require.NoError(t, err)
	return body
}

func TestForNative(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/embed": "tei", "/embed_all": "tei", "/models/a/embed": "tei",
		"/api/embed": "ollama", "/api/embeddings": "ollama", "/ollama/api/embed": "ollama",
		"/embedding": "llamacpp", "/llama/embedding": "llamacpp",
		"/embeddings": "openai", "/v1/embeddings": "openai",
		"/embed_sparse": "", "/predict": "", "/rerank": "", "/api/generate": "", "/completion": "", "/tokenize": "",
	} {
		d, ok := For(http.MethodPost, path)
		require.Equal(t, want != "", ok, path)
		if ok {
			assert.Equal(t, want, d.Name(), path)
		}
		_, ok = For(http.MethodGet, path)
		assert.False(t, ok, path)
	}
	assert.False(t, TEI{}.Matches(http.MethodPost, "/v1/embed"))
	assert.False(t, TEI{}.Matches(http.MethodPost, "/cohere/v2/embed"))
	assert.True(t, LlamaCPP{}.Matches(http.MethodPost, "/embeddings"))
}

// TestSameCall reads the same call, four texts and their vectors, as each server has it.
func TestSameCall(t *testing.T) {
	t.Parallel()
	want := readCall(t, OpenAI{}, "openai/request.json", "openai/response.json")
	require.Equal(t, 4, want.InputCount)
	require.Equal(t, 4, want.OutputCount)
	require.Len(t, want.Vectors, 4*8)
	for _, tt := range []struct {
		d                 Dialect
		request, response string
	}{
		{TEI{}, "tei/request.json", "tei/response.json"},
		{Ollama{}, "ollama/request.json", "ollama/response.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response.json"},
		{LlamaCPP{}, "llamacpp/request.json", "llamacpp/response_flat.json"},
	} {
		got := readCall(t, tt.d, tt.request, tt.response)
		if tt.d.Name() == "ollama" { // its request has a limit that the others have no place for
			require.Equal(t, 512, got.TruncateTokens)
			got.TruncateTokens = 0
		} else { // the others have no place for the name of a model
			require.Empty(t, got.Model(), tt.response)
			got.RequestModel, got.ResponseModel = want.RequestModel, want.ResponseModel
		}
		if tt.d.Name() == "llamacpp" {
			require.False(t, got.HasInputTokens, tt.response)
			got.InputTokens, got.HasInputTokens, got.TokensUnit = want.InputTokens, true, want.TokensUnit
		}
		assertEvent(t, want, got)
	}
}

// readCall reads a served call of 29 tokens.
func readCall(t testing.TB, d Dialect, request, response string) embedding.Event {
	t.Helper()
	ev := embedding.Event{StatusCode: http.StatusOK}
	header := http.Header{}
	header.Set("x-compute-type", "gpu+optimized")
	header.Set("x-compute-time", "12")
	header.Set("x-compute-tokens", strconv.Itoa(29))
	require.NoError(t, d.ReadRequest(readTestdata(t, request), newTexts(), &ev), request)
	require.NoError(t, d.ReadResponse(header, readTestdata(t, response), &ev), response)
	return ev
}

// TestNativeTruncated cuts the bodies of every native API at every byte.
func TestNativeTruncated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d                   Dialect
		requests, responses []string
	}{
		{TEI{}, []string{"tei/request.json"}, []string{"tei/response.json", "tei/embed_all.json"}},
		{
			Ollama{},
			[]string{"ollama/request.json", "ollama/request_legacy.json"},
			[]string{"ollama/response.json", "ollama/response_legacy.json"},
		},
		{LlamaCPP{}, []string{"llamacpp/request.json"}, []string{
			"llamacpp/response.json", "llamacpp/response_flat.json", "llamacpp/response_unpooled.json",
			"llamacpp/response_old.json",
		}},
	} {
		for _, path := range tt.requests {
			body := trimmed(t, path)
			for i := range body {
				var ev embedding.Event
				require.Error(t, tt.d.ReadRequest(body[:i], newTexts(), &ev), "%s %d", path, i)
				require.Len(t, ev.InputCharacters, ev.InputCount)
				require.Len(t, ev.InputFingerprints, ev.InputCount*embedding.FingerprintSize)
			}
		}
		for _, path := range tt.responses {
			body := trimmed(t, path)
			for i := range body {
				ev := embedding.Event{StatusCode: http.StatusOK, InputCount: 4}
				require.Error(t, tt.d.ReadResponse(nil, body[:i], &ev), "%s %d", path, i)
				require.Len(t, ev.Vectors, ev.VectorRows()*ev.OutputDimension)
				require.Empty(t, ev.ErrorType)
			}
		}
	}
}

// trimmed reads a body without the line break at its end, which is none of JSON's.
func trimmed(t *testing.T, path string) []byte {
	body := readTestdata(t, path)
	body = body[:len(body)-1]
	require.True(t, json.Valid(body), path)
	return body
}

// TestNativeErrors reads the failures that each server documents, and bodies of proxies.
func TestNativeErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d      Dialect
		status int
		body   string
		want   string
	}{
		{TEI{}, 413, string(readTestdata(t, "tei/error.json")), "context_length_exceeded"},
		{TEI{}, 429, `{"error":"Model is overloaded","error_type":"Overloaded"}`, "overloaded"},
		{TEI{}, 413, `{"error":"batch size 64 > maximum allowed batch size 32","error_type":"Validation"}`, "Validation"},
		{TEI{}, 422, `{"message":"Tokenization error","code":422,"type":"Tokenizer"}`, "Tokenizer"},
		{TEI{}, 400, "{\"error\":\"`dimensions` should be positive\",\"error_type\":\"Validation\"}", "dimensions_not_supported"},
		{TEI{}, 424, `{"error":"Inference failed","error_type":"Backend"}`, "Backend"},
		{Ollama{}, 404, string(readTestdata(t, "ollama/error.json")), "model_not_found"},
		{Ollama{}, 404, `{"error":"model 'm' not found"}`, "model_not_found"},
		{Ollama{}, 404, `404 page not found`, "404"},
		{Ollama{}, 400, `{"error":"invalid input type"}`, "400"},
		{Ollama{}, 400, `{"error":"the input length exceeds the context length"}`, "context_length_exceeded"},
		{Ollama{}, 400, `{"error":"embedding contains NaN or Inf values"}`, "not_a_number"},
		{Ollama{}, 503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, "overloaded"},
		{LlamaCPP{}, 500, string(readTestdata(t, "llamacpp/error.json")), "context_length_exceeded"},
		{LlamaCPP{}, 503, `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, "overloaded"},
		{LlamaCPP{}, 501, `{"error":{"code":501,"message":"This server does not support embeddings.","type":"not_supported_error"}}`, "not_supported_error"},
		{LlamaCPP{}, 400, `{"error":{"code":400,"message":"Input content cannot be empty","type":"invalid_request_error"}}`, "invalid_request_error"},
		{TEI{}, 502, `<html>`, "502"}, {Ollama{}, 500, ``, "500"}, {LlamaCPP{}, 302, `[]`, "302"},
	} {
		ev := embedding.Event{StatusCode: tt.status}
		header := http.Header{}
		header.Set(teiTokens, "5")
		require.NoError(t, tt.d.ReadResponse(header, []byte(tt.body), &ev), tt.body)
		assert.Equal(t, embedding.Event{StatusCode: tt.status, ErrorType: tt.want}, ev, tt.body)
	}
}

// responseTest is an answer with 200 and what it says.
type responseTest struct {
	inputs int
	body   string
	want   embedding.Event
	err    string
}

func runResponses(t *testing.T, d Dialect, tests map[string]responseTest) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.StatusCode, tt.want.InputCount = http.StatusOK, tt.inputs
			got := embedding.Event{StatusCode: http.StatusOK, InputCount: tt.inputs, Vectors: []float32{9, 9, 9}}
			err := d.ReadResponse(nil, []byte(tt.body), &got)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
			assertVectors(t, tt.want.Vectors, got.Vectors)
			tt.want.Vectors, got.Vectors = nil, nil
			assertEvent(t, tt.want, got)
		})
	}
}

// requestTest is a request and what it says.
type requestTest struct {
	body string
	want embedding.Event
}

func runRequests(t *testing.T, d Dialect, tests map[string]requestTest) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got embedding.Event
			require.NoError(t, d.ReadRequest([]byte(tt.body), newTexts(), &got))
			assertEvent(t, tt.want, got)
		})
	}
}

// llama.cpp answers OpenAI's path in its own form too, where the request has its own member content.
func TestOpenAIReadsLlamaCPP(t *testing.T) {
	want := readCall(t, LlamaCPP{}, "llamacpp/request.json", "llamacpp/response.json")
	assertEvent(t, want, readCall(t, OpenAI{}, "llamacpp/request.json", "llamacpp/response.json"))

	ev := embedding.Event{StatusCode: http.StatusOK}
	require.NoError(t, OpenAI{}.ReadResponse(nil, readTestdata(t, "llamacpp/response_unpooled.json"), &ev))
	require.Equal(t, 4, ev.OutputCount)
}
