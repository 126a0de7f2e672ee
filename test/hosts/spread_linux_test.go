//go:build e2e

package hosts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// agentOverlay makes windows short, so that what is usual is learned within a minute, and the canary quick. Every answer is read,
// however busy the machine is. There is a tap for a second server on the host.
const agentOverlay = `
receivers:
  embedding: {tap: {shed_load: false}}
  embedding/second:
    tap: {endpoint: 0.0.0.0:8090, upstream: {endpoint: http://localhost:8001}, shed_load: false}
  embedding_canary: {interval: 2s, budget: {server_time: 1}, learning: {rounds: 2}}
processors:
  embedding_quality: {window: 250ms, min_vectors: 32, reference: {vectors: 300}}
service:
  pipelines:
    logs: {receivers: [embedding, embedding/second, embedding_canary, nvml]}
    traces: {receivers: [embedding, embedding/second]}
`

// gatewayOverlay goes with it.
const gatewayOverlay = `
processors:
  embedding_quality: {window: 250ms, min_vectors: 32, merge: {wait: 3s}}
connectors:
  embedding_metrics: {flush_interval: 1s}
exporters:
  otlp_http/loki: {sending_queue: {batch: {flush_timeout: 200ms}}}
  otlp_http/backend: {sending_queue: {batch: {flush_timeout: 200ms}}}
`

// Models and hosts by such names that the ring of the load_balancing exporter gives some of each to either gateway.
const (
	mainModel  = "qwen3-embedding-4b"
	otherModel = "bge-large"
)

var hosts = []string{"gpu-3", "gpu-4", "gpu-5", "gpu-6"}

// Lists of gateways.
const (
	oneGateway   = "GATEWAY_HOSTS=[gateway-1:4317]"
	bothGateways = "GATEWAY_HOSTS=[gateway-1:4317, gateway-2:4317]"
)

// outage is gateways that go and come back while calls go on.
type outage struct {
	what       string
	away       []*gateway
	begin, end func(*gateway)
	lasts      time.Duration
	repeats    bool // whether the answer to what a gateway has taken may be lost, so that it is sent again
}

