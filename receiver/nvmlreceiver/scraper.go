package nvmlreceiver

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper/scrapererror"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

// maxRetryDelay bounds the back-off while NVML cannot be opened. Asking costs little, but on some hosts each attempt
// tries to load the driver's kernel module.
const maxRetryDelay = time.Minute

// gpuScraper reads all GPUs of the host. The scraper controller calls its methods one at a time.
type gpuScraper struct {
	lib      library
	logger   *zap.Logger
	host     component.Host
	mb       *metadata.MetricsBuilder
	readings []reading
	// metricsPerGPU is how many metrics are missing when a whole GPU cannot be read.
	metricsPerGPU int

	open      bool
	available bool
	// advice is what was last logged to be done about NVML not being available.
	advice     string
	minDelay   time.Duration
	retryDelay time.Duration
	retryAt    time.Time

	driverVersion string
	cudaVersion   string
	// gpus are the GPUs of the last scrape by UUID, because indexes and handles do not survive the removal of a GPU.
	gpus map[string]*gpu
}

func newGPUScraper(set receiver.Settings, cfg *Config, lib library) *gpuScraper {
	s := &gpuScraper{
		lib:      lib,
		logger:   set.Logger,
		mb:       metadata.NewMetricsBuilder(cfg.MetricsBuilderConfig, set),
		readings: enabledReadings(cfg.Metrics),
		minDelay: cfg.CollectionInterval,
		gpus:     map[string]*gpu{},
	}
	for _, r := range s.readings {
		s.metricsPerGPU += r.metrics
	}
	return s
}

func (s *gpuScraper) start(_ context.Context, host component.Host) error {
	s.host = host
	return nil
}

func (s *gpuScraper) shutdown(context.Context) error {
	s.close()
	return nil
}

// scrape emits what can be read and returns what cannot as a partial error. A missing driver is no error: it is a
// value of nvml.available, so that collectors on hosts without a GPU stay quiet.
func (s *gpuScraper) scrape(ctx context.Context) (pmetric.Metrics, error) {
	now := time.Now()
	ts := pcommon.NewTimestampFromTime(now)

	var errs scrapererror.ScrapeErrors
	count, err := s.connect(now)
	if err != nil {
		s.setUnavailable(now, err)
	}
	if s.available {
		s.scrapeGPUs(ctx, ts, count, &errs)
	}
	s.mb.RecordNvmlAvailableDataPoint(ts, one(s.available))
	return s.mb.Emit(), errs.Combine()
}

// connect returns the number of GPUs, after opening NVML where that is due.
func (s *gpuScraper) connect(now time.Time) (int, error) {
	if !s.open {
		if now.Before(s.retryAt) {
			return 0, nil
		}
		if err := fence(s.lib.Open); err != nil {
			return 0, err
		}
		s.open = true
	}
	count, err := fenced(s.lib.DeviceCount)
	if err != nil {
		return 0, err
	}
	if !s.available {
		s.setAvailable(count)
	}
	return count, nil
}

func (s *gpuScraper) setAvailable(count int) {
	s.available, s.advice, s.retryDelay = true, "", 0
	s.driverVersion, s.cudaVersion = s.versions()
	s.logger.Info("Reading GPUs through NVML", zap.Int("gpus", count),
		zap.String("driver_version", s.driverVersion), zap.String("cuda_version", s.cudaVersion))
	componentstatus.ReportStatus(s.host, componentstatus.NewEvent(componentstatus.StatusOK))
}

// setUnavailable closes NVML and plans the next attempt. It logs once, and again only when there is something else to
// be done than before.
func (s *gpuScraper) setUnavailable(now time.Time, err error) {
	s.close()
	s.available = false
	s.retryDelay = min(max(2*s.retryDelay, s.minDelay), max(maxRetryDelay, s.minDelay))
	s.retryAt = now.Add(s.retryDelay)
	advice := remedy(err)
	if advice == s.advice {
		return
	}
	s.advice = advice
	s.logger.Warn("No GPU metrics: NVML is not available. Everything else runs on, and NVML is tried again from time to time.",
		zap.Error(err), zap.String("remedy", advice))
	componentstatus.ReportStatus(s.host, componentstatus.NewRecoverableErrorEvent(err))
}

// close forgets the GPUs too: another driver may support other calls.
func (s *gpuScraper) close() {
	if !s.open {
		return
	}
	s.open = false
	clear(s.gpus)
	if err := fence(s.lib.Close); err != nil {
		s.logger.Debug("Closing NVML failed", zap.Error(err))
	}
}

// versions returns what is known of the driver; a version that cannot be read is left out of the resource.
func (s *gpuScraper) versions() (driver, cuda string) {
	driver, err := fenced(s.lib.DriverVersion)
	if err != nil {
		s.logger.Debug("Driver version unknown", zap.Error(err))
	}
	encoded, err := fenced(s.lib.CUDAVersion)
	if err != nil {
		s.logger.Debug("CUDA version unknown", zap.Error(err))
		return driver, ""
	}
	return driver, fmt.Sprintf("%d.%d", encoded/1000, encoded%1000/10)
}

func (s *gpuScraper) scrapeGPUs(ctx context.Context, now pcommon.Timestamp, count int, errs *scrapererror.ScrapeErrors) {
	for index := range count {
		if err := ctx.Err(); err != nil {
			errs.AddPartial((count-index)*s.metricsPerGPU, fmt.Errorf("scrape ended before gpu%d: %w", index, err))
			return
		}
		s.scrapeGPU(now, index, errs)
	}
	for uuid, g := range s.gpus {
		if g.seen != now {
			delete(s.gpus, uuid)
		}
	}
}

// scrapeGPU reads one GPU. Whatever fails, fails alone: the other readings and the other GPUs go on.
func (s *gpuScraper) scrapeGPU(now pcommon.Timestamp, index int, errs *scrapererror.ScrapeErrors) {
	dev, err := fenced(func() (device, error) { return s.lib.Device(index) })
	if err != nil {
		errs.AddPartial(s.metricsPerGPU, fmt.Errorf("gpu%d: %w", index, err))
		return
	}
	uuid, err := fenced(dev.UUID)
	if err != nil {
		errs.AddPartial(s.metricsPerGPU, fmt.Errorf("gpu%d: %w", index, err))
		return
	}
	g := s.gpus[uuid]
	if g == nil {
		g = &gpu{uuid: uuid, unsupported: make([]bool, len(s.readings))}
		s.gpus[uuid] = g
	}
	g.seen = now
	if err := g.identify(index, dev); err != nil {
		errs.AddPartial(0, fmt.Errorf("gpu%d: %w", index, err))
	}

	for i, r := range s.readings {
		if g.unsupported[i] {
			continue
		}
		err := r.read(s.mb, now, g, dev)
		switch {
		case err == nil:
		case isUnsupported(err):
			g.unsupported[i] = true
			s.logger.Debug("Not supported by this GPU or driver, not asked again",
				zap.String("gpu", g.name), zap.String("uuid", uuid), zap.String("reading", r.name), zap.Error(err))
		default:
			errs.AddPartial(r.metrics, fmt.Errorf("gpu%d: %s: %w", index, r.name, err))
		}
	}
	options := []metadata.ResourceMetricsOption{
		metadata.WithResource(g.resource(s.mb.NewResourceBuilder(), s.driverVersion, s.cudaVersion)),
	}
	if g.energy.start != 0 {
		options = append(options, metadata.WithStartTimeOverride(g.energy.start))
	}
	s.mb.EmitForResource(options...)
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
