package nvml

// FieldID is a field of nvmlDeviceGetFieldValues, numbered as in the headers of driver 580.82 and later.
type FieldID uint32

// The fields that the receiver reads. Powers are in mW, throttle times in ns, NVLink throughput in KiB, PCIe counts in
// bytes.
const (
	FieldECCCorrectedVolatile    FieldID = 3
	FieldECCUncorrectedVolatile  FieldID = 4
	FieldRetiredSingleBit        FieldID = 29
	FieldRetiredDoubleBit        FieldID = 30
	FieldRetiredPending          FieldID = 31
	FieldThrottlePower           FieldID = 74
	FieldThrottleSyncBoost       FieldID = 76
	FieldMemoryTemperature       FieldID = 82
	FieldNVLinkTransmit          FieldID = 138
	FieldNVLinkReceive           FieldID = 139
	FieldPowerInstant            FieldID = 186
	FieldPCIeTransmit            FieldID = 197
	FieldPCIeReceive             FieldID = 198
	FieldRecoveryAction          FieldID = 230
	FieldThrottleSoftwareThermal FieldID = 269
	FieldThrottleHardwareThermal FieldID = 270
	FieldThrottlePowerBrake      FieldID = 271
)

// AllLinks is the Scope of an NVLink field for the sum over all links.
const AllLinks = 0xFFFFFFFF

// Field is a question to Device.Fields and its answer.
type Field struct {
	ID    FieldID
	Scope uint32
	Value FieldNumber
	Err   error
}

// FieldNumber is the value of a field.
type FieldNumber struct {
	Uint uint64
	// Bits is the width of the number, 32 or 64: where a counter wraps.
	Bits int
}
