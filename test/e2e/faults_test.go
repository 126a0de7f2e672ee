//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// signals are the queries that faults must show in; each is 0, or under its limit, without a fault.
var signals = map[string]string{
	"errors":     `sum(embedding_request_errors_total)`,
	"non_finite": `sum(embedding_vectors_invalid_total{reason="non_finite"})`,
	"zero":       `sum(embedding_vectors_invalid_total{reason="zero"})`,
	"dimension":  `sum(embedding_vectors_invalid_total{reason="dimension"})`,
	"norm":       `sum(embedding_vectors_invalid_total{reason="norm"})`,
	"duplicate":  `sum(embedding_vectors_invalid_total{reason="duplicate"})`,
	"truncated":  `sum(embedding_request_anomalies_total{anomaly="truncated"})`,
}

// maxNormalShift is above every mean-shift z that healthy traffic of the test makes, and far below that of another
// model, which is in the hundreds.
const maxNormalShift = 30.0

// TestEveryFaultShows learns from healthy traffic, sees no signal there, and then switches on one fault of the demo
// server after the other. Each must show in its own signal and leave the others as they were.
func TestEveryFaultShows(t *testing.T) {
	s := startStack(t, nil)
	prometheus := startPrometheus(t, s.metrics)
	send := func(series string, n int) {
		t.Helper()
		var group errgroup.Group
		group.SetLimit(4)
		for _, text := range texts(series, n) {
			group.Go(func() error {
				if status := s.embed(map[string]any{"input": []string{text}, "encoding_format": "base64"}); status >= 600 {
					return fmt.Errorf("status %d", status)
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
	}

	send("healthy", 400) // more than the reference is learned from
	prometheus.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == 400 }, "every call counted")
	send("healthy again", 200)
	prometheus.eventually(`sum(embedding_requests_total)`, func(v float64) bool { return v == 600 }, "every call counted")
	prometheus.eventually(`count(embedding_mean_shift_z)`, func(v float64) bool { return v == 1 }, "the reference is learned")
	for name, query := range signals {
		assert.Zero(t, prometheus.value(query), "%s without a fault", name)
	}
	assert.Less(t, prometheus.value(`histogram_quantile(0.99, sum by (le) (embedding_request_duration_seconds_bucket))`), 1.0)
	// z allows for the number of vectors in a window, which is small where a window ends in the middle of a burst.
	normalShift := prometheus.value(`max(max_over_time(embedding_mean_shift_z[1h]))`)
	assert.Less(t, normalShift, maxNormalShift, "no drift without a fault")

	for _, fault := range []struct {
		name     string
		settings map[string]any
		signal   string
	}{
		{"errors", map[string]any{"count": 7, "value": http.StatusServiceUnavailable}, "errors"},
		{"nan", map[string]any{"count": 7}, "non_finite"},
		{"zero", map[string]any{"count": 7}, "zero"},
		{"dimension", map[string]any{"count": 7, "value": 2048}, "dimension"},
		{"unnormalised", map[string]any{"count": 7, "value": 3}, "norm"},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := snapshot(prometheus)
			s.fault(fault.name, fault.settings)
			send(fault.name, 20)
			s.heal()
			prometheus.eventually(signals[fault.signal], func(v float64) bool { return v-before[fault.signal] == 7 }, "7 more")
			after := snapshot(prometheus)
			for name := range signals {
				if name != fault.signal {
					assert.Equal(t, before[name], after[name], "%s must not move with fault %s", name, fault.name)
				}
			}
		})
	}

	t.Run("constant vector", func(t *testing.T) {
		before := snapshot(prometheus)
		s.fault("constant", map[string]any{"share": 1})
		send("constant", 40)
		s.heal()
		// The first vector of a window is no duplicate yet, so a few of the 40 pass.
		prometheus.eventually(signals["duplicate"], func(v float64) bool { return v-before["duplicate"] >= 20 }, "20 more")
	})
	t.Run("truncation", func(t *testing.T) {
		before := snapshot(prometheus)
		s.fault("truncation", map[string]any{"share": 1, "value": 64})
		head := strings.Repeat("the same long beginning of a document ", 40)
		batch := make([]string, 8)
		for i := range batch {
			batch[i] = fmt.Sprintf("%s and ending %d", head, i)
		}
		require.Equal(t, 200, s.embed(map[string]any{"input": batch}))
		s.heal()
		prometheus.eventually(signals["duplicate"], func(v float64) bool { return v-before["duplicate"] == 7 }, "7 of 8 duplicates")
		prometheus.eventually(signals["truncated"], func(v float64) bool { return v-before["truncated"] == 1 }, "fewer tokens than words")
	})
	t.Run("latency", func(t *testing.T) {
		slow := `sum(embedding_request_duration_seconds_count) - sum(embedding_request_duration_seconds_bucket{le="1.0"} or embedding_request_duration_seconds_bucket{le="1"})`
		before := prometheus.value(slow)
		s.fault("latency", map[string]any{"count": 7, "value": 1.2})
		send("latency", 20)
		s.heal()
		prometheus.eventually(slow, func(v float64) bool { return v-before == 7 }, "7 calls above 1 s")
	})
	t.Run("model swap", func(t *testing.T) {
		s.fault("model_swap", map[string]any{"share": 1})
		send("swapped", 400)
		prometheus.eventually(`max(max_over_time(embedding_mean_shift_z[1h]))`,
			func(v float64) bool { return v > 5*maxNormalShift }, "the mean has moved")
		s.heal()
	})
}

func snapshot(p *prometheusServer) map[string]float64 {
	values := make(map[string]float64, len(signals))
	for name, query := range signals {
		values[name] = p.value(query)
	}
	return values
}
