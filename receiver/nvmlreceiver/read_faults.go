package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// faultReadings are of faults that have a call of their own. hw.status needs them, so they are asked for it too.
func faultReadings(m metadata.MetricsConfig) []reading {
	return []reading{{
		name: "remapped rows", on: onGPU, tier: rare,
		metrics: countTrue(m.NvmlMemoryRemappedRows.Enabled, m.NvmlMemoryRemappingPending.Enabled,
			m.NvmlMemoryRemappingFailed.Enabled, m.HwStatus.Enabled),
		read: func(p *pass) error {
			rows, err := p.dev.RemappedRows()
			if err != nil {
				return err
			}
			for kind, count := range map[metadata.AttributeErrorType]uint64{
				metadata.AttributeErrorTypeCorrected:   rows.Correctable,
				metadata.AttributeErrorTypeUncorrected: rows.Uncorrectable,
			} {
				total := p.gpu.count("nvml.memory.remapped_rows", kind.String(), count, 64)
				putBy(p, p.mb.RecordNvmlMemoryRemappedRowsDataPoint, int64(total), kind)
			}
			put(p, p.mb.RecordNvmlMemoryRemappingPendingDataPoint, one(rows.Pending))
			put(p, p.mb.RecordNvmlMemoryRemappingFailedDataPoint, one(rows.Failed))
			p.gpu.condition.remappingPending, p.gpu.condition.remappingFailed = rows.Pending, rows.Failed
			return nil
		},
	}}
}

// faultFields are counts of faults, and what the driver wants to be done about them.
func faultFields(m metadata.MetricsConfig) []field {
	ecc := func(id nvml.FieldID, kind metadata.AttributeErrorType) field {
		return field{
			id: id, name: kind.String() + " ECC errors", tier: moderate, metrics: countTrue(m.HwErrors.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				putBy(p, p.mb.RecordHwErrorsDataPoint, int64(p.gpu.count("hw.errors", kind.String(), n.Uint, n.Bits)), kind)
				return nil
			},
		}
	}
	retired := func(id nvml.FieldID, cause metadata.AttributeNvmlRetirementCause) field {
		return field{
			id: id, name: "pages retired for " + cause.String() + " errors", tier: rare, metrics: countTrue(m.NvmlMemoryRetiredPages.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				total := p.gpu.count("nvml.memory.retired_pages", cause.String(), n.Uint, n.Bits)
				putBy(p, p.mb.RecordNvmlMemoryRetiredPagesDataPoint, int64(total), cause)
				return nil
			},
		}
	}
	return []field{
		ecc(nvml.FieldECCCorrectedVolatile, metadata.AttributeErrorTypeCorrected),
		ecc(nvml.FieldECCUncorrectedVolatile, metadata.AttributeErrorTypeUncorrected),
		retired(nvml.FieldRetiredSingleBit, metadata.AttributeNvmlRetirementCauseSingleBit),
		retired(nvml.FieldRetiredDoubleBit, metadata.AttributeNvmlRetirementCauseDoubleBit),
		{
			id: nvml.FieldRetiredPending, name: "pending retirement", tier: rare,
			metrics: countTrue(m.NvmlMemoryRetirementPending.Enabled, m.HwStatus.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				p.gpu.condition.retirementPending = n.Uint != 0
				put(p, p.mb.RecordNvmlMemoryRetirementPendingDataPoint, one(n.Uint != 0))
				return nil
			},
		},
		{
			id: nvml.FieldRecoveryAction, name: "recovery action", tier: moderate, metrics: countTrue(m.HwStatus.Enabled),
			take: func(p *pass, n nvml.FieldNumber) error {
				p.gpu.condition.recovery, p.gpu.condition.recoveryKnown = recoveryAction(n.Uint), true
				return nil
			},
		},
	}
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
