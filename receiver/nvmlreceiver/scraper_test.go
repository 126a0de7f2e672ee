package nvmlreceiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/collector/scraper/scrapererror"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

// memoryLibrary stands in for NVML where a test needs what the fake library cannot do: a panic in the binding, a
// clock that stands still, a count of calls.
type memoryLibrary struct {
	openErr error
	opened  []time.Time
	closed  int
	devices []*memoryDevice
}

func (l *memoryLibrary) Open() error {
	l.opened = append(l.opened, time.Now())
	return l.openErr
}
func (l *memoryLibrary) Close() error                     { l.closed++; return nil }
func (l *memoryLibrary) DriverVersion() (string, error)   { return "580.82.07", nil }
func (l *memoryLibrary) CUDAVersion() (int, error)        { return 13000, nil }
func (l *memoryLibrary) DeviceCount() (int, error)        { return len(l.devices), nil }
func (l *memoryLibrary) Device(index int) (device, error) { return l.devices[index], nil }

// memoryDevice answers like a healthy GPU, but for the calls that it has an error for.
type memoryDevice struct {
	uuid   string
	errs   map[string]error
	panics map[string]bool
	calls  map[string]int
}

func newMemoryDevice(uuid string) *memoryDevice {
	return &memoryDevice{uuid: uuid, errs: map[string]error{}, panics: map[string]bool{}, calls: map[string]int{}}
}

func (d *memoryDevice) answer(call string) error {
	d.calls[call]++
	if d.panics[call] {
		panic("slice bounds out of range [:3] with capacity 2")
	}
	return d.errs[call]
}

func (d *memoryDevice) UUID() (string, error)        { return d.uuid, d.answer("uuid") }
func (d *memoryDevice) Model() (string, error)       { return "NVIDIA Fake", d.answer("model") }
func (d *memoryDevice) Serial() (string, error)      { return "1", d.answer("serial") }
func (d *memoryDevice) PCIBusID() (string, error)    { return "0000:01:00.0", d.answer("pci") }
func (d *memoryDevice) Memory() (memory, error)      { return memory{total: 4, used: 1}, d.answer("memory") }
func (d *memoryDevice) Utilization() (uint32, error) { return 50, d.answer("utilization") }
func (d *memoryDevice) Temperature() (int64, error)  { return 40, d.answer("temperature") }
func (d *memoryDevice) Power() (uint32, error)       { return 1000, d.answer("power") }
func (d *memoryDevice) Energy() (uint64, error)      { return 1000, d.answer("energy") }

func newTestScraper(lib library) *gpuScraper {
	cfg := createDefaultConfig().(*Config)
	return newGPUScraper(receivertest.NewNopSettings(metadata.Type), cfg, lib)
}

