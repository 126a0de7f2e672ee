//go:build sizing

package sizing

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// cases are what is measured with config/standalone.yaml; the marked ones with an agent and a gateway as well.
var cases = []struct {
	traffic
	tiers bool
}{
	{traffic{0, 0, "base64"}, false},
	{traffic{10, 1, "float"}, false},
	{traffic{50, 1, "float"}, false},
	{traffic{50, 1, "base64"}, true},
	{traffic{10, 32, "float"}, false},
	{traffic{10, 32, "base64"}, true},
}

const gpus = 2

// process is a collector under measurement.
type process struct {
	*collector.Process
	name               string
	metrics, telemetry string
}

// TestSizing measures each case and writes the tables between the markers of $SIZING_PAGE, or into the log without.
func TestSizing(t *testing.T) {
	seconds := 20
	if s := os.Getenv("SIZING_SECONDS"); s != "" {
		var err error
		seconds, err = strconv.Atoi(s)
		require.NoError(t, err, "SIZING_SECONDS")
	}
	duration := time.Duration(seconds) * time.Second
	var page strings.Builder
	fmt.Fprintf(&page, "%s; %s a row, after half of that to warm up, %d GPUs (simulated driver), 2560 dimensions.\n\n",
		machine(t), duration, gpus)
	fmt.Fprintln(&page, "| configuration | calls/s | texts a call | encoding | CPU, cores | CPU a call, ms | CPU a vector, ms | memory, MiB "+
		"| disk, KiB a call | to the next, KiB a call |")
	fmt.Fprintln(&page, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	var facts strings.Builder
	for i, c := range cases {
		t.Run(fmt.Sprintf("standalone/%d_x_%d_%s", c.rate, c.texts, c.encoding), func(t *testing.T) {
			s := startStandalone(t)
			s.measure(t, &page, c.traffic, duration)
			if i == len(cases)-1 {
				s.facts(t, &facts, c.traffic, duration)
			}
		})
	}
	for _, c := range cases {
		if c.tiers {
			t.Run(fmt.Sprintf("tiers/%d_x_%d_%s", c.rate, c.texts, c.encoding), func(t *testing.T) {
				startTiers(t).measure(t, &page, c.traffic, duration)
			})
		}
	}
	t.Run("window", func(t *testing.T) { windowFacts(t, &facts, duration) })
	if t.Failed() {
		return
	}
	out := page.String() + "\n" + facts.String()
	t.Log("\n" + out)
	if file := os.Getenv("SIZING_PAGE"); file != "" {
		writeBetweenMarkers(t, file, out)
	}
}

// setup is the collectors that are measured together, with what they send to.
type setup struct {
	tap       string
	processes []process
	sink      *sink
	relay     *relay // between agent and gateway
}

// startCollector starts a shipped configuration on free ports.
func startCollector(t *testing.T, name string, env []string, overlay string) process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "overlay.yaml")
	require.NoError(t, os.WriteFile(file, []byte(overlay), 0o600))
	health, metrics := collector.Address(t), collector.Address(t)
	host, port, _ := strings.Cut(collector.Address(t), ":")
	p := collector.Start(t, collector.Binary(t), append(env,
		"EMBEDDING_HEALTH="+health,
		"EMBEDDING_METRICS="+metrics,
		"EMBEDDING_TELEMETRY="+host,
		"EMBEDDING_TELEMETRY_PORT="+port,
		"EMBEDDING_INGEST="+collector.Address(t),
		"EMBEDDING_STORAGE="+t.TempDir(),
		"HOST_NAME=host",
	), "--config", filepath.Join(collector.Root(t), "config", name), "--config", file)
	p.WaitHTTP("http://" + health)
	return process{p, strings.TrimSuffix(name, ".yaml"), metrics, host + ":" + port}
}

