package failopen

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The collector's own metrics, as Prometheus sees them.
const (
	metricCalls      = "otelcol_embedding_tap_calls"
	metricDropped    = "otelcol_embedding_tap_dropped_events"
	metricUnanalyzed = "otelcol_embedding_tap_unanalyzed_calls"
	metricMemory     = "otelcol_embedding_tap_captured_memory"
	metricAccepted   = "otelcol_receiver_accepted_log_records"
	metricRefused    = "otelcol_receiver_refused_log_records"
)

// scrape returns the sum of a metric's values over all series that have each of the labels, given as name="value".
func (k *stack) scrape(metric string, labels ...string) int {
	k.t.Helper()
	res, err := http.Get("http://" + k.telemetry + "/metrics")
	require.NoError(k.t, err)
	defer res.Body.Close()
	sum := 0
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, ok := splitSample(lines.Text())
		series, _, _ := strings.Cut(name, "{")
		for _, label := range labels {
			ok = ok && strings.Contains(name, label)
		}
		if ok && series == metric {
			sum += value
		}
	}
	require.NoError(k.t, lines.Err())
	return sum
}

// splitSample splits a line of Prometheus' text format whose value is a whole number.
func splitSample(line string) (name string, value int, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 || strings.HasPrefix(line, "#") {
		return "", 0, false
	}
	number, err := strconv.ParseFloat(line[i+1:], 64)
	return line[:i], int(number), err == nil
}

func (k *stack) dropped(reason string) int { return k.scrape(metricDropped, `reason="`+reason+`"`) }

// memory limits of the tests: the tap's by default, and what a whole collector may take in them.
const (
	captureLimit  = 256 << 20
	residentLimit = 400 << 20
)

// resident returns the memory of the collector's process in bytes.
func (k *stack) resident() int {
	k.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.process.PID()))
	require.NoError(k.t, err)
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			require.NoError(k.t, err)
			return n << 10
		}
	}
	require.Fail(k.t, "no VmHWM in /proc")
	return 0
}

// checkCounts checks that each of so many calls was delivered once or was dropped and counted, and that memory was
// bounded. It returns how many were delivered.
func (k *stack) checkCounts(calls int) (delivered int) {
	k.t.Helper()
	k.eventually("calls that the tap has counted", calls, func() int { return k.scrape(metricCalls) })
	k.eventually("events that were delivered or dropped", calls, func() int { return k.sink.distinct() + k.scrape(metricDropped) })
	delivered = k.sink.distinct()
	k.eventually("bytes captured when all is done", 0, func() int { return k.scrape(metricMemory) })
	peak := k.resident()
	assert.Less(k.t, peak, residentLimit)
	k.t.Logf("%d calls, %d delivered, %d dropped (queue_full %d, logs_refused %d), at most %d MiB resident", calls, delivered,
		k.scrape(metricDropped), k.dropped("queue_full"), k.dropped("logs_refused"), peak>>20)
	return delivered
}
