// Package nvml is the part of the NVIDIA Management Library that the receiver reads, in plain Go types, so that the
// receiver builds where the Go binding of NVML does not (without cgo, on other systems).
//
// Units and meanings are those of the NVML API reference. Every error of a call into the driver is a *CallError.
package nvml

import "time"

// Library is NVML. Its methods, and those of what it hands out, may be called from several goroutines; Open and Close
// must not run at the same time as any other call.
type Library interface {
	// Open loads the library and initializes NVML. It may be called again after it failed, and after Close.
	Open() error
	// Close ends the use of NVML. Devices, samples and event sets must not be used afterwards.
	Close() error

	DriverVersion() (string, error)
	// CUDAVersion returns the highest version that the driver supports as NVML encodes it: 1000·major + 10·minor.
	CUDAVersion() (int, error)
	DeviceCount() (int, error)
	// Device returns the GPU at an index. Indexes are renumbered when a GPU is removed.
	Device(index int) (Device, error)

	// NewEventSet makes an empty set of GPUs whose events can be waited for.
	NewEventSet() (EventSet, error)
	// NewGPMSample makes a buffer for one sample of GPU performance monitoring.
	NewGPMSample() (GPMSample, error)
	// GPMMetrics computes metrics over the time between two samples of the same GPU or MIG instance. It fills Value
	// or Err of every element.
	GPMMetrics(earlier, later GPMSample, metrics []GPMMetric) error

	// Calls reports what the calls into the driver cost so far, function by function in the order of their names.
	Calls(each func(CallStats))
}

// Device is a GPU or a MIG device. The methods that NVML does not have for MIG devices return an error there.
type Device interface {
	UUID() (string, error)
	// Model is the product name; of a MIG device it ends with the MIG profile.
	Model() (string, error)
	Serial() (string, error)
	PCIBusID() (string, error)
	// MinorNumber is that of /dev/nvidia<minor>. Unlike the index it stays when other GPUs go away.
	MinorNumber() (int, error)

	Memory() (Memory, error)
	BAR1() (BAR1, error)

	// Utilization returns percentages over the last sample period of the driver.
	Utilization() (Utilization, error)
	// EncoderUtilization and DecoderUtilization return percentages over the last sample period of the driver.
	EncoderUtilization() (uint32, error)
	DecoderUtilization() (uint32, error)
	// Samples returns the samples that the driver still has and that are newer than since, oldest first. There being
	// none is no error. since and the timestamps are in microseconds since 1970.
	Samples(of SampleType, since uint64) ([]Sample, error)

	// Temperature returns degrees Celsius.
	Temperature() (int64, error)
	TemperatureThreshold(of Threshold) (int64, error)
	// TemperatureMargin returns the degrees that are left to the nearest slowdown threshold.
	TemperatureMargin() (int64, error)

	// Power returns milliwatts.
	Power() (uint32, error)
	// EnforcedPowerLimit and DefaultPowerLimit return milliwatts.
	EnforcedPowerLimit() (uint32, error)
	DefaultPowerLimit() (uint32, error)
	// PowerLimitRange returns, in milliwatts, what the limit can be set to.
	PowerLimitRange() (lowest, highest uint32, err error)
	// Energy returns the millijoules consumed since the driver was loaded.
	Energy() (uint64, error)

	// Clock and MaxClock return MHz.
	Clock(of ClockDomain) (uint32, error)
	MaxClock(of ClockDomain) (uint32, error)
	// PerformanceState returns 0 (fastest) to 15.
	PerformanceState() (int64, error)
	FanCount() (int, error)
	// FanSpeed returns percent of the fan's greatest speed; it may exceed 100.
	FanSpeed(fan int) (uint32, error)
	RemappedRows() (RemappedRows, error)
	// Violation returns the nanoseconds during which a policy held the clocks down, since the driver was loaded.
	Violation(of Policy) (uint64, error)

	// Fields asks for many values in one call. It fills Value or Err of every element; the error that it returns is
	// of the call as a whole.
	Fields(values []Field) error

	// Processes returns those that use the device for compute or graphics, a process that does both twice.
	Processes() ([]Process, error)
	// ProcessUtilization returns the samples of processes that are newer than since, in microseconds since 1970.
	// There being none is no error.
	ProcessUtilization(since uint64) ([]ProcessUtilization, error)

	// MIGEnabled tells whether the GPU is in MIG mode now.
	MIGEnabled() (bool, error)
	// MIGDevices returns the MIG devices that exist now.
	MIGDevices() ([]MIGDevice, error)

	GPMSupported() (bool, error)
	// SampleGPM overwrites the sample with the state of the counters of this GPU or MIG device now.
	SampleGPM(into GPMSample) error
}

// MIGDevice is a MIG device and its place.
type MIGDevice struct {
	Device
	// Index is the position among the MIG devices of the GPU.
	Index                        int
	GPUInstance, ComputeInstance uint32
	Multiprocessors              uint32
	GPUInstanceSlices, MemoryMiB uint64
}

// NoInstance is the GPU or compute instance of what belongs to the whole GPU.
const NoInstance = 0xFFFFFFFF

