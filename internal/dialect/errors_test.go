package dialect

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// The same failure has the same type whichever server it came from. The bodies are in the form of each server, with
// messages as their sources have them.
func TestErrorType(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"vLLM, nested", 400, `{"error":{"message":"This model's maximum context length is 32768 tokens. However, you requested 40000 tokens","type":"BadRequestError","param":null,"code":400}}`, "context_length_exceeded"},
		{"vLLM, flat", 400, `{"object":"error","message":"This model's maximum context length is 32768 tokens.","type":"BadRequestError","param":null,"code":400}`, "context_length_exceeded"},
		{"OpenAI", 400, `{"error":{"message":"too long","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}`, "context_length_exceeded"},
		{"TEI", 413, "{\"error\":\"Input validation error: `inputs` must have less than 512 tokens. Given: 600\",\"error_type\":\"Validation\"}", "context_length_exceeded"},
		{"llama.cpp", 500, `{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}`, "context_length_exceeded"},
		{"Ollama", 400, `{"error":"the input length exceeds the context length"}`, "context_length_exceeded"},
		{"vLLM without matryoshka", 400, `{"error":{"message":"Model \"m\" does not support matryoshka representation, changing output dimensions will lead to poor results.","type":"BadRequestError","code":400}}`, "dimensions_not_supported"},
		{"vLLM, unknown model", 404, "{\"error\":{\"message\":\"The model `m` does not exist.\",\"type\":\"NotFoundError\",\"param\":null,\"code\":404}}", "model_not_found"},
		{"Ollama, unknown model", 404, `{"error":"model \"m\" not found, try pulling it first"}`, "model_not_found"},
		{"TEI, OpenAI's route", 422, "{\"message\":\"Input validation error: `inputs` must have less than 256 tokens. Given: 1027\",\"code\":422,\"type\":\"Validation\"}", "context_length_exceeded"},
		{"TEI, dimensions", 422, "{\"message\":\"Input validation error: `dimensions` should be smaller than the maximum embedding dimension.\",\"code\":422,\"type\":\"Validation\"}", "dimensions_not_supported"},
		{"TEI, an unknown format", 422, "Failed to deserialize the JSON body into the target type: encoding_format: unknown variant `int8`, expected `float` or `base64` at line 1 column 25", "422"},
		{"Ollama, unknown model, OpenAI's route", 404, `{"error":{"message":"model \"m\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`, "model_not_found"},
		{"Ollama, token ids, OpenAI's route", 400, `{"error":{"message":"invalid input type","type":"api_error","param":null,"code":null}}`, "api_error"},
		{"Infinity, dimensions", 400, `{"error":{"message":"<class 'infinity_emb.primitives.MatryoshkaDimError'> -> matryoshka_dim=4096 is not in a valid range. Select between 1 and 384.","type":null,"param":null,"code":400}}`, "dimensions_not_supported"},
		{"Infinity, what FastAPI refuses", 422, `{"detail":[{"type":"too_short","loc":["body","text","input"],"msg":"List should have at least 1 item","input":["out of memory"]}]}`, "422"},
		{"llama.cpp, pooling", 400, `{"error":{"code":400,"message":"Pooling type 'none' is not OAI compatible. Please use a different pooling type","type":"invalid_request_error"}}`, "invalid_request_error"},
		{"llama.cpp, key", 401, `{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}`, "authentication_error"},
		{"llama.cpp, unknown path", 404, `{"error":{"message":"File Not Found","type":"not_found_error","code":404}}`, "not_found_error"},
		{"llama.cpp, context", 400, `{"error":{"code":400,"message":"request (600 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error"}}`, "context_length_exceeded"},
		{"Ollama, memory", 500, `{"error":"model requires more system memory (9.0 GiB) than is available (4.0 GiB)"}`, "out_of_memory"},
		{"TEI, overloaded", 429, `{"error":"Model is overloaded","error_type":"Overloaded"}`, "overloaded"},
		{"out of memory", 500, `{"error":{"message":"CUDA out of memory. Tried to allocate 2.00 GiB","type":"InternalServerError","code":500}}`, "out_of_memory"},
		{"NaN", 500, `{"error":{"message":"Out of range float values are not JSON compliant","type":"InternalServerError","code":500}}`, "not_a_number"},
		{"rate limit", 429, `{"error":{"message":"slow down","type":null,"code":"rate_limit_exceeded"}}`, "rate_limit_exceeded"},
		{"a type of the server", 400, `{"error":{"message":"no","type":"BadRequestError","code":400}}`, "BadRequestError"},
		{"FastAPI", 422, `{"detail":"Field required"}`, "422"},
		{"a proxy's page", 502, `<html>Bad Gateway: the context length of this page does not exist</html>`, "502"},
		{"broken off", 500, `{"error":{"message":"CUDA out of memory`, "500"},
		{"a text that quotes a text", 400, `{"error":{"type":"BadRequestError","message":"invalid"},"input":"out of memory"}`, "BadRequestError"},
	} {
		ev := embedding.Event{StatusCode: tt.status}
		require.NoError(t, OpenAI{}.ReadResponse(nil, []byte(tt.body), &ev), tt.name)
		require.Equal(t, tt.want, ev.ErrorType, tt.name)
	}
}
