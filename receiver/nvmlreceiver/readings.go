package nvmlreceiver

import (
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// denied is how long a question is not asked again after the driver refused it for lack of permission. It may turn up
// in the middle of a run, in a container whose rights change.
const denied = 10 * time.Minute

// reading is one question to a GPU or MIG device. It is asked only where an enabled metric needs it, as often as its
// tier says, and no more of an entity that answered that it cannot tell.
type reading struct {
	name string
	tier tier
	// metrics is how many enabled metrics the answer feeds.
	metrics int
	// on says whether whole GPUs or MIG devices are asked.
	on   scope
	read func(*pass) error
}

// scope is a set of kinds of entities.
type scope int

const (
	onGPU scope = 1 << iota
	onMIG
)

// field is a question that is asked together with all others of its kind, in one call.
type field struct {
	id      nvml.FieldID
	scope   uint32
	name    string
	tier    tier
	metrics int
	take    func(*pass, nvml.FieldNumber) error
}

// plan is all that is asked, given which metrics are enabled.
type plan struct {
	readings []reading
	fields   []field
	// perScrape is how many metrics are missing when a whole GPU cannot be read.
	perScrape int
}

func newPlan(cfg *Config) plan {
	m := cfg.Metrics
	p := plan{
		readings: slices.Concat(utilizationReadings(m), activityReadings(m), memoryReadings(m), thermalReadings(m),
			powerReadings(m), clockReadings(m), throttleReadings(m), faultReadings(m), processReadings(cfg)),
		fields: slices.Concat(ioFields(m), throttleFields(m), faultFields(m), thermalFields(m), powerFields(m)),
	}
	p.readings = slices.DeleteFunc(p.readings, func(r reading) bool { return r.metrics == 0 })
	p.fields = slices.DeleteFunc(p.fields, func(f field) bool { return f.metrics == 0 })
	intervals := newSchedule(cfg).intervals
	for _, r := range p.readings {
		if r.on&onGPU != 0 && intervals[r.tier] <= cfg.CollectionInterval {
			p.perScrape += r.metrics
		}
	}
	for _, f := range p.fields {
		if intervals[f.tier] <= cfg.CollectionInterval {
			p.perScrape += f.metrics
		}
	}
	return p
}

func countTrue(flags ...bool) (n int) {
	for _, flag := range flags {
		if flag {
			n++
		}
	}
	return n
}

// failure is a question that was not answered, and the metrics that are missing for it.
type failure struct {
	metrics int
	err     error
}

// pass is one reading of one GPU.
type pass struct {
	lib    nvml.Library
	logger *zap.Logger
	users  *attribution
	plan   *plan
	time   time.Time
	now    pcommon.Timestamp
	due    [tiers]bool

	gpu *gpu
	// The entity that is asked, and where its answers go.
	*entity
	mb *metadata.MetricsBuilder

	failures []failure
}

// put records a value of the entity.
func put[V int64 | float64](
	p *pass,
	record func(ts pcommon.Timestamp, value V, id, model, name string, kind metadata.AttributeHwType, vendor string,
		options ...metadata.MetricAttributeOption),
	value V,
) {
	record(p.now, value, p.uuid, p.model, p.name, metadata.AttributeHwTypeGpu, vendor, p.options...)
}

// putBy records one of several values of the entity, which its attribute tells apart.
func putBy[V int64 | float64, A any](
	p *pass,
	record func(ts pcommon.Timestamp, value V, attribute A, id, model, name string, kind metadata.AttributeHwType, vendor string,
		options ...metadata.MetricAttributeOption),
	value V, attribute A,
) {
	record(p.now, value, attribute, p.uuid, p.model, p.name, metadata.AttributeHwTypeGpu, vendor, p.options...)
}

// read asks the GPU and its MIG devices everything that is due. Whatever fails, fails alone.
func (p *pass) read() {
	p.readEntity(&p.gpu.entity, onGPU)
	for _, m := range p.gpu.mig {
		p.readEntity(m, onMIG)
	}
	p.entity = &p.gpu.entity
}

func (p *pass) readEntity(e *entity, kind scope) {
	p.entity = e
	for i := range p.plan.readings {
		r := &p.plan.readings[i]
		if r.on&kind == 0 || !p.due[r.tier] || !p.mayAsk(r.name) {
			continue
		}
		p.settle(r.name, r.metrics, r.read(p))
	}
	if kind == onGPU {
		p.readFields()
	}
}

// readFields asks for all fields that are due in one call.
func (p *pass) readFields() {
	var asked []*field
	var values []nvml.Field
	metrics := 0
	for i := range p.plan.fields {
		f := &p.plan.fields[i]
		if p.due[f.tier] && p.mayAsk(f.name) {
			asked = append(asked, f)
			values = append(values, nvml.Field{ID: f.id, Scope: f.scope})
			metrics += f.metrics
		}
	}
	if len(asked) == 0 || !p.mayAsk("fields") {
		return
	}
	err := p.dev.Fields(values)
	p.settle("fields", metrics, err)
	if err != nil {
		return
	}
	for i, f := range asked {
		err := values[i].Err
		if err == nil {
			err = f.take(p, values[i].Value)
		}
		p.settle(f.name, f.metrics, err)
	}
}

// mayAsk tells whether a question can be answered as far as is known.
func (p *pass) mayAsk(name string) bool {
	q := p.question(name)
	return !q.unsupported && !p.time.Before(q.deniedUntil)
}

// settle remembers how a question was answered. An error is logged when it begins and when it has passed, not in
// every scrape.
func (p *pass) settle(name string, metrics int, err error) {
	q := p.question(name)
	logger := func() *zap.Logger {
		return p.logger.With(zap.String("gpu", p.name), zap.String("uuid", p.uuid), zap.String("reading", name))
	}
	switch {
	case err == nil:
		if q.failing {
			q.failing = false
			logger().Info("The GPU answers again")
		}
		return
	case p.unsupported(err):
		q.unsupported = true
		logger().Debug("Not supported by this GPU or driver, not asked again", zap.Error(err))
		return
	case nvml.StatusOf(err) == nvml.StatusNoPermission:
		q.deniedUntil = p.time.Add(denied)
		if !q.failing {
			logger().Warn("The driver refuses this to the collector; it is asked again from time to time",
				zap.Error(err), zap.Duration("asked_again_in", denied))
		}
	case !q.failing:
		logger().Warn("The GPU did not answer; this metric is missing until it does", zap.Error(err))
	}
	q.failing = true
	p.fail(metrics, fmt.Errorf("%s: %s: %w", p.name, name, err))
	p.gpu.condition.observe(err)
}

func (p *pass) fail(metrics int, err error) {
	p.failures = append(p.failures, failure{metrics, err})
}

// unsupported tells answers that will stay the same. NVML refuses MIG handles where it has no call for them in two ways.
func (p *pass) unsupported(err error) bool {
	return nvml.IsUnsupported(err) || p.parent != "" && nvml.StatusOf(err) == nvml.StatusInvalidArgument
}

// implausible is the error for answers that cannot be true; NVML writes all ones for "not available" in places.
func implausible(format string, args ...any) error {
	return fmt.Errorf("implausible answer of the driver: "+format, args...)
}

// ratio turns a percentage into a fraction.
func ratio(percent float64) (float64, error) {
	// A little more than 100 comes of rounding in the driver.
	if !(percent >= 0 && percent <= 101) {
		return 0, implausible("%v %%", percent)
	}
	return min(percent/100, 1), nil
}
