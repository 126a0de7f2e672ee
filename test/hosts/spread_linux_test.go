//go:build e2e

package hosts

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// agentOverlay makes windows short, so that what is usual is learned within a minute, and the canary quick. Every answer is read,
// however busy the machine is.
const agentOverlay = `
receivers:
  embedding: {tap: {shed_load: false}}
  embedding_canary: {interval: 2s, budget: {server_time: 1}, learning: {rounds: 2}}
processors:
  embedding_quality: {window: 250ms, min_vectors: 32, reference: {vectors: 300}}
`

// gatewayOverlay goes with it. Connections end soon, so that added gateways are found.
const gatewayOverlay = `
receivers:
  otlp: {protocols: {grpc: {keepalive: {server_parameters: {max_connection_age: 5s}}}}}
processors:
  embedding_quality: {window: 250ms, min_vectors: 32, merge: {wait: 3s}}
connectors:
  embedding_metrics: {flush_interval: 1s}
exporters:
  otlp_http/loki: {sending_queue: {batch: {flush_timeout: 200ms}}}
`

// Names of models that the ring of the load_balancing exporter gives to different gateways, if both are there.
const (
	mainModel  = "qwen3-embedding-4b"
	otherModel = "bge-m3"
)

// TestSpread: three replicas of a model and one of another, each on its host with an agent, and two gateways. It goes through what
// happens to such a set-up: a gateway is added, gateways are restarted, killed and cut off, a replica goes wrong.
func TestSpread(t *testing.T) {
	n := newNetwork(t)
	backend := startBackend(t)
	first, second := n.newGateway("gateway-1", gatewayOverlay), n.newGateway("gateway-2", gatewayOverlay)
	n.removeName("gateways", second.host)
	first.start()
	prometheus := startPrometheus(t, first, second)
	var agents []*agent
	for i, model := range []string{mainModel, mainModel, mainModel, otherModel} {
		agents = append(agents, n.newAgent(fmt.Sprint("gpu-", i+1), model, agentOverlay,
			[]string{"agent.yaml", "agent-spread.yaml"}, "GATEWAY_HOST=gateways"))
	}
	load := startLoad(t, 20*time.Millisecond, agents...)

	counts := func(g *gateway) bool { return len(find(g.metrics(), "embedding_requests_total{")) > 0 }
	require.Eventually(t, func() bool {
		return backend.judges(first, mainModel) && backend.judges(first, otherModel)
	}, time.Minute, time.Second, "the one gateway judges all models")

	// A gateway is added.
	second.start()
	n.addName("gateways", second.host)
	require.Eventually(t, func() bool {
		return backend.judges(second, mainModel) && backend.judges(first, otherModel) && counts(second) &&
			!backend.judges(second, otherModel) && !backend.judges(first, mainModel)
	}, time.Minute, time.Second, "each model is judged by one gateway, and both count events")
	for _, a := range agents {
		shown := map[bool]int{}
		for _, g := range []*gateway{first, second} {
			shown[len(find(g.metrics(), "system_memory_usage_bytes{", fmt.Sprintf("host_name=%q", a.name))) > 0]++
		}
		assert.Positive(t, shown[true], "metrics of %s", a.name)
	}

	// Gateways go and come back while calls go on.
	for _, outage := range []struct {
		what       string
		begin, end func()
		duplicates bool // whether there may be events that come twice
	}{
		{"gateway stopped", func() { require.NoError(t, first.process.Stop()) }, first.start, false},
		{"gateway killed", func() { second.process.Kill() }, second.start, true},
		{"both stopped", func() {
			require.NoError(t, first.process.Stop())
			require.NoError(t, second.process.Stop())
		}, func() { first.start(); second.start() }, false},
		{"gateway cut off", first.unplug, first.plug, true},
	} {
		before := len(load.sofar())
		time.Sleep(2 * time.Second)
		outage.begin()
		time.Sleep(5 * time.Second)
		outage.end()
		time.Sleep(2 * time.Second)
		calls := load.sofar()[before:]
		began := time.Now()
		came, again := 0, 0
		require.Eventually(t, func() bool {
			came, again = backend.count(calls)
			return came == len(calls)
		}, time.Minute, 200*time.Millisecond, "%s: events of %d calls did not come", outage.what, len(calls)-came)
		t.Logf("%s: %d calls, all events came within %v after it, %d of them twice",
			outage.what, len(calls), time.Since(began).Round(time.Second), again)
		if !outage.duplicates {
			assert.Zero(t, again, outage.what)
		}
	}

	// One replica goes wrong.
	replica := func(a *agent) string { return a.name + ":8000" }
	states := func(g *gateway, parts ...string) int {
		found := 0
		for _, s := range find(g.metrics(), append(parts, "embedding_quality_state{")...) {
			if s[len(s)-2:] == " 1" {
				found++
			}
		}
		return found
	}
	require.Eventually(t, func() bool { return states(second, `verdict="healthy"`) == 3 }, 3*time.Minute, time.Second)
	for _, a := range agents[:3] {
		assert.Equal(t, embedding.CanarySame, backend.canary(replica(a)),
			"the gateway that judges %s has the results of its canary", replica(a))
	}
	faulty := agents[1]
	faulty.fault("model_swap", `{"share": 0.5}`)
	require.Eventually(t, func() bool {
		return states(second, `verdict="replica_fault"`, fmt.Sprintf("replica=%q", replica(faulty))) == 1
	}, time.Minute, 500*time.Millisecond)
	assert.Equal(t, 1, states(second, `verdict="replica_fault"`), "the others are without fault")
	assert.Zero(t, states(first, `verdict="replica_fault"`))

	// What Prometheus has counted is less than what came, by what a gateway had counted between the last scrape and its end.
	calls := load.stop(t)
	require.Eventually(t, func() bool {
		came, _ := backend.count(calls)
		return came == len(calls)
	}, time.Minute, 200*time.Millisecond, "events of all calls come")
	time.Sleep(3 * time.Second) // the connector's interval, and a scrape
	_, again := backend.count(calls)
	counted := prometheus.total(`embedding_requests_total{model=~".+"}`)
	t.Logf("%d calls: %d events came twice; Prometheus counts %.0f", len(calls), again, counted)
	const ends, interval, callsASecond = 4, 3, 50
	assert.InDelta(t, len(calls), counted, float64(ends*interval*callsASecond+again))
}