// TestSpread: three replicas of a model and two of another on four hosts with an agent each, one of which has both models, and two
// gateways. It goes through what happens to such a set-up: a gateway is added, gateways are restarted, killed and cut off, a replica
// goes wrong, a gateway is taken out.
func TestSpread(t *testing.T) {
	n := newNetwork(t)
	backend := startBackend(t)
	first, second := n.newGateway("gateway-1", gatewayOverlay), n.newGateway("gateway-2", gatewayOverlay)
	first.start()
	prometheus := startPrometheus(t, first, second)
	var agents []*agent
	for i, model := range []string{mainModel, mainModel, mainModel, otherModel} {
		agents = append(agents, n.newAgent(hosts[i], model, agentOverlay, []string{"agent.yaml", "spread.yaml"}))
	}
	replicas := map[string][]*server{
		mainModel: {
			agents[0].startServer(mainModel, 8000, 8080),
			agents[1].startServer(mainModel, 8000, 8080),
			agents[2].startServer(mainModel, 8000, 8080),
		},
		otherModel: {
			agents[2].startServer(otherModel, 8001, 8090),
			agents[3].startServer(otherModel, 8000, 8080),
		},
	}
	servers := slices.Concat(replicas[mainModel], replicas[otherModel])
	setGateways := func(list string) { // of one agent after another
		for _, a := range agents {
			if a.process != nil {
				require.NoError(t, a.process.Stop())
			}
			a.start(list)
		}
	}

	setGateways(oneGateway)
	load := startLoad(t, "one", 20*time.Millisecond, servers...)
	require.Eventually(t, func() bool {
		return backend.judges(first, mainModel) && backend.judges(first, otherModel)
	}, time.Minute, 100*time.Millisecond, "the one gateway judges all models")
	calls := load.stop(t)

	// A gateway is added.
	second.start()
	setGateways(bothGateways)
	began, canaries := time.Now(), 0
	for _, a := range agents {
		canaries -= a.canaryResults()
	}
	load = startLoad(t, "two", 20*time.Millisecond, servers...)
	// Servers that a gateway judges, on a host that has to do with both gateways and on one with that one alone.
	both := map[*gateway]*server{first: replicas[otherModel][0], second: replicas[mainModel][2]}
	alone := map[*gateway]*server{first: replicas[otherModel][1], second: replicas[mainModel][0]}
	require.Eventually(t, func() bool {
		return backend.judges(first, otherModel) && !backend.judges(first, mainModel) && first.counts() &&
			backend.judges(second, mainModel) && !backend.judges(second, otherModel) && second.counts()
	}, time.Minute, time.Second, "each model is judged by one gateway, and both count events")
	for i, a := range agents {
		shown := func(g *gateway) bool {
			return len(find(g.metrics(), "system_memory_usage_bytes{", fmt.Sprintf("host_name=%q", a.name))) > 0
		}
		assert.Equal(t, i >= 2, shown(second), "metrics of %s at %s", a.name, second.name)
	}

	stop := func(g *gateway) { require.NoError(t, g.process.Stop()) }
	kill := func(g *gateway) { g.process.Kill() }
	for _, o := range []outage{
		{"gateway stopped", []*gateway{first}, stop, (*gateway).start, 5 * time.Second, false},
		{"gateway killed", []*gateway{second}, kill, (*gateway).start, 20 * time.Second, true},
		{"both stopped", []*gateway{first, second}, stop, (*gateway).start, 5 * time.Second, false},
		{"gateway cut off", []*gateway{first}, (*gateway).unplug, (*gateway).plug, 20 * time.Second, true},
	} {
		before, beganAt := len(load.sofar()), time.Now()
		_, spansBefore := backend.countSpans()
		repeated := make(map[*gateway]int)
		for _, g := range []*gateway{first, second} {
			repeated[g] = g.reportsDropped("duplicate")
		}
		time.Sleep(2 * time.Second)
		for _, g := range o.away {
			o.begin(g)
		}
		time.Sleep(o.lasts)
		for _, g := range []*gateway{first, second} {
			if slices.Contains(o.away, g) {
				continue
			}
			mixed, single := backend.silence(g, both[g], beganAt), backend.silence(g, alone[g], beganAt)
			t.Logf("%s: between reports at %s at most %v from the host with both models, %v from one with its own alone",
				o.what, g.name, mixed.Round(time.Millisecond), single.Round(time.Millisecond))
			assert.Less(t, mixed, single+3*time.Second, "%s: reports wait for a gateway that is not theirs", o.what)
			assert.Equal(t, repeated[g], g.reportsDropped("duplicate"), "%s: %s gets reports twice", o.what, g.name)
		}
		for _, g := range o.away {
			o.end(g)
		}
		back := time.Now()
		time.Sleep(2 * time.Second)
		ids := load.sofar()[before:]
		again := backend.arrive(o.what, ids)
		all := time.Since(back)
		for _, g := range o.away {
			require.Eventually(t, func() bool {
				return backend.silence(g, alone[g], back) < time.Since(back)-time.Second
			}, time.Minute, 100*time.Millisecond, "%s: %s judges again", o.what, g.name)
		}
		_, spans := backend.countSpans()
		t.Logf("%s: all events of %d calls came within %v after it, %d of them twice, %d spans twice; judged again within %v",
			o.what, len(ids), all.Round(time.Second), again, spans-spansBefore, time.Since(back).Round(time.Second))
		for _, g := range o.away {
			t.Logf("%s: %s has dropped %d late reports, and %d that came twice", o.what, g.name,
				g.reportsDropped("late"), g.reportsDropped("duplicate"))
		}
		if !o.repeats {
			assert.Zero(t, again, o.what)
			assert.Equal(t, spansBefore, spans, "%s: spans that came twice", o.what)
		}
	}
	for _, a := range agents {
		canaries += a.canaryResults()
	}
	require.Eventually(t, func() bool { return backend.canaryResultsSince(began) >= canaries }, time.Minute, 100*time.Millisecond,
		"not all of %d canary results came", canaries)

	// One replica goes wrong.
	states := func(verdict string) []string {
		var found []string
		for _, s := range find(second.metrics(), "embedding_quality_state{", fmt.Sprintf("verdict=%q", verdict)) {
			if strings.HasSuffix(s, " 1") {
				found = append(found, s)
			}
		}
		return found
	}
	require.Eventually(t, func() bool { return len(states("healthy")) == 3 }, 3*time.Minute, time.Second)
	for _, s := range replicas[mainModel] {
		assert.Equal(t, embedding.CanarySame, backend.canary(s.replica()),
			"the gateway that judges %s has the results of its canary", s.replica())
	}
	faulty := replicas[mainModel][1]
	faulty.fault("model_swap", `{"share": 0.5}`)
	require.Eventually(t, func() bool {
		return len(find(states("replica_fault"), fmt.Sprintf("replica=%q", faulty.replica()))) == 1
	}, time.Minute, 500*time.Millisecond)
	assert.Len(t, states("replica_fault"), 1, "the others are without fault")

	// A gateway is taken out that is gone already: what waits for it goes to the other.
	stop(second)
	time.Sleep(3 * time.Second)
	calls = append(calls, load.stop(t)...)
	setGateways(oneGateway)
	again := backend.arrive("gateway taken out", calls)
	require.Eventually(t, func() bool {
		spans, _ := backend.countSpans()
		return spans == len(calls)
	}, time.Minute, 100*time.Millisecond, "one span for each call")

	// What Prometheus has counted is less than what came, by what a gateway had counted between the last scrape and its end.
	time.Sleep(3 * time.Second) // the connector's interval, and a scrape
	counted := prometheus.total(`embedding_requests_total{model=~".+"}`)
	t.Logf("%d calls: %d events came twice; Prometheus counts %.0f", len(calls), again, counted)
	const ends, interval, callsASecond = 5, 3, 50
	assert.InDelta(t, len(calls), counted, float64(ends*interval*callsASecond+again))
}
