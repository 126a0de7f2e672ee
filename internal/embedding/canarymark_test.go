package embedding

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestIsCanary(t *testing.T) {
	for agent, want := range map[string]bool{
		"otelcol-embedding-canary":       true,
		"otelcol-embedding-canary/1.2.3": true,
		"otelcol-embedding-canary-x":     false,
		"otelcol-embedding":              false,
		"":                               false,
	} {
		assert.Equal(t, want, IsCanary(agent), agent)
	}
}

// TestCanaryByItsUserAgent: events of others, as of an ingest or an instrumented proxy, carry no mark but the user agent.
func TestCanaryByItsUserAgent(t *testing.T) {
	lr := plog.NewLogRecord()
	(&Event{UserAgent: CanaryAgent + "/1.2.3"}).WriteLogRecord(lr, observed)
	_, marked := lr.Attributes().Get(attrCanaryCall)
	require.False(t, marked)
	var ev Event
	require.True(t, ev.ReadLogRecord(lr))
	require.True(t, ev.Canary)
}
