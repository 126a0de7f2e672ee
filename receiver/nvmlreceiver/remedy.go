package nvmlreceiver

import (
	"errors"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

// remedy says what an operator can do when NVML cannot be opened.
func remedy(err error) string {
	if errors.Is(err, nvml.ErrNoBinding) {
		return "run a Linux build made with CGO_ENABLED=1, or remove the nvml receiver from the pipeline"
	}
	if errors.Is(err, errNoAnswer) {
		return "look for a GPU or driver that hangs (dmesg, nvidia-smi); a restart of the collector does not help, of the host it may"
	}
	switch nvml.StatusOf(err) {
	case nvml.StatusLibraryNotFound:
		return "install the NVIDIA driver; in a container use the NVIDIA runtime with NVIDIA_VISIBLE_DEVICES set and " +
			"utility among NVIDIA_DRIVER_CAPABILITIES; set library_path if libnvidia-ml.so.1 is in an unusual place"
	case nvml.StatusDriverNotLoaded:
		return "load the kernel module of the NVIDIA driver (nvidia-smi must work on the host)"
	case nvml.StatusNoPermission, nvml.StatusOperatingSystem:
		return "give the collector access to /dev/nvidiactl and /dev/nvidia*"
	case nvml.StatusVersionMismatch:
		return "the driver was upgraded: reload its kernel module or reboot, then restart the collector"
	case nvml.StatusFunctionNotFound:
		return "the library is not a complete NVML: check library_path and the driver installation"
	default:
		return "check that nvidia-smi works in the same environment"
	}
}