// hostEnv starts the embedding server and returns the environment of a collector in front of it.
func hostEnv(t *testing.T, tap string) []string {
	server := collector.Address(t)
	collector.Start(t, collector.Demo(t), nil, "serve", "--endpoint", server).WaitHTTP("http://" + server + "/health")
	scenario := filepath.Join(t.TempDir(), "scenario")
	fakenvml.Healthy(gpus).Write(t, scenario)
	return []string{
		"EMBEDDING_UPSTREAM=http://" + server,
		"VLLM_TARGET=" + server,
		"EMBEDDING_TAP=" + tap,
		fakenvml.ScenarioEnv + "=" + scenario,
	}
}

// hostOverlay gives the collector its GPUs, and makes it read every answer, as on a machine that has the CPU for it.
func hostOverlay(t *testing.T) string {
	return fmt.Sprintf("receivers: {nvml: {library_path: %q}, embedding: {tap: {shed_load: false}}}", fakenvml.Build(t, t.TempDir()))
}

func startStandalone(t *testing.T) *setup {
	s := &setup{tap: collector.Address(t), sink: startSink(t, collector.Address(t))}
	s.processes = []process{startCollector(t, "standalone.yaml", append(hostEnv(t, s.tap),
		"OTLP_GRPC="+collector.Address(t),
		"OTLP_HTTP="+collector.Address(t),
		"LOKI_ENDPOINT=http://"+s.sink.address+"/otlp",
		"OTLP_ENDPOINT=http://"+s.sink.address,
	), hostOverlay(t))}
	return s
}

func startTiers(t *testing.T) *setup {
	s := &setup{tap: collector.Address(t), sink: startSink(t, collector.Address(t))}
	otlp, front := collector.Address(t), collector.Address(t)
	gateway := startCollector(t, "gateway.yaml", []string{
		"OTLP_GRPC=" + otlp,
		"OTLP_HTTP=" + collector.Address(t),
		"LOKI_ENDPOINT=http://" + s.sink.address + "/otlp",
		"OTLP_ENDPOINT=http://" + s.sink.address,
	}, "")
	s.relay = startRelay(t, front, otlp)
	agent := startCollector(t, "agent.yaml", append(hostEnv(t, s.tap), "GATEWAY_ENDPOINT="+front), hostOverlay(t))
	s.processes = []process{agent, gateway}
	return s
}

// measure adds a row for each collector.
func (s *setup) measure(t *testing.T, page io.Writer, c traffic, duration time.Duration) {
	c.send(t, s.tap, duration/2)
	before := make([]usage, len(s.processes))
	for i, p := range s.processes {
		before[i] = used(t, p.PID())
	}
	sinkBefore, _, _ := s.sink.counts()
	relayBefore := s.relayed()
	began := time.Now()
	calls := c.send(t, s.tap, duration)
	time.Sleep(2 * time.Second) // batches that are under way
	for i, p := range s.processes {
		after := used(t, p.PID())
		cpu := after.cpu - before[i].cpu
		next, _, _ := s.sink.counts()
		next -= sinkBefore
		if p.name == "agent" {
			next = s.relayed() - relayBefore
		}
		perCall := func(x float64) string {
			if calls == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f", x/float64(calls))
		}
		perVector := ""
		if calls > 0 {
			perVector = fmt.Sprintf("%.3f", cpu.Seconds()*1000/float64(calls*c.texts))
		}
		fmt.Fprintf(page, "| %s | %d | %d | %s | %.3f | %s | %s | %d | %s | %s |\n", p.name, c.rate, c.texts, c.encoding,
			cpu.Seconds()/time.Since(began).Seconds(), perCall(cpu.Seconds()*1000), perVector, after.peak>>20,
			perCall(float64(after.written-before[i].written)/1024), perCall(float64(next)/1024))
	}
}

func (s *setup) relayed() int64 {
	if s.relay == nil {
		return 0
	}
	return s.relay.sent.Load()
}

