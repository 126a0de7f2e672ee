//go:build realservers

package realservers

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// scrapeTimeout bounds the wait for a scrape after the calls; the section scrapes every 15 s.
const scrapeTimeout = time.Minute

// TestLlamaCPPMetrics scrapes llama.cpp's own metrics with the shipped section, beside the shipped quickstart
// configuration: what the server counts must be what the tap counted.
func TestLlamaCPPMetrics(t *testing.T) {
	srv := startLlama(t, "--embeddings", "--metrics")
	health, tap, metrics, telemetry := collector.Address(t), collector.Address(t), collector.Address(t), collector.Address(t)
	telemetryHost, telemetryPort := split(telemetry)
	p := collector.Start(t, collector.Binary(t), []string{
		"LLAMACPP_TARGET=" + strings.TrimPrefix(srv.url, "http://"),
		"EMBEDDING_UPSTREAM=" + srv.url,
		"EMBEDDING_TAP=" + tap,
		"EMBEDDING_INGEST=" + collector.Address(t),
		"EMBEDDING_METRICS=" + metrics,
		"EMBEDDING_HEALTH=" + health,
		"EMBEDDING_TELEMETRY=" + telemetryHost,
		"EMBEDDING_TELEMETRY_PORT=" + telemetryPort,
		"EMBEDDING_REQUEST_LOG=" + filepath.Join(t.TempDir(), "requests.jsonl"),
	}, "--config", "config/quickstart.yaml", "--config", "config/servers/llamacpp.yaml")
	p.WaitHTTP("http://" + health)

	var tokens int64
	for _, text := range texts() {
		a := send(t, embedding.NewTraceID(), "http://"+tap+"/v1/embeddings", request(llamaModel, "input", text))
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		tokens += readContent(t, a).tokens
	}
	var page string
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return false
		}
		page = string(readAll(t, resp))
		return value(page, "llamacpp:prompt_tokens_total") >= float64(tokens) &&
			value(page, "embedding_input_tokens_sum") >= float64(tokens)
	}, scrapeTimeout, 200*time.Millisecond)
	assert.EqualValues(t, tokens, value(page, "embedding_input_tokens_sum"))
	assert.EqualValues(t, tokens, value(page, "llamacpp:prompt_tokens_total"))
	assert.EqualValues(t, len(texts()), value(page, "embedding_requests_total"))
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (llamacpp:\S+ \S+)$`).FindAllStringSubmatch(page, -1) {
		names = append(names, match[1])
	}
	assert.ElementsMatch(t, []string{
		"llamacpp:prompt_tokens_total counter", "llamacpp:prompt_seconds_total counter",
		"llamacpp:requests_processing gauge", "llamacpp:requests_deferred gauge", "llamacpp:n_decode_total counter",
		"llamacpp:busy_slots_per_decode gauge", "llamacpp:context_tokens_max gauge",
	}, names)
}

// value returns the value of the one series of a metric, or -1 where there is none.
func value(page, name string) float64 {
	match := regexp.MustCompile(`(?m)^` + name + `\{[^\n]*\} (\S+)$`).FindStringSubmatch(page)
	if match == nil {
		return -1
	}
	v, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		return -1
	}
	return v
}
