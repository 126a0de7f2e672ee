package embeddingqualityprocessor

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/drift"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// probe passes the result of a canary's round at a port of the replicas' host on to the processor. The round ended just now.
func (h *harness) probe(port int, verdict embedding.CanaryVerdict) {
	result := embedding.CanaryResult{
		Target: "a", Model: testModel, ServerAddress: "10.0.0.1", ServerPort: port,
		Round: 1, End: h.clock.clock().now(), Duration: time.Second, Outcome: embedding.CanaryComplete, Verdict: verdict,
	}
	logs := plog.NewLogs()
	result.WriteLogRecord(logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty(), result.End)
	h.sink.Reset()
	require.NoError(h.t, h.processor.ConsumeLogs(h.t.Context(), logs))
	require.Equal(h.t, 1, h.sink.LogRecordCount(), "results pass")
}

// newModelSource returns a source of vectors that vary in few directions, as those of models do.
func newModelSource() *source {
	s := newSource(512, 3)
	s.spread = make([]float64, len(s.mean))
	for i := range s.spread {
		s.spread[i] = 8 / float64(1+i)
		s.mean[i] *= s.spread[i]
	}
	return s
}

// otherModel turns s to other directions.
func otherModel(s *source) {
	slices.Reverse(s.mean)
	slices.Reverse(s.spread)
}

// TestCanarySettles: whether it is the traffic or the model is for the canary to say.
func TestCanarySettles(t *testing.T) {
	const other = 9999 // the port of a replica that has no traffic, as of an address that stands for many
	healthy, shift, changed := embedding.VerdictHealthy, embedding.VerdictTrafficShift, embedding.VerdictModelChanged
	shiftMean := func(s *source) {
		for i := range s.mean {
			s.mean[i] += 0.4 * s.spread[i] * s.random.NormFloat64()
		}
	}
	for name, tt := range map[string]struct {
		fault   func(*source)
		traffic embedding.Verdict // without canary
		want    map[embedding.CanaryVerdict]embedding.Verdict
	}{
		"as ever": {func(*source) {}, healthy, map[embedding.CanaryVerdict]embedding.Verdict{
			embedding.CanaryLearning: healthy, embedding.CanarySame: healthy, embedding.CanaryNumericChange: healthy,
			embedding.CanaryQuantisation: changed, embedding.CanaryOtherModel: changed,
			embedding.CanaryUnstable: embedding.VerdictUnstableOutput, embedding.CanaryBroken: embedding.VerdictInvalidOutput,
		}},
		"mean moved": {shiftMean, shift, map[embedding.CanaryVerdict]embedding.Verdict{
			embedding.CanaryLearning: shift, embedding.CanarySame: shift, embedding.CanaryNumericChange: changed,
			embedding.CanaryQuantisation: changed, embedding.CanaryOtherModel: changed,
			embedding.CanaryUnstable: embedding.VerdictUnstableOutput, embedding.CanaryBroken: embedding.VerdictInvalidOutput,
		}},
		"as of another model": {otherModel, changed, map[embedding.CanaryVerdict]embedding.Verdict{
			embedding.CanaryLearning: changed, embedding.CanarySame: shift, embedding.CanaryNumericChange: changed,
			embedding.CanaryQuantisation: changed, embedding.CanaryOtherModel: changed,
			embedding.CanaryUnstable: embedding.VerdictUnstableOutput, embedding.CanaryBroken: embedding.VerdictInvalidOutput,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newModelSource()
			h := armed(t, s, 100, func(c *Config) { c.CanaryMaxAge = time.Minute })
			tt.fault(s)
			window := func() embedding.WindowReport {
				h.judge(s.event(100))
				return h.reports()[0]
			}
			require.Equal(t, tt.traffic, window().Verdict)
			for _, port := range []int{8000, other} {
				for canary, want := range tt.want {
					h.clock.advance(2 * time.Second) // the round began after the window with the alarm
					h.probe(port, canary)
					report := window()
					assert.Equal(t, want, report.Verdict, "%s at port %d", canary, port)
					if canary != embedding.CanaryLearning {
						assert.Equal(t, canary, report.Canary)
					}
					for range 7 {
						report = window()
					}
					assert.Equal(t, tt.traffic, report.Verdict, "%s was a minute ago", canary)
					assert.Empty(t, report.Canary)
				}
			}
		})
	}
}

