package embeddingcanaryreceiver

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/internal/probe"
)

func TestLearnsThenCompares(t *testing.T) {
	s := newServer(t)
	r := start(t, s.endpoint())
	same := r.learned()
	all := r.results()
	assert.Equal(t, embedding.CanaryLearning, all[0].Verdict)
	assert.Equal(t, embedding.CanaryLearning, all[1].Verdict)
	assert.Equal(t, embedding.CanaryComplete, same.Outcome)
	assert.NotEmpty(t, same.Pins)
	assert.Equal(t, dimension, same.Dimension)
	assert.True(t, same.HasCosine)
	assert.InDelta(t, 1, same.CosineMin, 1e-5)
	assert.Positive(t, same.Tokens)
	assert.Equal(t, "target", same.Target)
	assert.Equal(t, testModel, same.Model)
	assert.NotEmpty(t, same.Checks)
	require.Len(t, r.said.FilterMessage("Pins are learned; from now on vectors are compared with them").All(), 1)
	require.Len(t, r.said.FilterMessageSnippet("Without storage").All(), 1)

	s.set(func(s *server) { s.seed = 1 })
	other := r.waitVerdict(embedding.CanaryOtherModel)
	assert.NotEmpty(t, other.Reasons)
	assert.Equal(t, same.Pins, other.Pins, "a changed model changes no pins")
	assert.NotEmpty(t, r.said.FilterMessage("The vectors are not what they were").All())

	s.set(func(s *server) { s.seed = 0 })
	r.waitVerdict(embedding.CanarySame)
}

// TestCallsAreMarked: by the user agent, whatever headers the user has configured.
func TestCallsAreMarked(t *testing.T) {
	s := newServer(t)
	r := start(t, s.endpoint(), func(cfg *Config) {
		cfg.Targets[0].ClientConfig.Headers.Set("user-agent", "search/1")
		cfg.Targets[0].ClientConfig.Headers.Set("Api-Key", "secret")
	})
	r.learned()
	s.set(func(s *server) {
		for _, request := range s.requests {
			assert.Equal(t, "otelcol-embedding-canary/1.2.3 search/1", request.UserAgent())
			assert.True(t, embedding.IsCanary(request.UserAgent()))
			assert.Equal(t, "secret", request.Header.Get("Api-Key"))
			assert.NotEmpty(t, request.Header.Get("Traceparent"))
		}
	})
	configured, _ := r.cfg.Targets[0].ClientConfig.Headers.Get("user-agent")
	assert.Equal(t, "search/1", string(configured), "the configuration stays what it is")
}

func TestSpans(t *testing.T) {
	s := newServer(t)
	r := start(t, s.endpoint())
	r.learned()
	r.stop()
	spans := 0
	for _, td := range r.traces.AllTraces() {
		rs := td.ResourceSpans().At(0)
		service, _ := rs.Resource().Attributes().Get("service.name")
		assert.Equal(t, "embedding-canary", service.AsString())
		ss := rs.ScopeSpans().At(0)
		assert.Equal(t, embedding.CanaryScope, ss.Scope().Name())
		for _, span := range ss.Spans().All() {
			spans++
			var ev embedding.Event
			require.True(t, ev.ReadSpan(span, nil))
			assert.True(t, ev.Canary)
			assert.Equal(t, testModel, ev.RequestModel)
			assert.Equal(t, ptrace.SpanKindClient, span.Kind())
			assert.Equal(t, ss.Spans().At(0).TraceID(), span.TraceID())
			assert.Positive(t, ev.OutputCount)
		}
	}
	assert.NotZero(t, spans)
	assert.LessOrEqual(t, spans, s.calls())
}

// TestOutcomes: each way in which a server gives no vectors has its name, no verdict, and an end.
func TestOutcomes(t *testing.T) {
	for name, tt := range map[string]struct {
		fail      func(s *server)
		outcome   embedding.CanaryOutcome
		errorType string
	}{
		"down": {func(s *server) {
			s.set(func(s *server) {
				s.before = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
			})
		}, embedding.CanaryUnreachable, "connection_broken"},
		"hang": {func(s *server) {
			s.set(func(s *server) {
				s.before = func(_ http.ResponseWriter, r *http.Request) bool {
					select {
					case <-r.Context().Done():
					case <-s.release:
					}
					return true
				}
			})
		}, embedding.CanaryUnreachable, "timeout"},
		"unauthorized": {func(s *server) { s.answer(401) }, embedding.CanaryRefused, "401"},
		"not found":    {func(s *server) { s.answer(404) }, embedding.CanaryRefused, "404"},
		"too many":     {func(s *server) { s.answer(429) }, embedding.CanaryOverloaded, "429"},
		"unavailable":  {func(s *server) { s.answer(503) }, embedding.CanaryOverloaded, "503"},
		"failed":       {func(s *server) { s.answer(500) }, embedding.CanaryFailed, "500"},
		"no JSON":      {func(s *server) { s.answer(200) }, embedding.CanaryFailed, "malformed_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r := start(t, s.endpoint(), func(cfg *Config) { cfg.Targets[0].ClientConfig.Timeout = time.Second })
			r.learned()
			tt.fail(s)
			r.waitOutcome(tt.outcome)
			got := r.waitOutcome(tt.outcome) // not the round in which it began
			assert.Equal(t, tt.errorType, got.ErrorType)
			assert.Empty(t, got.Verdict)
			assert.Empty(t, got.Reasons)
			assert.EqualValues(t, 1, got.Calls, "the first failure ends the round")
			said := r.said.FilterMessage(explain(tt.outcome)).All()
			require.NotEmpty(t, said)
			assert.Equal(t, tt.errorType, said[0].ContextMap()["error_type"])
			s.set(func(s *server) { s.before = nil })
			r.waitVerdict(embedding.CanarySame)
			require.NotEmpty(t, r.said.FilterMessage("The server answers again").All())
			assert.Empty(t, r.said.FilterMessage("The vectors are not what they were").All())
		})
	}
}

