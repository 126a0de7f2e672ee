package bench

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	// requestRate is the open-loop rate of BenchmarkTap in requests per second.
	requestRate = 300
	// dimension is that of Qwen3-Embedding-4B.
	dimension = 2560
	// clockTick is the unit of CPU times in /proc on Linux, USER_HZ, as a fraction of a second.
	clockTick = time.Second / 100
)

// BenchmarkTap sends requests at a fixed open-loop rate to a server directly, through Go's plain
// httputil.ReverseProxy, through nginx where it is installed, and through the collector with analysis on. Each target is a process of its own but the
// server, which answers from memory. It reports latency quantiles as the client sees them and the CPU time of the
// proxy's process for each request; what a proxy adds is the difference to "direct".
//
//	go test -run '^$' -bench Tap -benchtime 6000x -count 5 ./test/bench
func BenchmarkTap(b *testing.B) {
	for _, payload := range payloads {
		answer := embeddingAnswer(payload.rows, payload.base64)
		server := httptest.NewServer(answerFromMemory(answer))
		b.Cleanup(server.Close)
		request := embeddingRequest(payload.rows)
		for _, target := range targets {
			b.Run(payload.name+"/"+target, func(b *testing.B) {
				base, pid, metrics := startTarget(b, target, server.URL)
				measure(b, base+"/v1/embeddings", request, pid)
				if metrics != "" {
					b.ReportMetric(100*readShare(b, metrics, payload.rows), "%-read")
				}
			})
		}
	}
}

// targets are the ways to the server.
var targets = []string{"direct", "reverse-proxy", "nginx", "tap"}

// startTarget starts what is in front of a server and returns its URL, its process, 0 for none, and the collector's metrics,
// empty for what is no collector.
func startTarget(b *testing.B, target, server string) (base string, pid int, metrics string) {
	switch target {
	case "reverse-proxy":
		base, pid = startPlainProxy(b, server)
	case "nginx":
		base, pid = startNginx(b, server)
	case "tap":
		address := collector.Address(b)
		base, pid = startTap(b, server, address)
		metrics = "http://" + address + "/metrics"
	default:
		base = server
	}
	return base, pid, metrics
}

// payloads are the answers that the benchmarks send.
var payloads = []struct {
	name   string
	rows   int
	base64 bool
}{
	{"1x2560-float", 1, false},
	{"1x2560-base64", 1, true},
	{"32x2560-float", 32, false},
	{"32x2560-base64", 32, true},
}

func answerFromMemory(answer []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}
}

// measure sends b.N requests, one each 1/requestRate seconds however long the answers take.
func measure(b *testing.B, url string, request []byte, pid int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}}
	defer client.CloseIdleConnections()
	call := func() error { return post(client, url, request) }
	for range 50 { // connections and pools
		require.NoError(b, call())
	}
	latencies := make([]time.Duration, b.N)
	errs := make([]error, b.N)
	cpuBefore := cpuTime(b, pid)
	b.ResetTimer()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range b.N {
		due := start.Add(time.Duration(i) * time.Second / requestRate)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			errs[i] = call()
			// From when the request was due: a client that falls behind must not hide what it waited for.
			latencies[i] = time.Since(due)
		})
	}
	wg.Wait()
	b.StopTimer()
	for _, err := range errs {
		require.NoError(b, err)
	}
	slices.Sort(latencies)
	quantile := func(q float64) float64 {
		return float64(latencies[int(q*float64(len(latencies)-1))]) / float64(time.Microsecond)
	}
	b.ReportMetric(quantile(0.50), "p50-µs")
	b.ReportMetric(quantile(0.99), "p99-µs")
	if pid != 0 {
		b.ReportMetric(float64(cpuTime(b, pid)-cpuBefore)/float64(time.Microsecond)/float64(b.N), "cpu-µs/op")
	}
}

