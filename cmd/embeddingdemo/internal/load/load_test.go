package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is a request as it arrived.
type seen struct {
	at     time.Time
	header http.Header
	body   map[string]any
	raw    string
}

// fakeServer answers without a network, so that tests run on a clock of their own.
type fakeServer struct {
	delay  time.Duration
	answer func(n int, inputs int) (int, string)

	mu   sync.Mutex
	seen []seen
}

func (f *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s := seen{at: time.Now(), header: r.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &s.body); err != nil {
		return nil, err
	}
	f.mu.Lock()
	n := len(f.seen)
	f.seen = append(f.seen, s)
	f.mu.Unlock()

	select {
	case <-time.After(f.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := http.StatusOK, well(inputsOf(s.body["input"]))
	if f.answer != nil {
		status, body = f.answer(n, inputsOf(s.body["input"]))
	}
	if status == 0 {
		return nil, errors.New(body)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func inputsOf(input any) int {
	list, ok := input.([]any)
	if !ok {
		return 1
	}
	if _, ids := list[0].(float64); ids {
		return 1
	}
	return len(list)
}

// well is a good answer with 3 tokens a text.
func well(inputs int) string {
	data := strings.TrimSuffix(strings.Repeat(`{"embedding":[0.5,0.5]},`, inputs), ",")
	return fmt.Sprintf(`{"data":[%s],"usage":{"prompt_tokens":%d}}`, data, 3*inputs)
}

func run(t *testing.T, f *fakeServer, change func(*Config)) Summary {
	t.Helper()
	config := DefaultConfig()
	change(&config)
	l, err := New(config, f)
	require.NoError(t, err)
	return l.Run(t.Context())
}

func TestCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{}
		s := run(t, f, func(c *Config) { c.Count = 500 })
		assert.EqualValues(t, 500, s.Sent)
		assert.EqualValues(t, 500, s.OK)
		assert.Len(t, f.seen, 500)
		assert.Empty(t, s.Errors)
		assert.Zero(t, s.Dropped)
		assert.Equal(t, s.Inputs, s.Vectors)
		assert.Equal(t, 3*s.Vectors, s.PromptTokens)
		sent, tokens := int64(0), int64(0)
		for _, task := range s.Tasks {
			sent += task.Sent
			tokens += task.PromptTokens
		}
		assert.Equal(t, s.Sent, sent)
		assert.Equal(t, s.PromptTokens, tokens)
		assert.InDelta(t, 500.0/20, s.Seconds, 5)
	})
}

func TestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &fakeServer{}, func(c *Config) { c.Duration, c.Arrivals = 10*time.Second, ArrivalsFixed })
		assert.InDelta(t, 10*20, s.Sent, 1)
		assert.InDelta(t, 10, s.Seconds, 0.1)
	})
}

func TestRateDoesNotDependOnAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{delay: 2 * time.Second}
		s := run(t, f, func(c *Config) { c.Count, c.Rate, c.Arrivals = 100, 10, ArrivalsFixed })
		for i := 1; i < len(f.seen); i++ {
			assert.Equal(t, 100*time.Millisecond, f.seen[i].at.Sub(f.seen[i-1].at))
		}
		assert.InDelta(t, 2, s.Latency.P50, 0.04)
		assert.InDelta(t, 2, s.Latency.Max, 1e-9)
	})
}

func TestPoissonArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{}
		run(t, f, func(c *Config) { c.Count, c.Rate, c.Concurrency, c.MaxTokens, c.MaxBatch = 2000, 100, 2000, 8, 1 })
		sum, squares := 0.0, 0.0
		for i := 1; i < len(f.seen); i++ {
			gap := f.seen[i].at.Sub(f.seen[i-1].at).Seconds()
			sum += gap
			squares += gap * gap
		}
		n := float64(len(f.seen) - 1)
		mean := sum / n
		assert.InDelta(t, 0.01, mean, 0.001)
		assert.InDelta(t, 1, (squares/n-mean*mean)/(mean*mean), 0.2, "variance of an exponential distribution")
	})
}

func TestConcurrencyDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{delay: 10 * time.Second}
		s := run(t, f, func(c *Config) {
			c.Duration, c.Rate, c.Concurrency, c.Arrivals = 5*time.Second, 10, 7, ArrivalsFixed
		})
		assert.EqualValues(t, 7, s.Sent)
		assert.EqualValues(t, 7, s.OK, "open requests are waited for")
		assert.InDelta(t, 50-7, s.Dropped, 1)
	})
}

func TestStopFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{delay: time.Hour}
		config := DefaultConfig()
		config.Timeout = 2 * time.Hour
		l, err := New(config, f)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s := l.Run(ctx)
		assert.Positive(t, s.Sent)
		assert.Equal(t, map[string]int64{errorCancelled: s.Sent}, s.Errors)
		assert.InDelta(t, (3*time.Second + grace).Seconds(), s.Seconds, 0.01)
	})
}

func TestErrorsAreCountedByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{answer: func(n, inputs int) (int, string) {
			switch n % 6 {
			case 0:
				return 500, `{"error": {}}`
			case 1:
				return 429, ""
			case 2:
				return 200, well(inputs + 1)
			case 3:
				return 200, "<html>"
			case 4:
				return 0, "connection refused"
			default:
				return 200, well(inputs)
			}
		}}
		s := run(t, f, func(c *Config) { c.Count = 60 })
		assert.Equal(t, map[string]int64{"500": 10, "429": 10, errorAnswer: 20, errorTransport: 10}, s.Errors)
		assert.EqualValues(t, 10, s.OK)

		s = run(t, &fakeServer{delay: time.Minute}, func(c *Config) { c.Count, c.Timeout = 3, time.Second })
		assert.Equal(t, map[string]int64{errorTimeout: 3}, s.Errors)

		s = run(t, &fakeServer{answer: func(_, inputs int) (int, string) {
			return 200, `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"embedding":[]},`, inputs), ",") + `]}`
		}}, func(c *Config) { c.Count = 3 })
		assert.Equal(t, map[string]int64{errorAnswer: 3}, s.Errors, "empty vectors")
	})
}

func TestMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1500
		f := &fakeServer{}
		run(t, f, func(c *Config) { c.Count, c.Rate, c.Concurrency, c.MaxTokens = n, 1000, n, 256 })
		forms, tasks, base64 := map[string]int{}, map[string]int{}, 0
		ids := map[string]bool{}
		for _, s := range f.seen {
			assert.Equal(t, "qwen3-embedding-4b", s.body["model"])
			assert.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", s.header.Get("Traceparent"))
			assert.Regexp(t, "^[0-9a-f]{32}$", s.header.Get("X-Request-Id"))
			ids[s.header.Get("X-Request-Id")] = true
			switch input := s.body["input"].(type) {
			case string:
				forms["string"]++
			case []any:
				require.NotEmpty(t, input)
				assert.LessOrEqual(t, len(input), 256)
				forms[fmt.Sprintf("list of %T", input[0])]++
			}
			task, _ := s.body["prompt_name"].(string)
			tasks[task]++
			if s.body["encoding_format"] == "base64" {
				base64++
			}
		}
		assert.Len(t, ids, n)
		assert.InDelta(t, 0.5*n, forms["string"], 0.05*n)
		assert.InDelta(t, 0.4*n, forms["list of string"], 0.05*n)
		assert.InDelta(t, 0.05*n, forms["list of float64"], 0.025*n)
		assert.InDelta(t, 0.05*n, forms["list of []interface {}"], 0.025*n)
		assert.InDelta(t, 0.35*n, tasks["query"], 0.05*n)
		assert.InDelta(t, 0.55*n, tasks["document"], 0.05*n)
		assert.InDelta(t, 0.1*n, tasks[""], 0.05*n)
		assert.InDelta(t, 0.5*n, base64, 0.05*n)
	})
}

func TestFieldsFollowTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{}
		run(t, f, func(c *Config) {
			c.Count, c.Model, c.TaskField, c.Encoding, c.MaxBatch = 200, "m", "input_type", EncodingFloat, 3
			c.TaskTypes = []TaskShare{{"query", 1}}
		})
		for _, s := range f.seen {
			assert.Equal(t, "m", s.body["model"])
			assert.Equal(t, "query", s.body["input_type"])
			assert.Equal(t, "float", s.body["encoding_format"])
			assert.LessOrEqual(t, inputsOf(s.body["input"]), 3)
		}
	})
}

func TestSameSeedSameRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := func(seed uint64, delay time.Duration) map[string]bool {
			f := &fakeServer{delay: delay}
			run(t, f, func(c *Config) { c.Count, c.Seed, c.Concurrency = 50, seed, 2 })
			out := map[string]bool{}
			for _, s := range f.seen {
				out[s.header.Get("X-Request-Id")+s.raw] = true
			}
			return out
		}
		assert.Equal(t, bodies(1, 0), bodies(1, 30*time.Second), "whatever was dropped in between")
		assert.NotEqual(t, bodies(1, 0), bodies(2, 0))
	})
}

func TestSnapshotCoversTheInterval(t *testing.T) {
	l, err := New(DefaultConfig(), &fakeServer{})
	require.NoError(t, err)
	assert.Equal(t, Interval{}, l.Snapshot())
	for range 100 {
		require.True(t, l.stats.open(1))
		l.stats.done(outcome{latency: time.Second})
	}
	assert.InDelta(t, 1, l.Snapshot().P95, 0.02)
	require.True(t, l.stats.open(1))
	require.False(t, l.stats.open(1))
	l.stats.done(outcome{latency: 10 * time.Millisecond, failure: "500"})
	got := l.Snapshot()
	assert.InDelta(t, 0.01, got.P95, 0.0003, "only what came since the last one")
	assert.EqualValues(t, 101, got.Sent)
	assert.EqualValues(t, 1, got.Errors)
	assert.EqualValues(t, 1, got.Dropped)
}

func TestQuantiles(t *testing.T) {
	var h histogram
	assert.Equal(t, Latency{}, h.describe())
	for i := 1; i <= 1000; i++ {
		h.observe(float64(i) / 1000)
	}
	d := h.describe()
	assert.InEpsilon(t, 0.5, d.P50, 0.025)
	assert.InEpsilon(t, 0.95, d.P95, 0.025)
	assert.InEpsilon(t, 0.99, d.P99, 0.025)
	assert.InDelta(t, 1, d.Max, 0)
	assert.InDelta(t, 0.5005, d.Mean, 1e-9)

	h = histogram{}
	h.observe(0)
	h.observe(1e9)
	assert.InDelta(t, 1e9, h.describe().Max, 0)
}

func TestSummaryText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Summary{
		Seconds: 10, Sent: 100, OK: 97, Errors: map[string]int64{"503": 1, "500": 2}, Inputs: 300, Vectors: 290,
		PromptTokens: 4000, Dropped: 5, Latency: Latency{P50: 0.01, P95: 0.02, P99: 0.03, Max: 0.04},
	}.Write(&b))
	assert.Equal(t, `sent     100 requests with 300 texts in 10.0 s (10.0 requests/s)
ok       97 requests, 290 vectors, 4000 tokens
errors   3  500: 2  503: 1
dropped  5
latency  p50 10.0 ms  p95 20.0 ms  p99 30.0 ms  max 40.0 ms
`, b.String())
}

func TestParseTaskTypes(t *testing.T) {
	got, err := ParseTaskTypes("query=0.4, document=2,general")
	require.NoError(t, err)
	assert.Equal(t, []TaskShare{{"query", 0.4}, {"document", 2}, {"general", 1}}, got)
	for _, s := range []string{"", "=1", "query=", "query=x", "query=0", "query=-1", "query=NaN", "query=Inf", "a,,b"} {
		_, err := ParseTaskTypes(s)
		assert.Error(t, err, "%q", s)
	}
}

func TestValidate(t *testing.T) {
	err := Config{Target: "localhost:8080", Duration: -1, Count: -1}.Validate()
	for _, key := range []string{
		"target", "rate", "arrivals", "duration", "count", "concurrency", "timeout", "task-types", "task-field", "encoding",
		"max-batch", "max-tokens",
	} {
		assert.ErrorContains(t, err, key+": ")
	}
	assert.NoError(t, DefaultConfig().Validate())
}

func TestAgainstTheDemoServer(t *testing.T) {
	s, err := server.New(server.DefaultConfig())
	require.NoError(t, err)
	require.NoError(t, s.Faults().Parse("errors=1,503,7"))
	web := httptest.NewServer(s.Handler())
	defer web.Close()
	config := DefaultConfig()
	config.Target, config.Count, config.Rate, config.MaxTokens = web.URL, 60, 500, 100
	l, err := New(config, nil)
	require.NoError(t, err)
	summary := l.Run(t.Context())
	assert.EqualValues(t, 60, summary.Sent)
	assert.EqualValues(t, 53, summary.OK)
	assert.Equal(t, map[string]int64{"503": 7}, summary.Errors)
	assert.Positive(t, summary.PromptTokens)
}