// TestRetryAfter: a server that says when to come again is left alone until then.
func TestRetryAfter(t *testing.T) {
	s := newServer(t)
	s.answer(429, "Retry-After", "2")
	r := start(t, s.endpoint())
	r.waitFrom(0, "overloaded", func(c *embedding.CanaryResult) bool { return c.Outcome == embedding.CanaryOverloaded })
	s.set(func(s *server) { s.before = nil })
	r.waitFrom(1, "complete", func(c *embedding.CanaryResult) bool { return c.Outcome == embedding.CanaryComplete })
	s.set(func(s *server) { assert.GreaterOrEqual(t, s.times[1].Sub(s.times[0]), 2*time.Second) })
}

// TestShutdownDuringACall: calls in flight are cancelled, and nothing is emitted of them.
func TestShutdownDuringACall(t *testing.T) {
	s := newServer(t)
	arrived := make(chan struct{}, 100)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		arrived <- struct{}{}
		<-r.Context().Done()
		return true
	}
	r := start(t, s.endpoint())
	<-arrived
	r.stop()
	assert.Empty(t, r.results())
}

// TestPlanIsSaidAtStart: how much a round costs is known before the first is sent.
func TestPlanIsSaidAtStart(t *testing.T) {
	s := newServer(t)
	r := start(t, s.endpoint())
	said := r.said.FilterMessage("Watching an embedding server").All()
	require.Len(t, said, 1)
	fields := said[0].ContextMap()
	assert.EqualValues(t, 16, fields["texts"])
	assert.Positive(t, fields["calls_per_round"])
	assert.Positive(t, fields["estimated_tokens_per_round"])
	first := r.learned()
	assert.LessOrEqual(t, first.Tokens, fields["estimated_tokens_per_round"].(int64), "the estimate is on the high side")
}

// TestOverloadedServerIsSpared: each overloaded answer doubles the pause, up to the longest.
func TestOverloadedServerIsSpared(t *testing.T) {
	s := newServer(t)
	s.answer(503)
	r := start(t, s.endpoint(), func(cfg *Config) {
		cfg.Backoff = BackoffConfig{Initial: 200 * time.Millisecond, Max: 800 * time.Millisecond}
	})
	require.Eventually(t, func() bool { return s.calls() >= 5 }, patience, 5*time.Millisecond)
	r.stop()
	for i, pause := range []time.Duration{200, 400, 800, 800} {
		assert.GreaterOrEqual(t, s.times[i+1].Sub(s.times[i]), pause*time.Millisecond, "pause %d", i)
	}
}

// TestHangingServerIsSpared: it may be busy with what it was asked before.
func TestHangingServerIsSpared(t *testing.T) {
	hang := &round{failure: &probe.Failure{Outcome: embedding.CanaryUnreachable, ErrorType: probe.ErrorTimeout}}
	assert.True(t, hang.ended().spare)
	down := &round{failure: &probe.Failure{Outcome: embedding.CanaryUnreachable, ErrorType: probe.ErrorConnectionRefused}}
	assert.False(t, down.ended().spare)
}

// TestServerTimeIsKept: once the server is known to be slow, the share of time in which calls run is no more than was allowed.
func TestServerTimeIsKept(t *testing.T) {
	const delay, share = 10 * time.Millisecond, 0.2
	s := newServer(t)
	s.before = func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(delay)
		return false
	}
	r := start(t, s.endpoint(), func(cfg *Config) {
		cfg.Budget.ServerTime = share
		cfg.Learning.Rounds = steadyRounds + 2
	})
	r.learned()
	all := r.results()
	begin := func(c embedding.CanaryResult) time.Time { return c.End.Add(-c.Duration) }
	require.Greater(t, len(all), steadyRounds)
	for i := steadyRounds - 1; i < len(all)-1; i++ {
		busy := time.Duration(all[i].Calls) * delay
		assert.GreaterOrEqual(t, begin(all[i+1]).Sub(begin(all[i])), scaled(busy, 1/share))
	}
}

// TestTokensAreKept: a round takes no more tokens than was allowed.
func TestTokensAreKept(t *testing.T) {
	s := newServer(t)
	r := start(t, s.endpoint(), func(cfg *Config) { cfg.Budget.Tokens = 1200 })
	r.learned()
	for _, c := range r.results() {
		assert.LessOrEqual(t, c.Tokens, int64(1200))
	}
}

// TestPanicIsContained: a fault of the canary's own is a failed round.
func TestPanicIsContained(t *testing.T) {
	r := &replica{logger: zap.NewNop(), target: &target{}}
	now, err := r.attempt(t.Context())
	require.ErrorContains(t, err, "panic")
	assert.Nil(t, now)
	assert.Equal(t, embedding.CanaryFailed, r.fault(err).Outcome)
}
