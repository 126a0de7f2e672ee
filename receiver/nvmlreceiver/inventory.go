package nvmlreceiver

import (
	"maps"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/xid"
)

// inventory is what is known of all GPUs apart from reading them: it outlives lost GPUs, and it names the GPU and
// process of an XID error. The scrape writes it, the watcher of XID errors counts in it.
type inventory struct {
	mu     sync.Mutex
	driver driver
	gpus   map[string]*member
}

// member is a known GPU.
type member struct {
	identity
	since pcommon.Timestamp
	// health is that of the last scrape, known false before the first.
	health health
	known  bool
	// confirmed tells that the GPU was seen since NVML last became available.
	confirmed bool
	// places are the whole GPU, first, and its MIG devices.
	places []place
	// xids counts errors by code. fatal are those since the driver was last loaded that leave the GPU unusable.
	xids  map[uint64]int64
	fatal []uint64
}

// place is a GPU or MIG device, and its user where it has exactly one.
type place struct {
	identity
	gpuInstance, computeInstance uint32
	sole                         user
}

// member returns what is known of a GPU, with the mutex held.
func (i *inventory) member(uuid string) *member {
	m := i.gpus[uuid]
	if m == nil {
		m = &member{identity: identity{uuid: uuid}, xids: map[uint64]int64{}}
		i.gpus[uuid] = m
	}
	return m
}

// update takes what a scrape read of a GPU; soleUser finds the only user of a part of it.
func (i *inventory) update(g *gpu, soleUser func(*entity) user) {
	places := []place{}
	g.each(func(e *entity) {
		places = append(places, place{
			identity: e.identity, gpuInstance: e.gpuInstance, computeInstance: e.computeInstance, sole: soleUser(e),
		})
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.member(g.uuid)
	m.identity, m.since, m.places, m.confirmed = g.identity, g.since, places, true
}

// unidentified takes a GPU of which nothing but its index is known.
func (i *inventory) unidentified(name string, now pcommon.Timestamp) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.member(name)
	if m.since == 0 {
		m.name, m.since = name, now
	}
	m.confirmed = true
}

// forget drops a GPU.
func (i *inventory) forget(uuid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.gpus, uuid)
}

// startOver begins a new life of the driver: a GPU that does not come back is no longer known, and errors of the
// former life are over.
func (i *inventory) startOver(d driver) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.driver = d
	for _, m := range i.gpus {
		m.confirmed, m.fatal = false, nil
	}
}

// forgetUnconfirmed drops the GPUs that did not come back with the driver.
func (i *inventory) forgetUnconfirmed() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for uuid, m := range i.gpus {
		if !m.confirmed {
			delete(i.gpus, uuid)
		}
	}
}

// knows tells whether a GPU is known.
func (i *inventory) knows(uuid string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.gpus[uuid] != nil
}

// anyGone tells whether a known GPU cannot be reached.
func (i *inventory) anyGone() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, m := range i.gpus {
		if m.health.gone {
			return true
		}
	}
	return false
}

// judge remembers the health of a GPU and returns the health before. It is the same for a GPU that is ok when first
// judged, which is nothing to report.
func (i *inventory) judge(uuid string, now health) (before health) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.member(uuid)
	before = m.health
	if !m.known {
		before = (&condition{}).state()
	}
	m.health, m.known = now, true
	return before
}

// listen makes the counters that a GPU whose errors are listened for has from the start.
func (i *inventory) listen(uuid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.member(uuid)
	for _, code := range xid.Hardware() {
		m.xids[code] += 0
	}
}

// count counts an error, and returns where it happened.
func (i *inventory) count(event nvml.XIDEvent) (where place, d driver) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.member(event.UUID)
	m.xids[event.XID]++
	if xid.Lookup(event.XID).Severity == xid.SeverityFatal && !slices.Contains(m.fatal, event.XID) {
		m.fatal = append(m.fatal, event.XID)
	}
	where = place{identity: m.identity}
	for _, p := range m.places {
		switch {
		case p.parent == "":
			where = p
		case p.gpuInstance == event.GPUInstance && p.computeInstance == event.ComputeInstance:
			return p, i.driver
		case p.gpuInstance == event.GPUInstance && event.ComputeInstance == nvml.NoInstance && where.parent == "":
			where = p
		}
	}
	return where, i.driver
}

// snapshot is what a scrape emits of a GPU beside its readings.
type snapshot struct {
	identity
	since pcommon.Timestamp
	// xids has the errors by code, in the order of the codes.
	xids  []xidCount
	fatal []uint64
}

type xidCount struct {
	code  uint64
	count int64
}

// snapshot returns what is known of a GPU.
func (i *inventory) snapshot(uuid string) (snapshot, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m := i.gpus[uuid]
	if m == nil {
		return snapshot{}, false
	}
	s := snapshot{identity: m.identity, since: m.since, fatal: slices.Clone(m.fatal)}
	for _, code := range slices.Sorted(maps.Keys(m.xids)) {
		s.xids = append(s.xids, xidCount{code, m.xids[code]})
	}
	return s, true
}

// confirmedGPUs returns the GPUs that were seen since the driver was loaded.
func (i *inventory) confirmedGPUs() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var uuids []string
	for uuid, m := range i.gpus {
		if m.confirmed {
			uuids = append(uuids, uuid)
		}
	}
	slices.Sort(uuids)
	return uuids
}
