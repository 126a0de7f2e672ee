package nvmlreceiver

import (
	"errors"
	"fmt"
)

// library is the part of NVML that the receiver reads, in plain Go types so that the receiver builds where the Go
// binding of NVML does not (without cgo, on other systems). Errors from the driver are *callError.
type library interface {
	// Open loads the library and initializes NVML. It may be called again after it failed, and after Close.
	Open() error
	// Close ends the use of NVML. Devices must not be used afterwards.
	Close() error

	DriverVersion() (string, error)
	// CUDAVersion returns the highest version the driver supports as NVML encodes it: 1000·major + 10·minor.
	CUDAVersion() (int, error)
	DeviceCount() (int, error)
	// Device returns the GPU at an index. Indexes are renumbered when a GPU is removed.
	Device(index int) (device, error)
}

// device is one GPU.
type device interface {
	UUID() (string, error)
	Model() (string, error)
	Serial() (string, error)
	PCIBusID() (string, error)

	Memory() (memory, error)
	// Utilization returns the percentage of the last sample period during which a kernel ran.
	Utilization() (uint32, error)
	// Temperature returns degrees Celsius.
	Temperature() (int64, error)
	// Power returns milliwatts.
	Power() (uint32, error)
	// Energy returns the millijoules consumed since the driver was loaded.
	Energy() (uint64, error)
}

// memory is in bytes.
type memory struct {
	total, used uint64
}

// status is an nvmlReturn_t.
type status int

const (
	statusUninitialized    status = 1
	statusNotSupported     status = 3
	statusNoPermission     status = 4
	statusDriverNotLoaded  status = 9
	statusLibraryNotFound  status = 12
	statusFunctionNotFound status = 13
	statusGPUIsLost        status = 15
	statusResetRequired    status = 16
	statusOperatingSystem  status = 17
	statusVersionMismatch  status = 18
	statusArgumentMismatch status = 25
	statusUnknown          status = 999
)

// String names the codes that operators meet. The names are kept here because nvmlErrorString is a call into the
// driver like any other, and may be missing from it.
func (s status) String() string {
	switch s {
	case statusUninitialized:
		return "uninitialized"
	case statusNotSupported:
		return "not supported"
	case statusNoPermission:
		return "no permission"
	case statusDriverNotLoaded:
		return "driver not loaded"
	case statusLibraryNotFound:
		return "library not found"
	case statusFunctionNotFound:
		return "function not found"
	case statusGPUIsLost:
		return "GPU is lost"
	case statusResetRequired:
		return "GPU reset required"
	case statusOperatingSystem:
		return "blocked by the operating system"
	case statusVersionMismatch:
		return "driver and library versions differ"
	case statusArgumentMismatch:
		return "argument version mismatch"
	case statusUnknown:
		return "unknown error"
	default:
		return "error"
	}
}

// callError is a call that NVML refused, or that could not be made.
type callError struct {
	call   string
	status status
	detail string
}

func (e *callError) Error() string {
	if e.detail != "" {
		return fmt.Sprintf("%s: %s: %s", e.call, e.status, e.detail)
	}
	return fmt.Sprintf("%s: %s (%d)", e.call, e.status, int(e.status))
}

// errNoBinding is the answer of builds that cannot read NVML at all.
var errNoBinding = errors.New("this build of the collector cannot read NVML: it needs Linux and cgo")

func statusOf(err error) status {
	if call, ok := errors.AsType[*callError](err); ok {
		return call.status
	}
	return 0
}

// isUnsupported tells "this GPU or driver cannot answer", which stays so until the driver changes, from errors that
// may pass.
func isUnsupported(err error) bool {
	switch statusOf(err) {
	case statusNotSupported, statusFunctionNotFound, statusArgumentMismatch:
		return true
	}
	return false
}

// remedy says what an operator can do when NVML cannot be opened.
func remedy(err error) string {
	if errors.Is(err, errNoBinding) {
		return "run a Linux build made with CGO_ENABLED=1, or remove the nvml receiver from the pipeline"
	}
	switch statusOf(err) {
	case statusLibraryNotFound:
		return "install the NVIDIA driver; in a container use the NVIDIA runtime with NVIDIA_VISIBLE_DEVICES set and " +
			"utility among NVIDIA_DRIVER_CAPABILITIES; set library_path if libnvidia-ml.so.1 is in an unusual place"
	case statusDriverNotLoaded:
		return "load the kernel module of the NVIDIA driver (nvidia-smi must work on the host)"
	case statusNoPermission, statusOperatingSystem:
		return "give the collector access to /dev/nvidiactl and /dev/nvidia*"
	case statusVersionMismatch:
		return "the driver was upgraded: reload its kernel module or reboot, then restart the collector"
	case statusFunctionNotFound:
		return "the library is not a complete NVML: check library_path and the driver installation"
	default:
		return "check that nvidia-smi works in the same environment"
	}
}