func startPlainProxy(b *testing.B, upstream string) (url string, pid int) {
	address := collector.Address(b)
	self, err := os.Executable()
	require.NoError(b, err)
	p := collector.Start(b, self, []string{proxyEnv + "=" + address + " " + upstream})
	p.WaitHTTP("http://" + address)
	return "http://" + address, p.PID()
}

// tapConfig is the shortest pipeline in which every call is analysed, judged and counted.
const tapConfig = `
extensions:
  health_check: {endpoint: %q}
receivers:
  embedding:
    tap: {endpoint: %q, upstream: {endpoint: %q}}
processors:
  embedding_quality:
connectors:
  embedding_metrics:
exporters:
  prometheus: {endpoint: %q}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines:
    logs: {receivers: [embedding], processors: [embedding_quality], exporters: [embedding_metrics]}
    metrics: {receivers: [embedding_metrics], exporters: [prometheus]}
`

func startTap(b *testing.B, upstream, metrics string) (url string, pid int) {
	health, tap := collector.Address(b), collector.Address(b)
	p := startCollector(b, health, fmt.Sprintf(tapConfig, health, tap, upstream, metrics))
	return "http://" + tap, p.PID()
}

// startCollector starts the collector with a configuration, whose health check is at an address.
func startCollector(b *testing.B, health, config string, env ...string) *collector.Process {
	file := filepath.Join(b.TempDir(), "config.yaml")
	require.NoError(b, os.WriteFile(file, []byte(config), 0o600))
	p := collector.Start(b, collector.Binary(b), env, "--config", file)
	p.WaitHTTP("http://" + health)
	return p
}

// cpuTime returns the user and system time that a process has used; see proc(5), /proc/pid/stat.
func cpuTime(b *testing.B, pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	// The second field is the program's name in parentheses; the fields after it have no spaces in them.
	_, rest, ok := strings.Cut(string(raw), ") ")
	require.True(b, ok)
	fields := strings.Fields(rest)
	user, err := strconv.ParseInt(fields[11], 10, 64)
	require.NoError(b, err)
	system, err := strconv.ParseInt(fields[12], 10, 64)
	require.NoError(b, err)
	return time.Duration(user+system) * clockTick
}

// embeddingRequest is a request for rows texts.
func embeddingRequest(rows int) []byte {
	texts := make([]string, rows)
	for i := range texts {
		texts[i] = strconv.Quote(strings.Repeat(fmt.Sprintf("chunk %d of a document, ", i), 20))
	}
	return fmt.Appendf(nil, `{"model":"qwen3-embedding-4b","input":[%s]}`, strings.Join(texts, ","))
}

// embeddingAnswer is an answer with rows random unit vectors.
func embeddingAnswer(rows int, asBase64 bool) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var out bytes.Buffer
	out.WriteString(`{"id":"embd-1","object":"list","created":1,"model":"qwen3-embedding-4b","data":[`)
	for i := range rows {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"index":%d,"object":"embedding","embedding":`, i)
		writeVector(&out, random, asBase64)
		out.WriteByte('}')
	}
	fmt.Fprintf(&out, `],"usage":{"prompt_tokens":%d,"total_tokens":%d}}`, rows*100, rows*100)
	return out.Bytes()
}

func writeVector(out *bytes.Buffer, random *rand.Rand, asBase64 bool) {
	x := make([]float64, dimension)
	norm := 0.0
	for i := range x {
		x[i] = random.NormFloat64()
		norm += x[i] * x[i]
	}
	norm = math.Sqrt(norm)
	if asBase64 {
		raw := make([]byte, 0, 4*dimension)
		for _, v := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v/norm)))
		}
		out.WriteString(strconv.Quote(base64.StdEncoding.EncodeToString(raw)))
		return
	}
	out.WriteByte('[')
	for i, v := range x {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.FormatFloat(float64(float32(v/norm)), 'g', -1, 64))
	}
	out.WriteByte(']')
}