// TestCanaryBeforeDrift: what a canary found before there was drift says nothing against a change since.
func TestCanaryBeforeDrift(t *testing.T) {
	s := newModelSource()
	h := armed(t, s, 100)
	h.probe(8000, embedding.CanarySame)
	otherModel(s)
	for range 3 {
		h.judge(s.event(100))
		assert.Equal(t, embedding.VerdictModelChanged, h.reports()[0].Verdict)
	}
	h.clock.advance(2 * time.Second)
	h.probe(8000, embedding.CanarySame)
	h.judge(s.event(100))
	assert.Equal(t, embedding.VerdictTrafficShift, h.reports()[0].Verdict)
}

// TestCanaryOfReplicas: each replica has its own, and one whose vectors alone are not as ever is at fault.
func TestCanaryOfReplicas(t *testing.T) {
	s := newSource(testDimension, 6)
	h := newHarness(t, func(c *Config) { c.Reference.Vectors = 1000 })
	window := func() map[string]embedding.Verdict {
		for replica := range 3 {
			ev := s.event(50)
			ev.ServerPort = 8000 + replica
			h.judge(ev)
		}
		verdicts := make(map[string]embedding.Verdict)
		for _, report := range h.reports() {
			verdicts[report.Key.Replica] = report.Verdict
		}
		return verdicts
	}
	for range 10 + drift.MinNull {
		window()
	}
	healthy, a, b, c := embedding.VerdictHealthy, "10.0.0.1:8000", "10.0.0.1:8001", "10.0.0.1:8002"
	h.probe(8000, embedding.CanarySame)
	h.probe(8001, embedding.CanaryQuantisation)
	assert.Equal(t, map[string]embedding.Verdict{a: healthy, b: embedding.VerdictReplicaFault, c: healthy}, window())
	h.probe(8000, embedding.CanaryQuantisation)
	changed := embedding.VerdictModelChanged
	assert.Equal(t, map[string]embedding.Verdict{a: changed, b: changed, c: changed}, window())
	h.probe(8002, embedding.CanaryUnstable)
	assert.Equal(t, map[string]embedding.Verdict{a: changed, b: changed, c: embedding.VerdictUnstableOutput}, window())
}

// TestNoRenewalUnderDoubt: while a canary finds vectors to be other than ever, they do not become the reference.
func TestNoRenewalUnderDoubt(t *testing.T) {
	for verdict, renewed := range map[embedding.CanaryVerdict]bool{embedding.CanarySame: true, embedding.CanaryNumericChange: false} {
		h := newHarness(t, func(cfg *Config) {
			cfg.MinVectors = 16
			cfg.Reference.RenewInterval = 210 * cfg.Window
		})
		s := newSource(testDimension, 3)
		h.consume(s.event(64))
		for range 205 + 500 {
			h.probe(8000, verdict)
			h.window(s, 20)
		}
		assert.Equal(t, renewed, h.logs.FilterMessage("Renewed the reference").Len() > 0, verdict)
	}
}

// TestCanariesAreBounded: a stream of names takes no more memory.
func TestCanariesAreBounded(t *testing.T) {
	c := newCanaries(2, time.Hour)
	for _, model := range []string{"a", "b", "c"} {
		for port := range 10 * maxCanaries {
			c.add(&embedding.CanaryResult{
				Model: model, ServerAddress: "a", ServerPort: port, End: time.Unix(1, 0), Verdict: embedding.CanarySame,
			})
		}
	}
	assert.Equal(t, 2, c.models.len())
	for rounds := range values(c.models) {
		assert.Len(t, rounds, maxCanaries)
	}
	c.add(&embedding.CanaryResult{Model: "c", ServerAddress: "b", End: time.Unix(1, 0).Add(2 * time.Hour), Verdict: embedding.CanarySame})
	rounds, _ := c.models.peek("c")
	assert.Len(t, rounds, 1, "the old ones are gone")
}
