//go:build linux && cgo

package nvmlreceiver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/xid"
	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// listening waits until the receiver listens for errors of so many GPUs: the driver keeps none for those who come later.
func listening(t *testing.T, h *harness, gpus int) pmetric.Metrics {
	t.Helper()
	return h.scrapeUntil(t, func(m pmetric.Metrics) bool { return len(points(m, "nvml.xid.errors")) == gpus })
}

// counted tells whether so many errors of a code were counted.
func counted(errors int64, uuid, code string) func(pmetric.Metrics) bool {
	return func(m pmetric.Metrics) bool {
		for _, point := range allPoints(m, "nvml.xid.errors") {
			if hasAll(point.Attributes(), map[string]string{"hw.id": uuid, "nvml.xid.code": code}) {
				return point.IntValue() == errors
			}
		}
		return false
	}
}

// A burst of errors: every one is counted and has its record, and the GPU's state tells.
func TestXIDBurst(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	const burst = 10_000
	scenario := fakenvml.Healthy(2)
	host := newGPUHost(t, scenario)
	h := run(t, host.config())
	before := listening(t, h, 2)
	for _, code := range []string{"48", "79", "95"} {
		require.True(t, counted(0, gpu1, code)(before), "a counter at 0 lets increase() see the first error")
	}
	require.Empty(t, h.events("nvml.xid"))

	scenario.Set("event.1", "10000:1:95")
	scenario.Set("event.2", "1:0:13")
	scenario.Write(t, host.scenario)
	metrics := h.scrapeUntil(t, counted(burst, gpu1, "95"))
	require.True(t, counted(0, gpu0, "95")(metrics))
	require.Eventually(t, func() bool { return len(h.events("nvml.xid")) == burst+1 }, 20*time.Second, 10*time.Millisecond)

	var ofGPU1, total int
	for _, record := range h.events("nvml.xid") {
		attributes := record.Attributes().AsRaw()
		total += int(attributes["nvml.xid.count"].(int64))
		if attributes["hw.id"] == gpu1 {
			ofGPU1++
			require.EqualValues(t, 95, attributes["nvml.xid.code"])
		}
	}
	require.Equal(t, burst, ofGPU1)
	require.Equal(t, burst+1, total)

	// The driver says that the GPU needs nothing (field 230), which counts for more than the advice of a catalogue.
	require.True(t, in(gpu1, "ok")(h.scrape(t)))
}

// The record names what an operator needs: what it means, what to do, and the process where there is only one.
func TestXIDRecord(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	proc := fakeProc(t, 4242, "VLLM::EngineCore", "0::/system.slice/docker-"+containerID+".scope\n")
	scenario := fakenvml.Healthy(2)
	scenario.SetGPU(0, "processes", "4242:2048")
	scenario.UnsetGPU(0, "field.230")
	scenario.SetMIG(1, 0, "3g.40gb")
	scenario.SetMIG(1, 1, "3g.40gb")
	host := newGPUHost(t, scenario)
	cfg := host.config()
	cfg.Attribution.ProcPath = proc
	cfg.Attribution.Containers = true
	h := run(t, cfg)
	listening(t, h, 2)

	scenario.Set("event.1", "1:0:79")
	scenario.Set("event.2", "1:1:94:8:0")
	scenario.Write(t, host.scenario)
	code := func(code int64) func(plog.LogRecord) bool {
		return func(r plog.LogRecord) bool {
			got, _ := r.Attributes().Get("nvml.xid.code")
			return got.Int() == code
		}
	}
	record := h.event(t, "nvml.xid", code(79))
	meaning := xid.Lookup(79)
	require.Equal(t, map[string]any{
		"hw.id": gpu0, "hw.model": "NVIDIA Fake 80GB", "hw.name": "gpu0",
		"nvml.xid.action": string(meaning.Action), "nvml.xid.code": int64(79), "nvml.xid.count": int64(1), "nvml.xid.name": meaning.Name,
		"process.pid": int64(4242), "process.executable.name": "VLLM::EngineCore", "container.id": containerID,
	}, record.Attributes().AsRaw())
	require.Equal(t, "XID 79 on gpu0: "+meaning.Description, record.Body().Str())
	require.Equal(t, plog.SeverityNumberFatal, record.SeverityNumber())
	require.InDelta(t, time.Now().UnixNano(), int64(record.Timestamp()), float64(time.Minute))

	inMIG := h.event(t, "nvml.xid", code(94)).Attributes().AsRaw()
	require.Equal(t, "MIG-00000000-0000-4000-8000-000000010001", inMIG["hw.id"])
	require.Equal(t, gpu1, inMIG["hw.parent"])
	require.EqualValues(t, 2101, inMIG["process.pid"], "the only process of the MIG device")

	// Where the driver does not say what the GPU needs, the catalogue does.
	h.scrapeUntil(t, in(gpu0, "failed"))
	failed := h.event(t, "nvml.health", func(plog.LogRecord) bool { return true })
	require.Equal(t, "gpu0 is failed, was ok: xid_79", failed.Body().Str())
}

