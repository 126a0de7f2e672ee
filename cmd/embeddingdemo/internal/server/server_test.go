package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(t *testing.T, change ...func(*Config)) *Server {
	t.Helper()
	config := DefaultConfig()
	for _, c := range change {
		c(&config)
	}
	s, err := New(config)
	require.NoError(t, err)
	return s
}

// do sends one request straight to the handler.
func do(s *Server, method, path, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func post(s *Server, body string) *httptest.ResponseRecorder {
	return do(s, http.MethodPost, "/v1/embeddings", "application/json", body)
}

// embeddings is a success of /v1/embeddings.
type embeddings struct {
	ID      string
	Object  string
	Created int64
	Model   string
	Data    []struct {
		Index     int
		Object    string
		Embedding json.RawMessage
	}
	Usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	}
}

func decode(t *testing.T, w *httptest.ResponseRecorder) embeddings {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	var e embeddings
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &e))
	return e
}

// vectors decodes what arrived: numbers, nulls (as NaN) or base64.
func vectors(t *testing.T, e embeddings) [][]float32 {
	t.Helper()
	var out [][]float32
	for _, d := range e.Data {
		var x []float32
		if d.Embedding[0] == '"' {
			var packed []byte
			require.NoError(t, json.Unmarshal(d.Embedding, &packed))
			for ; len(packed) > 0; packed = packed[4:] {
				x = append(x, math.Float32frombits(binary.LittleEndian.Uint32(packed)))
			}
		} else {
			var elements []*float32
			require.NoError(t, json.Unmarshal(d.Embedding, &elements))
			for _, v := range elements {
				if v == nil {
					x = append(x, float32(math.NaN()))
				} else {
					x = append(x, *v)
				}
			}
		}
		out = append(out, x)
	}
	return out
}

func one(t *testing.T, s *Server, body string) []float32 {
	t.Helper()
	all := vectors(t, decode(t, post(s, body)))
	require.Len(t, all, 1)
	return all[0]
}

func norm(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func TestInputForms(t *testing.T) {
	s := newServer(t)
	tests := []struct {
		name, input string
		vectors     int
		tokens      int
	}{
		{"string", `"hello world"`, 1, 5},
		{"empty string", `""`, 1, 1},
		{"list", `["hello world", "", "向量"]`, 3, 5 + 1 + 3},
		{"token ids", `[1, 2, 3]`, 1, 3},
		{"list of token ids", `[[1, 2, 3], [4]]`, 2, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, format := range []string{"float", "base64"} {
				e := decode(t, post(s, fmt.Sprintf(
					`{"model": "qwen3-embedding-4b", "input": %s, "encoding_format": %q, "user": "u", "extra": [1]}`,
					tt.input, format)))
				assert.Regexp(t, "^embd-[0-9a-f]{32}$", e.ID)
				assert.Equal(t, "list", e.Object)
				assert.Equal(t, "qwen3-embedding-4b", e.Model)
				assert.InDelta(t, time.Now().Unix(), e.Created, 60)
				assert.Equal(t, tt.tokens, e.Usage.PromptTokens)
				assert.Equal(t, tt.tokens, e.Usage.TotalTokens)
				all := vectors(t, e)
				require.Len(t, all, tt.vectors)
				for i, x := range all {
					assert.Equal(t, i, e.Data[i].Index)
					assert.Equal(t, "embedding", e.Data[i].Object)
					assert.Len(t, x, 2560)
					assert.InDelta(t, 1, norm(x), 1e-5)
				}
			}
		})
	}
}

func TestFormatsCarryTheSameVector(t *testing.T) {
	s := newServer(t)
	assert.Equal(t, one(t, s, `{"input": "hello"}`), one(t, s, `{"input": ["hello"], "encoding_format": "base64"}`))
}