func names(metrics pmetric.Metrics) []string {
	found := map[string]bool{}
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				found[metric.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestPanicCostsOneReading(t *testing.T) {
	broken, healthy := newMemoryDevice("GPU-broken"), newMemoryDevice("GPU-healthy")
	broken.panics["power"] = true
	s := newTestScraper(&memoryLibrary{devices: []*memoryDevice{broken, healthy}})

	metrics, err := s.scrape(t.Context())
	require.ErrorContains(t, err, "gpu0: power: panic in the NVML binding: slice bounds out of range")
	require.True(t, scrapererror.IsPartialScrapeError(err))
	require.Len(t, points(metrics, "hw.temperature"), 2)
	require.Equal(t, []string{"GPU-healthy"}, slices.Collect(maps.Keys(points(metrics, "hw.power"))))
}

func TestPanicInIdentityCostsOneGPU(t *testing.T) {
	broken, healthy := newMemoryDevice("GPU-broken"), newMemoryDevice("GPU-healthy")
	broken.panics["uuid"] = true
	s := newTestScraper(&memoryLibrary{devices: []*memoryDevice{broken, healthy}})

	metrics, err := s.scrape(t.Context())
	partial, ok := errors.AsType[scrapererror.PartialScrapeError](err)
	require.True(t, ok)
	require.Equal(t, s.metricsPerGPU, partial.Failed)
	require.Equal(t, []string{"GPU-healthy"}, slices.Collect(maps.Keys(points(metrics, "hw.power"))))
}

func TestUnsupportedIsNotAskedAgain(t *testing.T) {
	dev := newMemoryDevice("GPU-0")
	dev.errs["energy"] = &callError{call: "nvmlDeviceGetTotalEnergyConsumption", status: statusNotSupported}
	dev.errs["serial"] = &callError{call: "nvmlDeviceGetSerial", status: statusNotSupported}
	dev.errs["power"] = &callError{call: "nvmlDeviceGetPowerUsage", status: statusUnknown}
	lib := &memoryLibrary{devices: []*memoryDevice{dev}}
	s := newTestScraper(lib)
	for range 3 {
		_, err := s.scrape(t.Context())
		require.ErrorContains(t, err, "power")
		require.NotContains(t, err.Error(), "energy")
	}
	require.Equal(t, 1, dev.calls["energy"])
	require.Equal(t, 1, dev.calls["serial"])
	require.Equal(t, 3, dev.calls["power"], "an error that may pass must be tried again")

	// Another GPU in its place is another matter.
	lib.devices = []*memoryDevice{newMemoryDevice("GPU-1")}
	metrics, err := s.scrape(t.Context())
	require.NoError(t, err)
	require.Len(t, points(metrics, "hw.energy"), 1)
	require.Equal(t, []string{"GPU-1"}, slices.Collect(maps.Keys(s.gpus)), "what is kept must be bounded by the GPUs present")
}

func TestIdentityIsAskedUntilAnswered(t *testing.T) {
	dev := newMemoryDevice("GPU-0")
	dev.errs["serial"] = &callError{call: "nvmlDeviceGetSerial", status: statusUnknown}
	s := newTestScraper(&memoryLibrary{devices: []*memoryDevice{dev}})
	metrics, err := s.scrape(t.Context())
	require.ErrorContains(t, err, "gpu0: nvmlDeviceGetSerial: unknown error (999)")
	require.Len(t, points(metrics, "hw.power"), 1)

	delete(dev.errs, "serial")
	for range 2 {
		metrics, err = s.scrape(t.Context())
		require.NoError(t, err)
		serial, ok := metrics.ResourceMetrics().At(0).Resource().Attributes().Get("hw.serial_number")
		require.True(t, ok)
		require.Equal(t, "1", serial.Str())
	}
	require.Equal(t, 2, dev.calls["serial"])
}

// Indexes move when a GPU goes away; what is known of a GPU must move with its UUID.
func TestRenumbering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newMemoryDevice("GPU-0"), newMemoryDevice("GPU-1")
		lib := &memoryLibrary{devices: []*memoryDevice{first, second}}
		s := newTestScraper(lib)
		metrics, err := s.scrape(t.Context())
		require.NoError(t, err)
		before := points(metrics, "hw.energy")["GPU-1"]

		time.Sleep(time.Second)
		lib.devices = []*memoryDevice{second}
		metrics, err = s.scrape(t.Context())
		require.NoError(t, err)
		after := points(metrics, "hw.energy")["GPU-1"]
		require.Equal(t, before.StartTimestamp(), after.StartTimestamp())
		require.Less(t, before.Timestamp(), after.Timestamp())
		name, _ := after.Attributes().Get("hw.name")
		require.Equal(t, "gpu0", name.Str())
		require.Contains(t, points(metrics, "gpu.memory.used.mb"), "gpu0")
	})
}

