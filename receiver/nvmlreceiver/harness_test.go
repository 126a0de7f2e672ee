package nvmlreceiver

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

// harness runs a receiver in a metrics and a logs pipeline and keeps all that can be seen of it.
type harness struct {
	receiver  receiver.Metrics
	sink      *consumertest.MetricsSink
	records   *consumertest.LogsSink
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	statuses  *statusHost
}

// statusHost remembers the component status events.
type statusHost struct {
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (*statusHost) GetExtensions() map[component.ID]component.Component { return nil }

func (h *statusHost) Report(event *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

// all returns the statuses in the order of their reports.
func (h *statusHost) all() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	statuses := make([]componentstatus.Status, len(h.events))
	for i, event := range h.events {
		statuses[i] = event.Status()
	}
	return statuses
}

func testConfig() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.CollectionInterval = 5 * time.Millisecond
	cfg.InitialDelay = 0
	return cfg
}

// run starts a receiver with the library of the configuration.
func run(t *testing.T, cfg *Config) *harness {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	h := &harness{
		sink:      &consumertest.MetricsSink{},
		records:   &consumertest.LogsSink{},
		telemetry: componenttest.NewTelemetry(),
		logs:      logs,
		statuses:  &statusHost{},
	}
	t.Cleanup(func() { require.NoError(t, h.telemetry.Shutdown(context.Background())) })
	set := receivertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = h.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)

	factory := NewFactory()
	var err error
	h.receiver, err = factory.CreateMetrics(t.Context(), set, cfg, h.sink)
	require.NoError(t, err)
	logsReceiver, err := factory.CreateLogs(t.Context(), set, cfg, h.records)
	require.NoError(t, err)
	require.Same(t, h.receiver, logsReceiver, "one receiver must serve both pipelines")
	require.NoError(t, h.receiver.Start(t.Context(), h.statuses))
	require.NoError(t, logsReceiver.Start(t.Context(), h.statuses))
	t.Cleanup(func() { require.NoError(t, h.receiver.Shutdown(context.Background())) })
	return h
}

// event returns the body and the attributes of the first log record of a name for which wanted is true, as soon as
// there is one.
func (h *harness) event(t *testing.T, name string, wanted func(plog.LogRecord) bool) plog.LogRecord {
	t.Helper()
	var found plog.LogRecord
	require.Eventually(t, func() bool {
		for _, record := range h.events(name) {
			if wanted(record) {
				found = record
				return true
			}
		}
		return false
	}, 20*time.Second, time.Millisecond)
	return found
}

// events returns the log records of a name so far.
func (h *harness) events(name string) []plog.LogRecord {
	var found []plog.LogRecord
	for _, logs := range h.records.AllLogs() {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if record.EventName() == name {
						found = append(found, record)
					}
				}
			}
		}
	}
	return found
}

// calls returns how often an NVML function was called, as the receiver's own telemetry says.
func (h *harness) calls(t *testing.T, function string) (calls int64) {
	t.Helper()
	m, err := h.telemetry.GetMetric("otelcol_nvml_calls")
	require.NoError(t, err)
	for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
		if name, _ := point.Attributes.Value("call"); name.AsString() == function {
			calls += point.Value
		}
	}
	return calls
}

// scrape returns a scrape that began after the call.
func (h *harness) scrape(t *testing.T) pmetric.Metrics {
	t.Helper()
	h.sink.Reset()
	// The first one may have begun before.
	require.Eventually(t, func() bool { return len(h.sink.AllMetrics()) >= 2 }, 20*time.Second, time.Millisecond)
	all := h.sink.AllMetrics()
	return all[len(all)-1]
}

// scrapeUntil returns the first scrape that has what is wanted, of those that came since the last call.
func (h *harness) scrapeUntil(t *testing.T, wanted func(pmetric.Metrics) bool) pmetric.Metrics {
	t.Helper()
	var found pmetric.Metrics
	require.Eventually(t, func() bool {
		all := h.sink.AllMetrics()
		h.sink.Reset()
		i := slices.IndexFunc(all, wanted)
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	}, 20*time.Second, time.Millisecond)
	return found
}

// value returns the value of the data point of a metric that has the attributes.
func value(t *testing.T, metrics pmetric.Metrics, name string, attributes map[string]string) float64 {
	t.Helper()
	var found []float64
	for _, point := range allPoints(metrics, name) {
		if hasAll(point.Attributes(), attributes) {
			if point.ValueType() == pmetric.NumberDataPointValueTypeInt {
				found = append(found, float64(point.IntValue()))
			} else {
				found = append(found, point.DoubleValue())
			}
		}
	}
	require.Len(t, found, 1, "%s%v", name, attributes)
	return found[0]
}

func hasAll(have pcommon.Map, want map[string]string) bool {
	for key, value := range want {
		got, ok := have.Get(key)
		if !ok || got.AsString() != value {
			return false
		}
	}
	return true
}

// erroredPoints is what the scraper controller counted.
func (h *harness) erroredPoints(t *testing.T) int64 {
	t.Helper()
	m, err := h.telemetry.GetMetric("otelcol_scraper_errored_metric_points")
	require.NoError(t, err)
	var sum int64
	for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
		receiverID, _ := point.Attributes.Value(attribute.Key("receiver"))
		require.Contains(t, receiverID.AsString(), metadata.Type.String())
		sum += point.Value
	}
	return sum
}

// points returns the data points of a metric by their hw.id, or by their device where they have none.
func points(metrics pmetric.Metrics, name string) map[string]pmetric.NumberDataPoint {
	found := map[string]pmetric.NumberDataPoint{}
	for _, point := range allPoints(metrics, name) {
		found[pointIdentity(point.Attributes())] = point
	}
	return found
}

func allPoints(metrics pmetric.Metrics, name string) []pmetric.NumberDataPoint {
	var found []pmetric.NumberDataPoint
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				if metric.Name() != name {
					continue
				}
				for _, point := range dataPoints(metric).All() {
					found = append(found, point)
				}
			}
		}
	}
	return found
}

func dataPoints(metric pmetric.Metric) pmetric.NumberDataPointSlice {
	if metric.Type() == pmetric.MetricTypeSum {
		return metric.Sum().DataPoints()
	}
	return metric.Gauge().DataPoints()
}

func pointIdentity(attributes pcommon.Map) string {
	for _, key := range []string{"hw.id", "device"} {
		if value, ok := attributes.Get(key); ok {
			return value.Str()
		}
	}
	return ""
}

func available(value int64) func(pmetric.Metrics) bool {
	return func(metrics pmetric.Metrics) bool {
		point, ok := points(metrics, "nvml.available")[""]
		return ok && point.IntValue() == value
	}
}

// sum adds up the data points of a metric of the receiver's own telemetry.
func sum(m metricdata.Metrics) (total int64) {
	for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
		total += point.Value
	}
	return total
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
