package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// ioFields are the bytes moved over PCIe and NVLink. They are counters of the driver: nothing is lost between scrapes,
// and the call does not measure for 20 ms and direction as nvmlDeviceGetPcieThroughput does.
func ioFields(m metadata.MetricsConfig) []field {
	pcie := func(id nvml.FieldID, direction metadata.AttributeNetworkIoDirection) field {
		return field{
			id: id, name: "PCIe " + direction.String(), tier: moderate, metrics: countTrue(m.HwGpuIo.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				putBy(p, p.mb.RecordHwGpuIoDataPoint, int64(p.gpu.count("hw.gpu.io", direction.String(), n.Uint, n.Bits)), direction)
				return nil
			},
		}
	}
	nvlink := func(id nvml.FieldID, direction metadata.AttributeNetworkIoDirection) field {
		return field{
			id: id, scope: nvml.AllLinks, name: "NVLink " + direction.String(), tier: moderate, metrics: countTrue(m.NvmlNvlinkIo.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				kibibytes := p.gpu.count("nvml.nvlink.io", direction.String(), n.Uint, n.Bits)
				putBy(p, p.mb.RecordNvmlNvlinkIoDataPoint, int64(kibibytes)*1024, direction)
				return nil
			},
		}
	}
	return []field{
		pcie(nvml.FieldPCIeReceive, metadata.AttributeNetworkIoDirectionReceive),
		pcie(nvml.FieldPCIeTransmit, metadata.AttributeNetworkIoDirectionTransmit),
		nvlink(nvml.FieldNVLinkReceive, metadata.AttributeNetworkIoDirectionReceive),
		nvlink(nvml.FieldNVLinkTransmit, metadata.AttributeNetworkIoDirectionTransmit),
	}
}