func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lib := &memoryLibrary{openErr: &callError{call: "nvmlInit_v2", status: statusDriverNotLoaded}}
		s := newTestScraper(lib)
		began := time.Now()
		scrapeFor := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Second) {
				_, err := s.scrape(t.Context())
				require.NoError(t, err)
			}
		}
		scrapeFor(5 * time.Minute)
		var attempts []time.Duration
		for _, at := range lib.opened {
			attempts = append(attempts, at.Sub(began))
		}
		require.Equal(t, []time.Duration{
			0, 10 * time.Second, 30 * time.Second, 70 * time.Second,
			130 * time.Second, 190 * time.Second, 250 * time.Second,
		}, attempts)

		lib.openErr = nil
		lib.devices = []*memoryDevice{newMemoryDevice("GPU-0")}
		scrapeFor(time.Minute)
		require.True(t, s.available)
		require.NoError(t, s.shutdown(t.Context()))
		require.Equal(t, 1, lib.closed)
	})
}

func TestTimeoutEndsScrape(t *testing.T) {
	s := newTestScraper(&memoryLibrary{devices: []*memoryDevice{newMemoryDevice("GPU-0"), newMemoryDevice("GPU-1")}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	metrics, err := s.scrape(ctx)
	partial, ok := errors.AsType[scrapererror.PartialScrapeError](err)
	require.True(t, ok)
	require.Equal(t, 2*s.metricsPerGPU, partial.Failed)
	require.ErrorContains(t, err, context.Canceled.Error())
	require.Equal(t, []string{"nvml.available"}, names(metrics))
}

// A metric that is switched off costs no call into the driver.
func TestDisabledMetricsAreNotRead(t *testing.T) {
	dev := newMemoryDevice("GPU-0")
	cfg := createDefaultConfig().(*Config)
	cfg.Metrics.HwEnergy.Enabled = false
	cfg.Metrics.HwGpuMemoryUsage.Enabled = false
	cfg.Metrics.HwGpuMemoryLimit.Enabled = false
	cfg.Metrics.HwGpuMemoryUtilization.Enabled = false
	s := newGPUScraper(receivertest.NewNopSettings(metadata.Type), cfg, &memoryLibrary{devices: []*memoryDevice{dev}})
	metrics, err := s.scrape(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"gpu.memory.used.mb", "hw.gpu.utilization", "hw.power", "hw.temperature", "nvml.available"}, names(metrics))
	require.Zero(t, dev.calls["energy"])
	require.Equal(t, 1, dev.calls["memory"])
}

func TestShutdown(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprintf("started=%v", started), func(t *testing.T) {
			lib := &memoryLibrary{devices: []*memoryDevice{newMemoryDevice("GPU-0")}}
			sink := &consumertest.MetricsSink{}
			r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), testConfig(), lib, sink)
			require.NoError(t, err)
			if started {
				require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
				require.Eventually(t, func() bool { return sink.DataPointCount() > 0 }, 20*time.Second, time.Millisecond)
			}
			require.NoError(t, r.Shutdown(cancelled))
			require.NoError(t, r.Shutdown(cancelled))
			want := 0
			if started {
				want = 1
			}
			require.Equal(t, want, lib.closed)
		})
	}
}

// Builds without the binding say what is wrong and run on.
func TestNoBinding(t *testing.T) {
	h := run(t, testConfig(), &memoryLibrary{openErr: errNoBinding})
	require.True(t, available(0)(h.scrape(t)))
	require.Equal(t, errNoBinding.Error(), h.logs.All()[0].ContextMap()["error"])
	require.Contains(t, h.logs.All()[0].ContextMap()["remedy"], "CGO_ENABLED=1")
}

func TestEnergyCounter(t *testing.T) {
	var c energyCounter
	c.observe(10, 500)
	require.EqualValues(t, 10, c.start, "the start before the first observation is unknown")
	c.observe(20, 500)
	c.observe(30, 700)
	require.EqualValues(t, 10, c.start)
	c.observe(40, 100)
	require.EqualValues(t, 30, c.start, "all of a counter that restarted came after the last observation")
	c.observe(50, 150)
	require.EqualValues(t, 30, c.start)
}
