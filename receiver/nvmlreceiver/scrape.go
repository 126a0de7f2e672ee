package nvmlreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper/scrapererror"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// patience is how long a scrape waits at most for one GPU before it begins with the next. GPUs are read one after the
// other, because their calls wait for each other in the driver anyway; one that is slow or hangs does not hold up the
// rest.
const patience = time.Second

// gpuScraper reads all GPUs of the host. The scraper controller calls its methods one at a time.
type gpuScraper struct {
	cfg       *Config
	set       receiver.Settings
	lib       nvml.Library
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	// mb is for what is not of a GPU that was read.
	mb        *metadata.MetricsBuilder
	plan      plan
	session   *session
	users     *attribution
	log       *eventLog
	inventory *inventory

	slots    []*slot
	podsLane lane
	// watchers each listen to the GPUs that came at the same time.
	watchers []*watcher

	mu   sync.Mutex
	gpus map[string]*gpu
	// orphans are buffers of GPUs that are no longer known. They are freed before NVML is closed.
	orphans []gpmState
}

// slot is an index of NVML, with the lane on which the GPU at that index is read.
type slot struct {
	lane
	// uuid is that of the GPU that was last found at the index.
	uuid string
	// result belongs to the lane until that is idle. It is nil once it was used.
	result *result
	// failing tells that the last reading failed as a whole, and behind that it was left behind; both were logged.
	failing, behind bool
}

// result is what came of reading one GPU.
type result struct {
	uuid string
	gpu  *gpu
	pass *pass
	err  error
}

func newGPUScraper(set receiver.Settings, cfg *Config, lib nvml.Library, telemetry *metadata.TelemetryBuilder, log *eventLog) *gpuScraper {
	return &gpuScraper{
		cfg:       cfg,
		set:       set,
		lib:       lib,
		logger:    set.Logger,
		telemetry: telemetry,
		mb:        metadata.NewMetricsBuilder(cfg.MetricsBuilderConfig, set),
		plan:      newPlan(cfg),
		session:   &session{lib: lib, logger: set.Logger, log: log, minDelay: cfg.CollectionInterval},
		users:     newAttribution(cfg, set.Logger),
		log:       log,
		inventory: &inventory{gpus: map[string]*member{}},
		gpus:      map[string]*gpu{},
	}
}

func (s *gpuScraper) start(_ context.Context, host component.Host) error {
	s.session.host = host
	return nil
}

// shutdown closes NVML, unless a call is stuck in it: nobody can wait for that, and the process is about to end.
func (s *gpuScraper) shutdown(context.Context) error {
	s.podsLane.wait(patience)
	if s.quiet(patience) {
		s.session.close(patience, s.freeBuffers)
	} else {
		s.logger.Warn("NVML is left open: a call into the driver has not returned", zap.String("calls", hanging(s.lib)))
	}
	return s.users.close()
}

// scrape emits what can be read and returns what cannot as a partial error. A missing driver is no error: it is a
// value of nvml.available, so that collectors on hosts without a GPU stay quiet.
func (s *gpuScraper) scrape(ctx context.Context) (pmetric.Metrics, error) {
	now := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = now.Add(s.cfg.CollectionInterval)
	}
	var errs scrapererror.ScrapeErrors
	out := pmetric.NewMetrics()
	count, err := s.connect(now, deadline)
	switch {
	case err == nil:
		s.scrapeGPUs(now, deadline, count, out, &errs)
	case !errors.Is(err, errNotDue):
		s.session.setUnavailable(now, err)
		s.close(deadline)
	}
	s.mb.RecordNvmlAvailableDataPoint(pcommon.NewTimestampFromTime(now), one(err == nil))
	s.mb.Emit().ResourceMetrics().MoveAndAppendTo(out.ResourceMetrics())
	return out, errs.Combine()
}

// connect returns the number of GPUs. While a GPU is lost, NVML is opened anew from time to time.
func (s *gpuScraper) connect(now, deadline time.Time) (int, error) {
	if s.session.open && now.Sub(s.session.openedAt) >= maxRetryDelay && s.inventory.anyGone() {
		s.close(deadline)
	}
	count, err := s.session.connect(now, time.Until(deadline))
	if err != nil {
		return 0, err
	}
	if s.session.setAvailable(now, count) {
		s.inventory.startOver(s.session.driver)
		for _, slot := range s.slots {
			slot.uuid = ""
		}
	}
	return count, nil
}

// close ends the use of NVML until the next scrape, unless somebody is inside it.
func (s *gpuScraper) close(deadline time.Time) {
	if s.quiet(min(eventWait+patience, time.Until(deadline))) {
		s.session.close(time.Until(deadline), s.freeBuffers)
	}
}

