package nvmlreceiver

import (
	"errors"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

const vendor = "NVIDIA"

// gpu is what is kept of one GPU from scrape to scrape.
type gpu struct {
	uuid string
	// name is "gpu" and the index of the last scrape.
	name string
	// model, serial and pciBusID are read until all of them answered.
	model, serial, pciBusID string
	identified              bool

	seen pcommon.Timestamp
	// unsupported has one element for each reading of the scraper.
	unsupported []bool
	energy      energyCounter
}

// identify names the GPU. What cannot be read now stays empty and is asked for again in the next scrape, unless the
// GPU says that it has no such thing.
func (g *gpu) identify(index int, dev device) error {
	g.name = "gpu" + strconv.Itoa(index)
	if g.identified {
		return nil
	}
	var errs []error
	read := func(into *string, call func() (string, error)) {
		value, err := fenced(call)
		if err == nil {
			*into = value
		} else if !isUnsupported(err) {
			errs = append(errs, err)
		}
	}
	read(&g.model, dev.Model)
	read(&g.serial, dev.Serial)
	read(&g.pciBusID, dev.PCIBusID)
	g.identified = len(errs) == 0
	return errors.Join(errs...)
}

// resource describes the GPU.
func (g *gpu) resource(rb *metadata.ResourceBuilder, driverVersion, cudaVersion string) pcommon.Resource {
	rb.SetHwID(g.uuid)
	for _, attribute := range []struct {
		value string
		set   func(string)
	}{
		{driverVersion, rb.SetHwDriverVersion},
		{g.serial, rb.SetHwSerialNumber},
		{cudaVersion, rb.SetNvmlCudaVersion},
		{g.pciBusID, rb.SetNvmlPciBusID},
	} {
		if attribute.value != "" {
			attribute.set(attribute.value)
		}
	}
	return rb.Emit()
}

// energyCounter finds the start time of a counter that the driver restarts from zero and that tells no start time of
// its own. The zero value is a counter that was never observed.
type energyCounter struct {
	start, last pcommon.Timestamp
	value       uint64
}

// observe takes one reading. Where the start is unknown, it is the time of the first reading, as the OpenTelemetry
// data model wants it; after a restart it is the last reading before, since all of the new value came later.
func (c *energyCounter) observe(now pcommon.Timestamp, value uint64) {
	switch {
	case c.last == 0:
		c.start = now
	case value < c.value:
		c.start = c.last
	}
	c.last, c.value = now, value
}
