package workload

import (
	"strconv"
	"strings"
)

const (
	// nvidiaResources begins the names of the resources that NVIDIA's and GKE's device plugins offer. The ids of other
	// vendors' devices may look the same.
	nvidiaResources = "nvidia.com/"
	// nvidiaClaimDriver is the driver of resource claims for NVIDIA GPUs.
	nvidiaClaimDriver = "gpu.nvidia.com"
)

// device is a GPU or MIG device, named either by its UUID or by its place.
type device struct {
	uuid string
	// minor is the number in /dev/nvidia<minor>, and gpuInstance -1 for the whole GPU. Both are -1 where there is a
	// UUID.
	minor, gpuInstance int
}

func deviceByUUID(uuid string) device { return device{uuid: uuid, minor: -1, gpuInstance: -1} }

// parseDeviceID reads the id that a device plugin gave to a device, or to a share of one, which counts as the device.
// Ids of any other form are of other plugins, which also offer resources of nvidia.com: network cards, and GPUs that
// are passed to virtual machines. In particular a number is not the index of a GPU.
func parseDeviceID(id string) (device, bool) {
	if strings.HasPrefix(id, "GPU-") || strings.HasPrefix(id, "MIG-") {
		// NVIDIA's: the UUID, and for a share "::" and its number.
		uuid, _, _ := strings.Cut(id, "::")
		return deviceByUUID(uuid), true
	}
	// GKE's: nvidia0 or nvidia0/gi1, and for a share /vgpu2 behind it.
	rest, ok := strings.CutPrefix(id, "nvidia")
	if !ok {
		return device{}, false
	}
	if before, share, shared := strings.Cut(rest, "/vgpu"); shared {
		if !isDecimal(share) {
			return device{}, false
		}
		rest = before
	}
	number, instance, partitioned := strings.Cut(rest, "/gi")
	d := device{gpuInstance: -1}
	if d.minor, ok = parseNumber(number); ok && partitioned {
		d.gpuInstance, ok = parseNumber(instance)
	}
	return d, ok
}

// parseClaimedDevice reads the name of a device of a resource claim: of whole GPUs gpu-<minor>.
func parseClaimedDevice(driver, name string) (device, bool) {
	if driver != nvidiaClaimDriver {
		return device{}, false
	}
	number, ok := strings.CutPrefix(name, "gpu-")
	if !ok {
		return device{}, false
	}
	minor, ok := parseNumber(number)
	return device{minor: minor, gpuInstance: -1}, ok
}

func parseNumber(s string) (int, bool) {
	// Atoi alone would take a sign.
	n, err := strconv.Atoi(s)
	return n, err == nil && isDecimal(s)
}