// The pipeline refuses records for a while: they come later, all of them and in order.
func TestEventsOutliveARefusingPipeline(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	host := newGPUHost(t, scenario)
	sink := &consumertest.LogsSink{}
	var refusals atomic.Int64
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if refusals.Add(1) <= 3 {
			return errors.New("data refused due to high memory usage")
		}
		return sink.ConsumeLogs(ctx, logs)
	})
	require.NoError(t, err)
	metrics := &consumertest.MetricsSink{}
	factory, cfg, set := NewFactory(), host.config(), receivertest.NewNopSettings(metadata.Type)
	r, err := factory.CreateLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	_, err = factory.CreateMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), &statusHost{}))
	h := &harness{sink: metrics, records: sink}
	listening(t, h, 1)
	scenario.Set("event.1", "3:0:31")
	scenario.Write(t, host.scenario)
	require.Eventually(t, func() bool { return len(h.events("nvml.xid")) == 3 }, 20*time.Second, 5*time.Millisecond)
	require.Len(t, h.events("nvml.availability"), 1)
	require.NoError(t, r.Shutdown(t.Context()))
}

// A receiver in a logs pipeline alone reads the GPUs as well, since it is how their health is known.
func TestLogsAlone(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	host := newGPUHost(t, fakenvml.Healthy(1))
	sink := &consumertest.LogsSink{}
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), host.config(), sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), &statusHost{}))
	h := &harness{records: sink}
	h.event(t, "nvml.availability", func(r plog.LogRecord) bool { return r.Body().Str() == "NVML is available" })
	ill := fakenvml.Healthy(1)
	ill.SetGPU(0, "lost", 1)
	ill.Write(t, host.scenario)
	h.event(t, "nvml.health", func(r plog.LogRecord) bool { return r.Body().Str() == "gpu0 is failed, was ok: lost" })
	require.NoError(t, r.Shutdown(t.Context()))
}

// Listening is broken off by an error of the driver and begins again.
func TestListeningGoesOn(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	scenario := fakenvml.Healthy(1)
	host := newGPUHost(t, scenario)
	h := run(t, host.config())
	listening(t, h, 1)
	broken := fakenvml.Healthy(1)
	broken.Set("event.error", 999)
	broken.Write(t, host.scenario)
	require.Eventually(t, func() bool { return h.logs.FilterMessageSnippet("broken off").Len() == 1 }, 20*time.Second, time.Millisecond)
	scenario.Write(t, host.scenario)
	// The receiver may not be back yet: an error that comes before is lost, as the log says, so they come until one is heard.
	seq := 0
	require.Eventually(t, func() bool {
		seq++
		scenario.Set("event."+string(rune('0'+seq)), "1:0:43")
		scenario.Write(t, host.scenario)
		time.Sleep(300 * time.Millisecond)
		return len(h.events("nvml.xid")) > 0
	}, 8*time.Second, 100*time.Millisecond)
}

// Beyond what can be kept, records of the same error become one, whose count says how many.
func TestEventsAreMergedBeyondTheLimit(t *testing.T) {
	block := make(chan struct{})
	sink := &consumertest.LogsSink{}
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		<-block
		return sink.ConsumeLogs(ctx, logs)
	})
	require.NoError(t, err)
	l, err := newEventLog(receivertest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), next)
	require.NoError(t, err)
	l.start()
	const sent = 3 * maxPendingEvents
	where := place{identity: identity{uuid: gpu0, name: "gpu0"}}
	for i := range sent {
		l.xid(time.Unix(int64(i), 0), xidEvent(63), where, driver{})
	}
	close(block)
	require.NoError(t, l.shutdown(t.Context()))
	records := (&harness{records: sink}).events("nvml.xid")
	require.LessOrEqual(t, len(records), maxPendingEvents+maxEventsPerSend+1)
	total := int64(0)
	for _, record := range records {
		count, _ := record.Attributes().Get("nvml.xid.count")
		total += count.Int()
	}
	require.EqualValues(t, sent, total, "none is lost")
}

// What the pipeline refuses for good is dropped, and the rest goes on.
func TestEventsRefusedForGood(t *testing.T) {
	sink := &consumertest.LogsSink{}
	var refused atomic.Bool
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if refused.CompareAndSwap(false, true) {
			return consumererror.NewPermanent(errors.New("no"))
		}
		return sink.ConsumeLogs(ctx, logs)
	})
	require.NoError(t, err)
	l, err := newEventLog(receivertest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), next)
	require.NoError(t, err)
	l.start()
	where := place{identity: identity{uuid: gpu0, name: "gpu0"}}
	l.xid(time.Now(), xidEvent(63), where, driver{})
	require.Eventually(t, refused.Load, 20*time.Second, time.Millisecond)
	l.xid(time.Now(), xidEvent(64), where, driver{})
	require.NoError(t, l.shutdown(t.Context()))
	require.Len(t, (&harness{records: sink}).events("nvml.xid"), 1)
}

const containerID = "4f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

// fakeProc makes a proc file system with one process.
func fakeProc(t *testing.T, pid int, name, cgroup string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, itoa(pid))
	require.NoError(t, os.Mkdir(dir, 0o755))
	for file, text := range map[string]string{
		"comm":   name + "\n",
		"cgroup": cgroup,
		"stat":   itoa(pid) + " (" + name + ") S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 1000 10 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	return root
}

func itoa(n int) string { return strconv.Itoa(n) }

func xidEvent(code uint64) nvml.XIDEvent {
	return nvml.XIDEvent{UUID: gpu0, XID: code, GPUInstance: nvml.NoInstance, ComputeInstance: nvml.NoInstance}
}
