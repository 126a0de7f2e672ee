//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// testVectorAlerts has two replicas of one model, each behind a tap of its own, and one after the other all faults of vectors.
func testVectorAlerts(t *testing.T, arrived *arrivals) {
	secondTap, secondServer := collector.Address(t), collector.Address(t)
	s := startSite(t, "127.0.0.1", nil, fmt.Sprintf(`
receivers:
  embedding/second:
    tap:
      endpoint: %s
      shed_load: false
      upstream: {endpoint: "http://%s"}
service: {pipelines: {logs: {receivers: [embedding, embedding/second]}}}
`, secondTap, secondServer))
	second := &stack{t: t, server: "http://" + secondServer}
	startDemo(t, second.server)
	// Wrong vectors are other vectors as well: the verdicts that follow from them are waited for in turn, below.
	w := startWatch(t, arrived, s.targets)
	first := strings.TrimPrefix(s.server, "http://")

	var topic atomic.Value
	topic.Store("the weather in the city today")
	taps := []string{s.tap, "http://" + secondTap}
	startTraffic(t, s.tap, 2, 60*time.Millisecond, func(n int) map[string]any {
		batch := make([]string, 16)
		for i := range batch {
			batch[i] = fmt.Sprintf("%s %d %d", topic.Load(), n*n, i*n)
		}
		copy(batch, []string{"who are we", "where do we come from"})
		return map[string]any{"tap": taps[n%len(taps)], "input": batch, "dimensions": 256}
	})
	healthy := func() {
		t.Helper()
		w.prometheus.within(alertTimeout, `sum(embedding_quality_state{verdict="healthy"})`, func(v float64) bool { return v == 2 }, "both replicas are healthy")
	}
	both := func(fault string, settings map[string]any) {
		s.fault(fault, settings)
		second.fault(fault, settings)
	}
	heal := func() {
		s.heal()
		second.heal()
	}

	w.fires("EmbeddingStillLearning")
	healthy()
	w.resolves("EmbeddingStillLearning")

	for _, c := range []struct {
		fault    string
		settings map[string]any
		alert    string
	}{
		{"dimension", map[string]any{"value": 2048}, "EmbeddingDimensionMismatch"},
		{"nan", nil, "EmbeddingVectorsNonFinite"},
		{"zero", nil, "EmbeddingVectorsZero"},
		{"unnormalised", map[string]any{"value": 3}, "EmbeddingVectorsNorm"},
		{"constant", nil, "EmbeddingVectorsDuplicate"},
		{"missing", nil, "EmbeddingAnswerMismatch"},
		{"truncation", map[string]any{"value": 3}, "EmbeddingInputsTruncated"},
	} {
		both(c.fault, c.settings)
		w.fires(c.alert, "model="+model)
		heal()
		w.resolves(c.alert, "model="+model)
	}

	healthy()
	topic.Store("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich")
	w.fires("EmbeddingTrafficShift", "model="+model)
	topic.Store("the weather in the city today")
	healthy()

	both("model_swap", nil)
	w.fires("EmbeddingModelChanged", "model="+model)
	heal()
	healthy()

	both("alternating", nil)
	w.fires("EmbeddingOutputUnstable", "model="+model)
	heal()
	healthy()

	s.fault("model_swap", map[string]any{"share": 0.5})
	w.fires("EmbeddingReplicaFault", "model="+model, "replica="+first)
	heal()
	healthy()
	w.resolves("EmbeddingReplicaFault")
}