// facts adds what does not depend on the rate: series, the size of an event, and how the queue grows without Loki.
func (s *setup) facts(t *testing.T, out io.Writer, c traffic, duration time.Duration) {
	p := s.processes[0]
	model, gpu, all := 0, 0, 0
	for _, series := range lines(t, "http://"+p.metrics+"/metrics") {
		all++
		switch {
		case strings.Contains(series, `model="qwen3-embedding-4b"`), strings.Contains(series, `gen_ai_request_model="qwen3-embedding-4b"`):
			model++
		case strings.Contains(series, "hw_id="), strings.HasPrefix(series, "gpu_memory_used_mb"):
			gpu++
		}
	}
	_, events, _ := s.sink.counts()
	require.Positive(t, events.n)
	s.sink.stop()
	before := queued(t, p)
	calls := c.send(t, s.tap, duration)
	grown := float64(queued(t, p) - before)
	fmt.Fprintln(out, "| measured once, with the last row of standalone | |")
	fmt.Fprintln(out, "| --- | --- |")
	fmt.Fprintf(out, "| series of one model, one task type, one dimension, one replica, with histograms and the canary's | %d |\n", model)
	fmt.Fprintf(out, "| series of one GPU | %d |\n", gpu/gpus)
	fmt.Fprintf(out, "| all other series: host, vLLM, targets | %d |\n", all-model-gpu)
	fmt.Fprintf(out, "| an event before compression, bytes (%d texts) | %d |\n", c.texts, events.bytes/events.n)
	fmt.Fprintf(out, "| both queues while the backends are away, bytes a call | %.0f |\n", grown/float64(calls))
	fmt.Fprintf(out, "| the same a minute at %d calls/s, MiB | %.1f |\n", c.rate, grown/duration.Minutes()/(1<<20))
}

// windowFacts adds the size of what an agent reports of a key and window.
func windowFacts(t *testing.T, out io.Writer, duration time.Duration) {
	s := startSink(t, collector.Address(t))
	tap := collector.Address(t)
	startCollector(t, "agent.yaml", append(hostEnv(t, tap), "GATEWAY_ENDPOINT="+collector.Address(t)), fmt.Sprintf(`
receivers: {embedding: {tap: {shed_load: false}}}
processors: {embedding_quality: {window: 1s, reference: {vectors: 100}}}
exporters: {otlp_http/sink: {logs_endpoint: "http://%s/otlp/v1/logs"}}
service: {pipelines: {logs: {exporters: [otlp_http/sink]}}}
`, s.address))
	traffic{10, 32, "base64"}.send(t, tap, duration)
	time.Sleep(2 * time.Second)
	_, _, windows := s.counts()
	require.Positive(t, windows.n)
	fmt.Fprintf(out, "| a window report of an agent, with its state, before compression, KiB | %.1f |\n",
		float64(windows.bytes)/float64(windows.n)/1024)
}

// queued returns how many bytes wait in a collector's queues.
func queued(t *testing.T, p process) int64 {
	sum := 0.0
	for _, series := range lines(t, "http://"+p.telemetry+"/metrics") {
		if strings.HasPrefix(series, "otelcol_exporter_queue_size{") {
			v, err := strconv.ParseFloat(series[strings.LastIndexByte(series, ' ')+1:], 64)
			require.NoError(t, err)
			sum += v
		}
	}
	return int64(sum)
}

// lines returns the series on a page of metrics.
func lines(t *testing.T, url string) []string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var series []string
	for line := range strings.Lines(string(page)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			series = append(series, line)
		}
	}
	return series
}

const begin, end = "<!-- begin: make sizing -->\n", "<!-- end: make sizing -->"

func writeBetweenMarkers(t *testing.T, file, text string) {
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, also := strings.Cut(rest, end)
	require.True(t, ok && also, "%s has not both markers, %q and %q", file, begin, end)
	require.NoError(t, os.WriteFile(file, []byte(before+begin+text+end+after), 0o644))
}