func TestAnswersAreDeterministic(t *testing.T) {
	ask := func() []byte {
		s := newServer(t, func(c *Config) { c.Created = 1700000000 })
		r := httptest.NewRequest(http.MethodPost, "/v1/embeddings", strings.NewReader(`{"input": ["hello", "world"]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", `a"b`)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		e := decode(t, w)
		assert.Equal(t, `embd-a"b`, e.ID)
		assert.EqualValues(t, 1700000000, e.Created)
		return w.Body.Bytes()
	}
	assert.Equal(t, ask(), ask())
}

func TestDimensionsCutAndRenormalise(t *testing.T) {
	s := newServer(t)
	whole := one(t, s, `{"input": "hello"}`)
	cut := one(t, s, `{"input": "hello", "dimensions": 256}`)
	require.Len(t, cut, 256)
	assert.InDelta(t, 1, norm(cut), 1e-5)
	length := norm(whole[:256])
	for i, v := range cut {
		assert.InDelta(t, float64(whole[i])/length, v, 1e-6)
	}
	assert.Len(t, one(t, s, `{"input": "hello", "dimensions": null}`), 2560)
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		kind       string
		param      any
		message    string
	}{
		{"no JSON", `{"input": `, 400, "BadRequestError", nil, "JSON decode error"},
		{"no object", `[]`, 400, "BadRequestError", nil, "JSON decode error"},
		{"no input", `{}`, 400, "BadRequestError", "input", "Field required"},
		{"null", `{"input": null}`, 400, "BadRequestError", "input", "should be a string"},
		{"number", `{"input": 1}`, 400, "BadRequestError", "input", "should be a string"},
		{"object", `{"input": {}}`, 400, "BadRequestError", "input", "should be a string"},
		{"mixed list", `{"input": ["a", 1]}`, 400, "BadRequestError", "input", "should be a string"},
		{"list with null", `{"input": ["a", null]}`, 400, "BadRequestError", "input", "should be a string"},
		{"empty list", `{"input": []}`, 400, "BadRequestError", "input", "at least one"},
		{"empty token list", `{"input": [[]]}`, 400, "BadRequestError", "input", "cannot be empty"},
		{"token id out of range", `{"input": [1, 999999]}`, 400, "BadRequestError", "input", "999999"},
		{"wrong type", `{"input": "a", "dimensions": "b"}`, 400, "BadRequestError", "dimensions", "dimensions"},
		{"too few dimensions", `{"input": "a", "dimensions": 31}`, 400, "BadRequestError", "dimensions", "31"},
		{"too many dimensions", `{"input": "a", "dimensions": 2561}`, 400, "BadRequestError", "dimensions", "2561"},
		{"unknown format", `{"input": "a", "encoding_format": "hex"}`, 400, "BadRequestError", "encoding_format", "hex"},
		{"unknown model", `{"input": "a", "model": "b"}`, 404, "NotFoundError", "model", "The model `b` does not exist."},
		{
			"too long", `{"input": ["a", "` + strings.Repeat("x ", 40000) + `"]}`, 400, "BadRequestError", "input",
			"maximum context length is 32768 tokens. However, you requested 40001 tokens",
		},
	}
	nested, flat := newServer(t), newServer(t, func(c *Config) { c.ErrorShape = ErrorFlat })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := post(nested, tt.body)
			assert.Equal(t, tt.status, w.Code)
			var outer map[string]map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &outer))
			inner := outer["error"]
			assert.Equal(t, tt.kind, inner["type"])
			assert.Equal(t, tt.param, inner["param"])
			assert.EqualValues(t, tt.status, inner["code"])
			assert.Contains(t, inner["message"], tt.message)

			w = post(flat, tt.body)
			assert.Equal(t, tt.status, w.Code)
			var got map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			inner["object"] = "error"
			assert.Equal(t, inner, got)
		})
	}
	w := do(nested, http.MethodPost, "/v1/embeddings", "text/plain", `{"input": "a"}`)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.Body.String(), "Unsupported Media Type")
	assert.Equal(t, http.StatusMethodNotAllowed, do(nested, http.MethodGet, "/v1/embeddings", "", "").Code)
	assert.Equal(t, http.StatusNotFound, do(nested, http.MethodGet, "/nowhere", "", "").Code)
}