// Memory is in bytes. Where the driver has only the first version of the call, Reserved is not known and counted as
// used.
type Memory struct {
	Total, Reserved, Free, Used uint64
	ReservedKnown               bool
}

// BAR1 is in bytes.
type BAR1 struct {
	Total, Used uint64
}

// Utilization is in percent of time.
type Utilization struct {
	GPU, Memory uint32
}

// SampleType is an nvmlSamplingType_t.
type SampleType int

// What the driver keeps samples of. All values are percentages.
const (
	GPUUtilizationSamples     SampleType = 1
	MemoryUtilizationSamples  SampleType = 2
	EncoderUtilizationSamples SampleType = 3
	DecoderUtilizationSamples SampleType = 4
)

// Sample is a value over the sample period that ended at Timestamp, in microseconds since 1970.
type Sample struct {
	Timestamp uint64
	Value     float64
}

// Threshold is an nvmlTemperatureThresholds_t.
type Threshold int

// The thresholds of the temperature.
const (
	ThresholdShutdown  Threshold = 0
	ThresholdSlowdown  Threshold = 1
	ThresholdMemoryMax Threshold = 2
	ThresholdGPUMax    Threshold = 3
)

// ClockDomain is an nvmlClockType_t.
type ClockDomain int

// The clocks of a GPU.
const (
	ClockGraphics ClockDomain = 0
	ClockSM       ClockDomain = 1
	ClockMemory   ClockDomain = 2
	ClockVideo    ClockDomain = 3
)

// Policy is an nvmlPerfPolicyType_t.
type Policy int

// Policies that hold the clocks down.
const (
	PolicyPower       Policy = 0
	PolicyThermal     Policy = 1
	PolicySyncBoost   Policy = 2
	PolicyBoardLimit  Policy = 3
	PolicyReliability Policy = 5
)

// RemappedRows are counts of rows of the memory that were replaced by spare ones.
type RemappedRows struct {
	Correctable, Uncorrectable uint64
	// Pending tells that a reset of the GPU is needed to remap, Failed that no spare row was left.
	Pending, Failed bool
}

// Process is a process that uses a GPU or MIG device. PID may be that of the namespace of the caller or of the host,
// depending on the driver.
type Process struct {
	PID uint32
	// Memory is in bytes, and MemoryKnown false where the driver does not tell.
	Memory                       uint64
	MemoryKnown                  bool
	GPUInstance, ComputeInstance uint32
}

// ProcessUtilization is in percent of time, over the sample period that ended at Timestamp.
type ProcessUtilization struct {
	PID                          uint32
	Timestamp                    uint64
	SM, Memory, Encoder, Decoder uint32
}

// GPMSample is a buffer of the driver for the state of performance counters.
type GPMSample interface {
	Free() error
}

// GPMMetricID is an nvmlGpmMetricId_t.
type GPMMetricID uint32

// Metrics of GPU performance monitoring: percentages, and MiB/s for PCIe and NVLink.
const (
	GPMGraphicsUtil   GPMMetricID = 1
	GPMSMUtil         GPMMetricID = 2
	GPMSMOccupancy    GPMMetricID = 3
	GPMTensorUtil     GPMMetricID = 5
	GPMDRAMBandwidth  GPMMetricID = 10
	GPMPCIeTransmit   GPMMetricID = 20
	GPMPCIeReceive    GPMMetricID = 21
	GPMNVLinkReceive  GPMMetricID = 60
	GPMNVLinkTransmit GPMMetricID = 61
)

// GPMMetric is a question to GPMMetrics and its answer.
type GPMMetric struct {
	ID    GPMMetricID
	Value float64
	Err   error
}

// EventSet is a set of GPUs whose events can be waited for.
type EventSet interface {
	// Register adds the critical XID errors of a GPU to the set. The driver has no memory of earlier ones.
	Register(gpu Device, uuid string) error
	// Wait returns the next event. The status of the error is StatusTimeout when there was none.
	Wait(timeout time.Duration) (XIDEvent, error)
	Free() error
}

// XIDEvent is a critical XID error.
type XIDEvent struct {
	// UUID is that of the GPU as it was registered; empty where the driver does not say which GPU it was.
	UUID string
	XID  uint64
	// GPUInstance and ComputeInstance are NoInstance where the error is not of a MIG instance alone.
	GPUInstance, ComputeInstance uint32
}

// CallStats is what the calls of one function cost since the library was made.
type CallStats struct {
	// Function is the name in NVML, for example nvmlDeviceGetPowerUsage.
	Function string
	// Calls are those that returned. A call that the library refuses, for example because the driver does not have the
	// function, is none.
	Calls int64
	// Unsupported are those that the driver answered by saying that the device has no such thing, as with MIG on a GPU without.
	Unsupported int64
	// Failed are those that returned anything else but NVML_SUCCESS.
	Failed int64
	// Duration is the sum over all calls that returned; of nvmlEventSetWait it is mostly waiting.
	Duration time.Duration
	// Running is how long the longest call that has not returned is running, 0 where there is none.
	Running time.Duration
}
