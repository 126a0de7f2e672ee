package embeddingcanaryreceiver

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-embedding/otelcol-embedding/internal/canary"
	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/embeddingcanaryreceiver/internal/metadata"
)

// result is a complete round, in every detail.
func result() embedding.CanaryResult {
	return embedding.CanaryResult{
		Target: "target", Model: testModel, ResponseModel: "served", ServerAddress: "10.0.0.7", ServerPort: 8000, Dimension: 2560,
		Round: 7, End: noon, Duration: 1500 * time.Millisecond, Calls: 12, Tokens: 3400,
		Outcome: embedding.CanaryComplete, Verdict: embedding.CanaryQuantisation, Reasons: []string{"pinned.median", "outliers"},
		Pins: "0123456789abcdef", Pinned: noon.Add(-24 * time.Hour),
		CosineMin: 0.91, CosineMedian: 0.98, CosineMean: 0.97, HasCosine: true,
		Checks:  []embedding.CanaryCheck{{Name: "kendall", Value: 0.9}, {Name: "recall", Value: 0.96}},
		Skipped: []string{"long"},
	}
}

type outputs struct {
	*output
	target  *target
	metrics *consumertest.MetricsSink
	logs    *consumertest.LogsSink
}

func newOutputs(t *testing.T) *outputs {
	cfg := createDefaultConfig().(*Config)
	set := receivertest.NewNopSettings(metadata.Type)
	set.BuildInfo.Version = "1.2.3"
	out, err := newOutput(cfg, set)
	require.NoError(t, err)
	o := &outputs{output: out, metrics: &consumertest.MetricsSink{}, logs: &consumertest.LogsSink{}}
	out.metrics, out.logs = o.metrics, o.logs
	o.target = &target{
		name: "target", model: testModel, cfg: cfg, out: out, since: noon.Add(-time.Hour), logger: zap.NewNop(), replicas: map[string]*probed{},
		pins: &pinning{pins: &canary.Pins{Origin: canary.Origin{Created: noon.Add(-24 * time.Hour)}}, lost: 1},
	}
	return o
}

func (o *outputs) replica(address string) *replica {
	r := &replica{
		target: o.target, address: address,
		tally: tally{since: noon.Add(-time.Hour), rounds: map[embedding.CanaryOutcome]int64{}, errors: map[string]int64{}},
	}
	o.target.replicas[address] = &probed{replica: r}
	return r
}

// TestGolden: a round that was complete, and then one that was not.
func TestGolden(t *testing.T) {
	o := newOutputs(t)
	r := o.replica("10.0.0.7:8000")
	complete := result()
	o.target.done(t.Context(), r, &round{calls: 12, tokens: 3400, errors: map[string]int64{}}, &complete)
	down := embedding.CanaryResult{
		Target: "target", Model: testModel, ServerAddress: "10.0.0.7", ServerPort: 8000, Round: 8, End: noon.Add(time.Minute),
		Duration: 10 * time.Millisecond, Calls: 1, Outcome: embedding.CanaryUnreachable, ErrorType: "connection_refused",
	}
	o.target.done(t.Context(), r, &round{calls: 1, errors: map[string]int64{"connection_refused": 1}}, &down)
	require.Len(t, o.metrics.AllMetrics(), 2)
	require.Len(t, o.logs.AllLogs(), 2)
	for i, name := range []string{"complete", "unreachable"} {
		path := filepath.Join("testdata", "golden", name+"-metrics.yaml")
		want, err := golden.ReadMetrics(path)
		require.NoError(t, err)
		require.NoError(t, pmetrictest.CompareMetrics(want, o.metrics.AllMetrics()[i], pmetrictest.IgnoreMetricsOrder(),
			pmetrictest.IgnoreMetricDataPointsOrder(), pmetrictest.IgnoreResourceMetricsOrder()))
		path = filepath.Join("testdata", "golden", name+"-logs.yaml")
		wantLogs, err := golden.ReadLogs(path)
		require.NoError(t, err)
		require.NoError(t, plogtest.CompareLogs(wantLogs, o.logs.AllLogs()[i], plogtest.IgnoreObservedTimestamp()))
	}
}

// TestRepeat: what has not been emitted for most of an interval is emitted again, with the time of its round as it was.
func TestRepeat(t *testing.T) {
	o := newOutputs(t)
	r := o.replica("10.0.0.7:8000")
	o.target.repeat(t.Context(), noon)
	require.Empty(t, o.metrics.AllMetrics(), "nothing is known yet")
	complete := result()
	o.target.done(t.Context(), r, &round{errors: map[string]int64{}}, &complete)
	o.target.repeat(t.Context(), noon.Add(20*time.Second))
	require.Len(t, o.metrics.AllMetrics(), 1, "it is fresh")
	o.target.repeat(t.Context(), noon.Add(time.Minute))
	require.Len(t, o.metrics.AllMetrics(), 2)
	require.Len(t, o.logs.AllLogs(), 1, "a round is one log record")
	var rig rig
	rig.t, rig.metrics = t, o.metrics
	last := rig.latest()["embedding.canary.last_round.time"].Gauge().DataPoints().At(0)
	assert.Equal(t, float64(noon.Unix()), last.DoubleValue())
	assert.Equal(t, noon.Add(time.Minute), last.Timestamp().AsTime())
}

// TestEmissionsAreInOrder: replicas that end a round in another order than they are heard share metrics, whose samples have to be
// newer than those before all the same.
func TestEmissionsAreInOrder(t *testing.T) {
	o := newOutputs(t)
	for i, end := range []time.Time{noon, noon.Add(-time.Second), noon, noon.Add(time.Second)} {
		r := o.replica(fmt.Sprint("10.0.0.", i, ":8000"))
		ended := result()
		ended.End = end
		o.target.done(t.Context(), r, &round{errors: map[string]int64{}}, &ended)
	}
	var times []time.Time
	for i := range o.metrics.AllMetrics() {
		rig := rig{t: t, metrics: &consumertest.MetricsSink{}}
		require.NoError(t, rig.metrics.ConsumeMetrics(t.Context(), o.metrics.AllMetrics()[i]))
		times = append(times, rig.latest()["embedding.canary.replicas"].Gauge().DataPoints().At(0).Timestamp().AsTime())
	}
	ms := time.Millisecond
	assert.Equal(t, []time.Time{noon, noon.Add(ms), noon.Add(2 * ms), noon.Add(time.Second)}, times)
}

// TestErrorTypesAreCapped: servers choose them.
func TestErrorTypesAreCapped(t *testing.T) {
	o := newOutputs(t)
	r := o.replica("a:1")
	failed := embedding.CanaryResult{Round: 1, Outcome: embedding.CanaryFailed}
	for i := range 50 {
		r.tally.add(&round{errors: map[string]int64{string(rune('a' + i)): 1}}, &failed)
	}
	assert.Len(t, r.tally.errors, maxErrorTypes+1)
	assert.EqualValues(t, 50-maxErrorTypes, r.tally.errors[errorOther])
}

// TestRefusedTelemetry: a pipeline that takes nothing is a warning.
func TestRefusedTelemetry(t *testing.T) {
	o := newOutputs(t)
	core, said := observer.New(zap.WarnLevel)
	o.target.logger = zap.New(core)
	refuse := consumertest.NewErr(errors.New("full"))
	o.output.metrics, o.output.logs, o.output.traces = refuse, refuse, refuse
	complete := result()
	o.target.done(t.Context(), o.replica("a:1"), &round{errors: map[string]int64{}, spans: make([]embedding.Event, 1)}, &complete)
	assert.Equal(t, 3, said.FilterMessageSnippet("was not taken").Len())
}
