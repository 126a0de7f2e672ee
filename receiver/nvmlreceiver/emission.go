package nvmlreceiver

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// emission turns the readings of one scrape into metrics, and judges the health of every known GPU, those that could
// not be read included.
type emission struct {
	*gpuScraper
	now time.Time
	ts  pcommon.Timestamp
	out pmetric.Metrics

	judged map[string]bool
	// behind are the GPUs that have not answered in time.
	behind []string
	// present are the GPUs that were read.
	present map[string]nvml.Device
	reads   int
	// driverErrors counts the GPUs that could not be read for reasons of the driver.
	driverErrors int
	processes    int
}

func newEmission(s *gpuScraper, now time.Time, out pmetric.Metrics) *emission {
	return &emission{
		gpuScraper: s, now: now, ts: pcommon.NewTimestampFromTime(now), out: out,
		judged: map[string]bool{}, present: map[string]nvml.Device{},
	}
}

// read emits a GPU that was read.
func (e *emission) read(r *result) {
	g := r.gpu
	e.reads++
	e.present[g.uuid] = g.dev
	g.each(func(part *entity) { e.processes += len(part.processes) })
	e.inventory.update(g, e.soleUser)
	known, _ := e.inventory.snapshot(g.uuid)
	g.condition.fatalXIDs = known.fatal
	e.judge(r.pass, known, g.condition.state())
}

// soleUser returns the process that an XID error must be of, where there is only one and records name it.
func (e *emission) soleUser(of *entity) user {
	if e.log == nil || len(of.processes) != 1 {
		return user{}
	}
	return e.users.user(of, of.processes[0].PID)
}

// failed emits what is known of a GPU that could not be read.
func (e *emission) failed(uuid string, err error) {
	switch nvml.StatusOf(err) {
	case nvml.StatusUninitialized, nvml.StatusDriverNotLoaded, nvml.StatusVersionMismatch, nvml.StatusUnknown:
		e.driverErrors++
	}
	e.absent(uuid, unreadable(err))
}

// unread emits the known GPUs that were not read because they hang or because the driver no longer lists them.
func (e *emission) unread() {
	for _, uuid := range e.behind {
		e.absent(uuid, notAnswering())
	}
	for _, uuid := range e.inventory.confirmedGPUs() {
		e.absent(uuid, missing())
	}
}

// absent emits a GPU without readings. It does nothing for one that was judged already, under another index, or
// that was never seen, so that nothing is known to emit.
func (e *emission) absent(uuid string, h health) {
	known, ok := e.inventory.snapshot(uuid)
	if !ok || e.judged[uuid] {
		return
	}
	e.judge(&pass{now: e.ts, entity: &entity{identity: known.identity}, mb: e.mb}, known, h)
}

// judge emits the state of a GPU and its XID errors beside what was read of it, and reports a change of its state.
func (e *emission) judge(p *pass, known snapshot, h health) {
	e.judged[known.uuid] = true
	h.record(p)
	for _, x := range known.xids {
		putBy(p, p.mb.RecordNvmlXidErrorsDataPoint, x.count, int64(x.code))
	}
	p.mb.EmitForResource(
		metadata.WithResource(known.resource(p.mb.NewResourceBuilder(), e.session.driver)),
		metadata.WithStartTimeOverride(known.since),
	)
	if p.mb != e.mb {
		p.mb.Emit().ResourceMetrics().MoveAndAppendTo(e.out.ResourceMetrics())
	}
	if before := e.inventory.judge(known.uuid, h); e.log != nil && !before.equal(h) {
		e.log.health(e.now, known.identity, e.session.driver, before, h)
	}
}
