package nvmlreceiver

import (
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// throttleFields are the times during which the clocks were held down. Times say how much, where NVML's bits for the
// current reasons only say whether, at the moment of a scrape.
func throttleFields(m metadata.MetricsConfig) []field {
	var fields []field
	for _, reason := range throttleReasons() {
		if reason.field != 0 {
			fields = append(fields, field{
				id: reason.field, name: reason.fieldName(), tier: moderate, metrics: countTrue(m.NvmlThrottleTime.Enabled),
				take: func(p *pass, n nvml.FieldNumber) error {
					p.putThrottle(reason.name, n.Uint, n.Bits)
					return nil
				},
			})
		}
	}
	return fields
}

// throttleReadings are the same times from an older call, for reasons that have no field or whose field the driver
// does not have.
func throttleReadings(m metadata.MetricsConfig) []reading {
	var readings []reading
	for _, reason := range throttleReasons() {
		if reason.policy == noPolicy {
			continue
		}
		readings = append(readings, reading{
			name: "throttling by violation of " + reason.name.String(), on: onGPU, tier: moderate,
			metrics: countTrue(m.NvmlThrottleTime.Enabled),
			read: func(p *pass) error {
				for _, name := range reason.instead {
					if !p.question(name).unsupported {
						return nil
					}
				}
				nanoseconds, err := p.dev.Violation(reason.policy)
				if err != nil {
					return err
				}
				p.putThrottle(reason.name, nanoseconds, 64)
				return nil
			},
		})
	}
	return readings
}

const noPolicy nvml.Policy = -1

// throttleReason is a reason and where its time comes from.
type throttleReason struct {
	name   metadata.AttributeNvmlThrottleReason
	field  nvml.FieldID
	policy nvml.Policy
	// instead are the fields that must all be unsupported for the policy to be asked.
	instead []string
}

func (r throttleReason) fieldName() string { return "throttling by " + r.name.String() }

func throttleReasons() []throttleReason {
	power := throttleReason{name: metadata.AttributeNvmlThrottleReasonSwPowerCap, field: nvml.FieldThrottlePower, policy: nvml.PolicyPower}
	power.instead = []string{power.fieldName()}
	sync := throttleReason{name: metadata.AttributeNvmlThrottleReasonSyncBoost, field: nvml.FieldThrottleSyncBoost, policy: nvml.PolicySyncBoost}
	sync.instead = []string{sync.fieldName()}
	software := throttleReason{name: metadata.AttributeNvmlThrottleReasonSwThermal, field: nvml.FieldThrottleSoftwareThermal, policy: noPolicy}
	hardware := throttleReason{name: metadata.AttributeNvmlThrottleReasonHwThermal, field: nvml.FieldThrottleHardwareThermal, policy: noPolicy}
	return []throttleReason{
		power,
		sync,
		software,
		hardware,
		{name: metadata.AttributeNvmlThrottleReasonHwPowerBrake, field: nvml.FieldThrottlePowerBrake, policy: noPolicy},
		{name: metadata.AttributeNvmlThrottleReasonThermal, policy: nvml.PolicyThermal, instead: []string{software.fieldName(), hardware.fieldName()}},
		{name: metadata.AttributeNvmlThrottleReasonBoardLimit, policy: nvml.PolicyBoardLimit},
		{name: metadata.AttributeNvmlThrottleReasonReliability, policy: nvml.PolicyReliability},
	}
}

func (p *pass) putThrottle(reason metadata.AttributeNvmlThrottleReason, nanoseconds uint64, bits int) {
	total := p.gpu.count("nvml.throttle.time", reason.String(), nanoseconds, bits)
	putBy(p, p.mb.RecordNvmlThrottleTimeDataPoint, float64(total)/1e9, reason)
}
