package embeddingcanaryreceiver

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// TestReadme: it names every check, verdict and outcome.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	require.NoError(t, err)
	page := string(data)
	for _, d := range canary.Descriptions() {
		assert.Contains(t, page, "`"+d.Name, d.Text)
	}
	assert.Contains(t, page, "`"+checkReplica+"`")
	for _, v := range embedding.CanaryVerdicts() {
		assert.Contains(t, page, "| `"+string(v)+"` |")
	}
	for _, o := range embedding.CanaryOutcomes() {
		assert.Contains(t, page, "| `"+string(o)+"` |")
	}
}