func TestModelsAndHealth(t *testing.T) {
	s := newServer(t)
	assert.Equal(t, http.StatusOK, do(s, http.MethodGet, "/health", "", "").Code)
	w := do(s, http.MethodGet, "/v1/models", "", "")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"id":"qwen3-embedding-4b"`)
	assert.Contains(t, w.Body.String(), `"max_model_len":32768`)
}

func TestFloatsAreShortest(t *testing.T) {
	for v, want := range map[float32]string{
		0: "0.0", 1: "1.0", -0.5: "-0.5", 0.1: "0.1", 0.012345679: "0.012345679", 1e-5: "1e-05", 1.5e-6: "1.5e-06",
		float32(math.Inf(1)): "null",
	} {
		assert.Equal(t, want, string(appendFloat(nil, v)))
	}
	assert.Equal(t, "null", string(appendFloat(nil, float32(math.NaN()))))
}

func TestMetrics(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Model = `a"b` })
	decode(t, post(s, `{"input": ["hello world", ""]}`))
	assert.Equal(t, http.StatusBadRequest, post(s, `{}`).Code)

	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(do(s, http.MethodGet, "/metrics", "", "").Body)
	require.NoError(t, err)
	single := map[string]float64{}
	for name, family := range families {
		require.Len(t, family.GetMetric(), 1, name)
		m := family.GetMetric()[0]
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		assert.Equal(t, `a"b`, labels["model_name"], name)
		assert.Equal(t, "0", labels["engine"], name)
		single[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	for name, want := range map[string]float64{
		"vllm:num_requests_running": 0, "vllm:num_requests_waiting": 0, "vllm:kv_cache_usage_perc": 0,
		"vllm:prompt_tokens_total": 6, "vllm:request_success_total": 2,
	} {
		require.Contains(t, single, name)
		assert.InDelta(t, want, single[name], 0, name)
	}
	lengths := families["vllm:request_prompt_tokens"].GetMetric()[0].GetHistogram()
	assert.EqualValues(t, 2, lengths.GetSampleCount())
	assert.InDelta(t, 6, lengths.GetSampleSum(), 0)
	assert.EqualValues(t, 1, lengths.GetBucket()[0].GetCumulativeCount(), "one token")
	latency := families["vllm:e2e_request_latency_seconds"].GetMetric()[0].GetHistogram()
	assert.EqualValues(t, 2, latency.GetSampleCount())
	assert.Positive(t, latency.GetSampleSum())
	queued := families["vllm:request_queue_time_seconds"].GetMetric()[0].GetHistogram()
	assert.EqualValues(t, 2, queued.GetSampleCount())
	assert.Less(t, queued.GetSampleSum(), latency.GetSampleSum())
}

func TestRequestsWaitForAPlace(t *testing.T) {
	s := newServer(t, func(c *Config) { c.MaxRequests = 1 })
	require.NoError(t, s.Faults().Set(faultLatency, Setting{Share: 1, Value: "3600"}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for range 3 {
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/embeddings", strings.NewReader(`{"input": "a"}`))
			r.Header.Set("Content-Type", "application/json")
			s.Handler().ServeHTTP(httptest.NewRecorder(), r)
			done <- struct{}{}
		}()
	}
	require.Eventually(t, func() bool {
		body := do(s, http.MethodGet, "/metrics", "", "").Body.String()
		return strings.Contains(body, "vllm:num_requests_running{engine=\"0\",model_name=\"qwen3-embedding-4b\"} 1.0\n") &&
			strings.Contains(body, "vllm:num_requests_waiting{engine=\"0\",model_name=\"qwen3-embedding-4b\"} 2.0\n")
	}, 10*time.Second, time.Millisecond)
	cancel()
	for range 3 {
		<-done
	}
}

func TestValidate(t *testing.T) {
	_, err := New(Config{Endpoint: "nowhere", ErrorShape: "round"})
	for _, key := range []string{"endpoint", "model", "dimension", "max-model-len", "max-num-seqs", "error-shape"} {
		assert.ErrorContains(t, err, key+": ")
	}
}

func TestLifecycle(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Endpoint = "localhost:0" })
	require.NoError(t, s.Shutdown(t.Context()), "before Start")
	require.NoError(t, s.Start(t.Context()))

	other := newServer(t, func(c *Config) { c.Endpoint = strings.TrimPrefix(s.URL(), "http://") })
	assert.ErrorContains(t, other.Start(t.Context()), "address already in use")

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post(s.URL()+"/v1/embeddings", "application/json", strings.NewReader(`{"input": "a"}`))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode)

	require.NoError(t, s.Shutdown(t.Context()))
	require.NoError(t, s.Shutdown(t.Context()), "twice")
	_, open := <-s.Failed()
	assert.False(t, open, "an orderly end is no failure")
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Endpoint = "localhost:0" })
	require.NoError(t, s.Faults().Set(faultLatency, Setting{Share: 1, Value: "3600"}))
	require.NoError(t, s.Start(t.Context()))
	failed := make(chan error, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		_, err := client.Post(s.URL()+"/v1/embeddings", "application/json", strings.NewReader(`{"input": "a"}`))
		failed <- err
	}()
	require.Eventually(t, func() bool { return s.Faults().list()[1].Hits == 1 }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
	require.Error(t, <-failed)
}

func BenchmarkEmbeddings(b *testing.B) {
	s, err := New(DefaultConfig())
	require.NoError(b, err)
	for _, format := range []string{"float", "base64"} {
		body := []byte(fmt.Sprintf(`{"input": %q, "encoding_format": %q}`, strings.Repeat("hello world ", 20), format))
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			handler := s.Handler()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/v1/embeddings", bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
			}
		})
	}
}
