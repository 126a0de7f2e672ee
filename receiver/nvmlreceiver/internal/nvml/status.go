package nvml

import (
	"errors"
	"fmt"
)

// Status is an nvmlReturn_t.
type Status int

// The codes that the receiver or its operators meet.
const (
	StatusSuccess          Status = 0
	StatusUninitialized    Status = 1
	StatusInvalidArgument  Status = 2
	StatusNotSupported     Status = 3
	StatusNoPermission     Status = 4
	StatusNotFound         Status = 6
	StatusInsufficientSize Status = 7
	StatusDriverNotLoaded  Status = 9
	StatusTimeout          Status = 10
	StatusLibraryNotFound  Status = 12
	StatusFunctionNotFound Status = 13
	StatusGPUIsLost        Status = 15
	StatusResetRequired    Status = 16
	StatusOperatingSystem  Status = 17
	StatusVersionMismatch  Status = 18
	StatusInUse            Status = 19
	StatusArgumentMismatch Status = 25
	StatusUnknown          Status = 999
)

// String names a code. The names are kept here because nvmlErrorString is a call into the driver like any other, and
// may be missing from it.
func (s Status) String() string {
	switch s {
	case StatusSuccess:
		return "success"
	case StatusUninitialized:
		return "uninitialized"
	case StatusInvalidArgument:
		return "invalid argument"
	case StatusNotSupported:
		return "not supported"
	case StatusNoPermission:
		return "no permission"
	case StatusNotFound:
		return "not found"
	case StatusInsufficientSize:
		return "insufficient size"
	case StatusDriverNotLoaded:
		return "driver not loaded"
	case StatusTimeout:
		return "timeout"
	case StatusLibraryNotFound:
		return "library not found"
	case StatusFunctionNotFound:
		return "function not found"
	case StatusGPUIsLost:
		return "GPU is lost"
	case StatusResetRequired:
		return "GPU reset required"
	case StatusOperatingSystem:
		return "blocked by the operating system"
	case StatusVersionMismatch:
		return "driver and library versions differ"
	case StatusInUse:
		return "GPU is in use"
	case StatusArgumentMismatch:
		return "argument version mismatch"
	case StatusUnknown:
		return "unknown error"
	default:
		return "error"
	}
}

// CallError is a call that NVML refused, or that could not be made.
type CallError struct {
	// Call is the function, for example nvmlDeviceGetPowerUsage.
	Call   string
	Status Status
	// Detail is empty where the status says it all.
	Detail string
}

func (e *CallError) Error() string {
	if e.Detail != "" {
		return fmt.Sprintf("%s: %s: %s", e.Call, e.Status, e.Detail)
	}
	return fmt.Sprintf("%s: %s (%d)", e.Call, e.Status, int(e.Status))
}

// ErrNoBinding is the answer of builds that cannot read NVML at all.
var ErrNoBinding = errors.New("this build of the collector cannot read NVML: it needs Linux and cgo")

// StatusOf returns the code of a failed call, StatusSuccess for any other error.
func StatusOf(err error) Status {
	if call, ok := errors.AsType[*CallError](err); ok {
		return call.Status
	}
	return StatusSuccess
}

// IsUnsupported tells "this GPU or driver cannot answer", which stays so until the driver changes, from errors that
// may pass.
func IsUnsupported(err error) bool {
	switch StatusOf(err) {
	case StatusNotSupported, StatusFunctionNotFound, StatusArgumentMismatch:
		return true
	}
	return false
}