// quiet ends the watchers and returns true when nobody is inside NVML, so that it can be closed.
func (s *gpuScraper) quiet(limit time.Duration) bool {
	for _, slot := range s.slots {
		if slot.busy() {
			return false
		}
	}
	for _, w := range s.watchers {
		w.end()
	}
	for len(s.watchers) > 0 {
		if !s.watchers[0].ended(limit) {
			return false
		}
		s.watchers = s.watchers[1:]
	}
	return true
}

// freeBuffers gives back what the driver has allocated. It runs on the lane of the session while nobody reads a GPU.
func (s *gpuScraper) freeBuffers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.gpus {
		g.each(func(e *entity) { e.gpm.free() })
	}
	for i := range s.orphans {
		s.orphans[i].free()
	}
	s.orphans = nil
}

func (s *gpuScraper) scrapeGPUs(now, deadline time.Time, count int, out pmetric.Metrics, errs *scrapererror.ScrapeErrors) {
	s.refreshUsers(deadline)
	d := s.session.driver
	for len(s.slots) < count {
		s.slots = append(s.slots, &slot{})
	}
	for index := range count {
		slot := s.slots[index]
		if slot.busy() {
			continue
		}
		s.discard(slot)
		r := &result{}
		slot.result = r
		slot.start(func() { s.readGPU(r, index, now, d) })
		// No GPU may use up the time of those after it.
		slot.wait(min(patience, time.Until(deadline)/time.Duration(count-index)))
	}

	e := newEmission(s, now, out)
	failed := map[string]*slot{}
	for index, slot := range s.slots[:count] {
		if !slot.wait(time.Until(deadline)) {
			s.leaveBehind(slot, index, errs)
			e.behind = append(e.behind, s.known(slot, index, e.ts))
			continue
		}
		s.collected(slot, index)
		if err := slot.outcome(); err != nil {
			s.failed(slot, index, err, errs)
			failed[s.known(slot, index, e.ts)] = slot
			continue
		}
		slot.failing = false
		if slot.uuid == "" {
			s.inventory.forget(gpuName(index))
		}
		slot.uuid = slot.result.uuid
		for _, f := range slot.result.pass.failures {
			errs.AddPartial(f.metrics, f.err)
		}
		e.read(slot.result)
		s.discard(slot)
	}
	for uuid, slot := range failed {
		e.failed(uuid, slot.result.err)
		s.discard(slot)
	}
	for index, slot := range s.slots[count:] {
		if slot.uuid == "" {
			s.inventory.forget(gpuName(count + index))
		}
	}
	e.unread()
	s.forget()
	s.users.endRound()
	s.afterwards(deadline, count, e)
}

// known returns the UUID of the GPU that was last found at an index. For a GPU that could never be identified, as one that
// was lost before the collector started, that is its name, so that its state is told all the same.
func (s *gpuScraper) known(slot *slot, index int, now pcommon.Timestamp) string {
	if slot.uuid != "" {
		return slot.uuid
	}
	s.inventory.unidentified(gpuName(index), now)
	return gpuName(index)
}

// outcome returns why the GPU was not read: a panic, or what the reading itself says.
func (s *slot) outcome() error {
	if err := s.err(); err != nil {
		s.result.err = err
	}
	return s.result.err
}

// readGPU runs on the lane of the index.
func (s *gpuScraper) readGPU(r *result, index int, now time.Time, d driver) {
	dev, err := s.lib.Device(index)
	if err != nil {
		r.err = err
		return
	}
	if r.uuid, r.err = dev.UUID(); r.err != nil {
		return
	}
	g := s.claim(r.uuid, now)
	if g == nil {
		r.err = fmt.Errorf("%s is still being read under another index", r.uuid)
		return
	}
	r.gpu = g
	if g.probed != d {
		g.probed = d
		g.each((*entity).probeAgain)
	}
	g.condition.lost = false
	p := &pass{
		lib: s.lib, logger: s.logger, users: s.users, plan: &s.plan, time: now, now: pcommon.NewTimestampFromTime(now),
		due: g.schedule.due(now), gpu: g, entity: &g.entity, mb: g.mb,
	}
	r.pass = p
	if err := g.identify(dev, gpuName(index)); err != nil {
		p.fail(0, fmt.Errorf("%s: identity: %w", g.name, err))
		g.condition.observe(err)
	}
	p.settle("MIG devices", 0, g.updateMIG())
	p.read()
}

