package nvmlreceiver

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

const vendor = "NVIDIA"

// identity is how a GPU or MIG device is named in what is emitted.
type identity struct {
	// uuid is the key: indexes and handles do not survive the removal of a GPU.
	uuid string
	// parent is the UUID of the GPU of a MIG device, else empty.
	parent string
	// name is "gpu" and the index of the last scrape, of a MIG device followed by ":" and its index.
	name  string
	model string
	// serial, pciBusID and minor are of GPUs alone; minor is -1 where it is not known.
	serial, pciBusID string
	minor            int
}

// resource describes a GPU. What is not known is left out.
func (i identity) resource(rb *metadata.ResourceBuilder, d driver) pcommon.Resource {
	rb.SetHwVendor(vendor)
	for _, attribute := range []struct {
		value string
		set   func(string)
	}{
		{i.uuid, rb.SetHwID},
		{i.model, rb.SetHwModel},
		{i.serial, rb.SetHwSerialNumber},
		{i.pciBusID, rb.SetNvmlPciBusID},
		{d.version, rb.SetHwDriverVersion},
		{d.cuda, rb.SetNvmlCudaVersion},
	} {
		if attribute.value != "" {
			attribute.set(attribute.value)
		}
	}
	return rb.Emit()
}

// driver is what is known of the driver of the host.
type driver struct {
	version, cuda string
}

// entity is what is read and kept of a GPU or of a MIG device from scrape to scrape.
type entity struct {
	identity
	identified bool
	dev        nvml.Device
	// gpuInstance is nvml.NoInstance on whole GPUs.
	gpuInstance, computeInstance uint32
	// options is the attribute hw.parent of a MIG device.
	options []metadata.MetricAttributeOption

	// asked has the state of each question, by its name.
	asked map[string]*question

	averages map[nvml.SampleType]*samples
	gpm      gpmState
	// processes are those of the last reading, most memory first.
	processes            []nvml.Process
	processUtilizationTo uint64
}

// question is what is remembered of one question to one entity.
type question struct {
	// unsupported tells that the entity or the driver cannot answer; it is not asked again.
	unsupported bool
	// deniedUntil is when to ask again after the driver refused for lack of permission.
	deniedUntil time.Time
	// failing tells that the last answer was an error, which was logged.
	failing bool
}

func newEntity(uuid string) entity {
	return entity{
		identity:        identity{uuid: uuid, minor: -1},
		gpuInstance:     nvml.NoInstance,
		computeInstance: nvml.NoInstance,
		asked:           map[string]*question{},
		averages:        map[nvml.SampleType]*samples{},
	}
}

func (e *entity) question(name string) *question {
	q := e.asked[name]
	if q == nil {
		q = &question{}
		e.asked[name] = q
	}
	return q
}

// probeAgain asks again what was not supported, because another driver or another MIG mode may support it.
func (e *entity) probeAgain() {
	clear(e.asked)
	clear(e.averages)
	e.identified = false
	e.gpm.free()
}

// identify reads the names of the entity. What cannot be read now stays empty and is asked for again in the next
// scrape, unless the entity says that it has no such thing.
func (e *entity) identify(dev nvml.Device, name string) error {
	e.dev, e.name = dev, name
	if e.identified {
		return nil
	}
	var errs []error
	read := func(into *string, call func() (string, error)) {
		value, err := call()
		if err == nil {
			*into = value
		} else if !nvml.IsUnsupported(err) {
			errs = append(errs, err)
		}
	}
	read(&e.model, dev.Model)
	if e.parent == "" {
		read(&e.serial, dev.Serial)
		read(&e.pciBusID, dev.PCIBusID)
		if minor, err := dev.MinorNumber(); err == nil {
			e.minor = minor
		} else if !nvml.IsUnsupported(err) {
			errs = append(errs, err)
		}
	}
	e.identified = len(errs) == 0
	return errors.Join(errs...)
}

// gpu is a GPU, with its MIG devices. Only the lane that has claimed it may touch it.
type gpu struct {
	entity
	claimed bool
	mb      *metadata.MetricsBuilder
	// since is when the GPU was first seen, the start time of its counters.
	since pcommon.Timestamp
	// probed is the driver that the questions were asked of, and migEnabled the mode.
	probed     driver
	migEnabled bool
	mig        map[string]*entity
	schedule   schedule
	counters   map[counterKey]*counter
	condition  condition
}

// counterKey names a counter of a GPU: a metric and the value of its attribute.
type counterKey struct {
	metric, attribute string
}

// count takes a reading of a counter of the driver and returns the value of the counter that is emitted.
func (g *gpu) count(metric, attribute string, reading uint64, bits int) uint64 {
	key := counterKey{metric, attribute}
	c := g.counters[key]
	if c == nil {
		c = &counter{}
		g.counters[key] = c
	}
	return c.add(reading, bits)
}

// each calls f for the GPU and then for its MIG devices.
func (g *gpu) each(f func(*entity)) {
	f(&g.entity)
	for _, m := range g.mig {
		f(m)
	}
}

func gpuName(index int) string { return "gpu" + strconv.Itoa(index) }

// updateMIG finds out which MIG devices exist now. Those that are gone are forgotten.
func (g *gpu) updateMIG() error {
	enabled, err := g.dev.MIGEnabled()
	if err != nil {
		return err
	}
	if enabled != g.migEnabled {
		// In the other mode the GPU supports other calls.
		g.migEnabled = enabled
		g.probeAgain()
	}
	if !enabled {
		g.dropMIG(nil)
		return nil
	}
	devices, err := g.dev.MIGDevices()
	if err != nil {
		return err
	}
	var errs []error
	present := map[string]bool{}
	for _, dev := range devices {
		uuid, err := dev.UUID()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		present[uuid] = true
		m := g.mig[uuid]
		if m == nil {
			e := newEntity(uuid)
			m = &e
			m.parent = g.uuid
			m.options = []metadata.MetricAttributeOption{metadata.WithHwParentMetricAttribute(g.uuid)}
			g.mig[uuid] = m
		}
		m.minor, m.gpuInstance, m.computeInstance = g.minor, dev.GPUInstance, dev.ComputeInstance
		if err := m.identify(dev.Device, fmt.Sprintf("%s:%d", g.name, dev.Index)); err != nil {
			errs = append(errs, err)
		}
	}
	g.dropMIG(present)
	return errors.Join(errs...)
}

func (g *gpu) dropMIG(present map[string]bool) {
	for uuid, m := range g.mig {
		if !present[uuid] {
			m.gpm.free()
			delete(g.mig, uuid)
		}
	}
}
