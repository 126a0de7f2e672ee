package canary

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingreceiver"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// TestThroughTheTap: a canary may be pointed at the tap, which knows each of its calls.
func TestThroughTheTap(t *testing.T) {
	d := startDemo(t, 1)
	factory, sink := embeddingreceiver.NewFactory(), &consumertest.LogsSink{}
	cfg, address := factory.CreateDefaultConfig(), collector.Address(t)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"tap": map[string]any{"endpoint": address, "shed_load": false, "upstream": map[string]any{"endpoint": d.url}},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	tap, err := factory.CreateLogs(t.Context(), receivertest.NewNopSettings(factory.Type()), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, tap.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, tap.Shutdown(context.Background())) })

	c := startCanary(t, "http://"+address)
	c.waitFor(t, embedding.CanarySame)
	require.Positive(t, sink.LogRecordCount())
	for _, ld := range sink.AllLogs() {
		var ev embedding.Event
		require.True(t, ev.ReadLogRecord(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)))
		assert.True(t, ev.Canary)
		marked, ok := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("embedding.canary")
		assert.True(t, ok && marked.Bool())
	}
}