// claim returns the state of a GPU for one lane alone, nil where another lane has it.
func (s *gpuScraper) claim(uuid string, now time.Time) *gpu {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gpus[uuid]
	if g == nil {
		g = &gpu{
			entity:   newEntity(uuid),
			mb:       metadata.NewMetricsBuilder(s.cfg.MetricsBuilderConfig, s.set),
			since:    pcommon.NewTimestampFromTime(now),
			mig:      map[string]*entity{},
			schedule: newSchedule(s.cfg),
			counters: map[counterKey]*counter{},
		}
		s.gpus[uuid] = g
	}
	if g.claimed {
		return nil
	}
	g.claimed = true
	return g
}

// discard ends the use of a result, and drops what was recorded and not emitted because it came too late.
func (s *gpuScraper) discard(slot *slot) {
	if slot.result == nil {
		return
	}
	if g := slot.result.gpu; g != nil {
		g.mb.Emit()
		s.mu.Lock()
		g.claimed = false
		s.mu.Unlock()
	}
	slot.result = nil
}

// leaveBehind is for a GPU that has not answered in time.
func (s *gpuScraper) leaveBehind(slot *slot, index int, errs *scrapererror.ScrapeErrors) {
	err := fmt.Errorf("%s: %w since %s: %s", gpuName(index), errNoAnswer, slot.since.Format(time.TimeOnly), hanging(s.lib))
	errs.AddPartial(s.plan.perScrape, err)
	if !slot.behind {
		slot.behind = true
		s.telemetry.NvmlAbandonedReads.Add(context.Background(), 1)
		s.logger.Warn("A GPU is left behind: a call into the driver has not returned. The other GPUs are read on.", zap.Error(err))
	}
}

// collected is for a GPU whose reading has ended.
func (s *gpuScraper) collected(slot *slot, index int) {
	if slot.behind {
		slot.behind = false
		s.logger.Info("The call into the driver has returned, the GPU is read again", zap.String("gpu", gpuName(index)))
	}
}

// failed is for a GPU of which nothing could be read.
func (s *gpuScraper) failed(slot *slot, index int, err error, errs *scrapererror.ScrapeErrors) {
	errs.AddPartial(s.plan.perScrape, fmt.Errorf("%s: %w", gpuName(index), err))
	if !slot.failing {
		slot.failing = true
		s.logger.Warn("A GPU cannot be read; it is tried again in each scrape", zap.String("gpu", gpuName(index)),
			zap.String("uuid", slot.uuid), zap.Error(err))
	}
}

// refreshUsers asks the kubelet, without waiting long for it.
func (s *gpuScraper) refreshUsers(deadline time.Time) {
	if s.users.pods == nil || s.podsLane.busy() {
		return
	}
	s.podsLane.start(func() {
		ctx, cancel := context.WithTimeout(context.Background(), podResourcesTimeout)
		defer cancel()
		s.users.refresh(ctx)
	})
	s.podsLane.wait(min(podResourcesTimeout, time.Until(deadline)))
}

// forget drops the state of GPUs that are no longer known.
func (s *gpuScraper) forget() {
	s.inventory.forgetUnconfirmed()
	s.mu.Lock()
	defer s.mu.Unlock()
	for uuid, g := range s.gpus {
		if !g.claimed && !s.inventory.knows(uuid) {
			g.each(func(e *entity) { s.orphans = append(s.orphans, e.gpm) })
			delete(s.gpus, uuid)
		}
	}
}

// afterwards decides what becomes of NVML until the next scrape.
func (s *gpuScraper) afterwards(deadline time.Time, count int, e *emission) {
	// Where no GPU answers for reasons of the driver, device access was taken away or the driver has gone under the
	// collector, and only a new start of NVML helps.
	driverGone := count > 0 && e.driverErrors == count
	idle := s.cfg.ReleaseWhenIdle && e.reads == count && e.processes == 0
	if !driverGone && !idle {
		s.watch(e.present)
		return
	}
	s.close(deadline)
}

// watch listens for XID errors of the GPUs that are there.
func (s *gpuScraper) watch(present map[string]nvml.Device) {
	if !s.cfg.Metrics.NvmlXidErrors.Enabled && !s.cfg.Metrics.HwStatus.Enabled && s.log == nil {
		return
	}
	// The driver keeps no events for those who were not listening. So the GPUs that came get a watcher of their own,
	// and the others go on being listened to.
	for _, w := range s.watchers {
		for uuid := range w.gpus {
			delete(present, uuid)
		}
	}
	if len(present) == 0 {
		return
	}
	s.watchers = append(s.watchers, watch(s.lib, s.logger, present, s.inventory.listen, func(event nvml.XIDEvent) {
		where, d := s.inventory.count(event)
		if s.log != nil {
			s.log.xid(time.Now(), event, where, d)
		}
	}))
}
