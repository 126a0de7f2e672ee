//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestQuietHour sends the demo's load, in which texts, languages, lengths and tasks vary as those of many clients do, for as long as
// EMBEDDING_QUIET says, e.g. 1h. No verdict may be anything but learning and healthy.
func TestQuietHour(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("EMBEDDING_QUIET"))
	if err != nil {
		t.Skip("EMBEDDING_QUIET is not a duration, e.g. 1h")
	}
	s := startStack(t, nil, "processors: {embedding_quality: {window: 2s, reference: {vectors: 1000}}}")
	prometheus := startPrometheus(t, s.metrics)
	load := collector.Start(t, collector.Demo(t), nil, "load", "--target", s.tap, "--duration", duration.String())
	end := time.Now().Add(duration)
	learned := `count(max_over_time(embedding_quality_state{verdict="healthy"}[2h]) == 1)`
	for time.Now().Before(end) {
		time.Sleep(10 * time.Second)
		for _, verdict := range embedding.Verdicts() {
			if verdict.Alarming() {
				query := fmt.Sprintf(`max(max_over_time(embedding_quality_state{verdict=%q}[1m]))`, verdict)
				require.Zero(t, prometheus.value(query), "%s, %v before the end", verdict, time.Until(end))
			}
		}
	}
	require.NoError(t, load.Wait(), load.Output())
	t.Logf("%v vectors; %v keys became healthy\n%s", prometheus.value(`sum(embedding_vectors_total)`), prometheus.value(learned), load.Output())
	assert.Positive(t, prometheus.value(learned))
}
