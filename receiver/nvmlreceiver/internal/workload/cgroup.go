package workload

import (
	"slices"
	"strings"
)

// Container is where a process runs, as far as the names of its cgroups tell. The zero value is no container.
type Container struct {
	// ID is the container's id, 64 hexadecimal digits as Docker, containerd, CRI-O and Podman make it, or the form of
	// Amazon ECS, 32 digits, a dash and a number. It is empty for a process of a pod that runs beside the pod's
	// containers, such as the monitor of one.
	ID string
	// PodUID is the UID of the container's Kubernetes pod, or empty. A static pod, which the kubelet reads from a
	// file, may have 32 hexadecimal digits in place of a UUID.
	PodUID string
}

// ParseCgroup reads the content of /proc/<pid>/cgroup, of either version of cgroups or of both at once.
func ParseCgroup(data []byte) Container {
	var pod Container
	for line := range strings.SplitSeq(string(data), "\n") {
		// The line is the number of the hierarchy, its controllers and the path, which may have colons of its own.
		_, line, _ = strings.Cut(line, ":")
		_, path, _ := strings.Cut(line, ":")
		// The runtimes need not use every hierarchy, so one where the process is in no container says nothing.
		c := parsePath(path)
		if c.ID != "" {
			return c
		}
		if pod.PodUID == "" {
			pod = c
		}
	}
	return pod
}

// parsePath reads a path from its end, so that of containers in one another the innermost is found, and its pod
// around it. The end itself may be a cgroup that was made inside the container. The beginning does not matter: it
// depends on the configuration of kubelet and runtime, and seen from inside a cgroup namespace it is "/..".
func parsePath(path string) Container {
	// A colon stands for a slash where a runtime was asked for systemd's way of naming and does not follow it.
	separates := func(r rune) bool { return r == '/' || r == ':' }
	segments := strings.FieldsFunc(strings.TrimSuffix(path, " (deleted)"), separates)
	var c Container
	for i, segment := range slices.Backward(segments) {
		if c.ID == "" {
			c.ID = containerID(segment, segments[:i])
		}
		if c.PodUID = podUID(segment); c.PodUID != "" {
			// A container around the pod is not where the pod's processes run: it is a node in a container.
			break
		}
	}
	return c
}

// containerID returns the id of the container that a segment stands for, or nothing.
func containerID(segment string, outer []string) string {
	// "<id>" with the cgroupfs driver, "<runtime>-<id>.scope" with the systemd driver.
	name := strings.TrimSuffix(segment, ".scope")
	if dash := strings.LastIndexByte(name, '-'); dash >= 0 {
		runtime, id := name[:dash], name[dash+1:]
		if len(runtime) == 32 && isHex(runtime) && isDecimal(id) && slices.Contains(outer, "ecs") {
			return name
		}
		// conmon is the monitor of a container, next to the container.
		if strings.HasSuffix(runtime, "conmon") {
			return ""
		}
		name = id
	}
	if len(name) != 64 || !isHex(name) {
		return ""
	}
	return name
}

// podUID returns the UID of the pod that a segment stands for, or nothing.
func podUID(segment string) string {
	// "pod<uid>" with the cgroupfs driver, "<parents>-pod<uid>.slice" with the systemd driver, where a dash would mean
	// a slice in another and an underscore stands for it.
	name := strings.TrimSuffix(segment, ".slice")
	at := strings.LastIndex(name, "pod")
	if at < 0 || at > 0 && name[at-1] != '-' {
		return ""
	}
	uid := strings.ReplaceAll(name[at+len("pod"):], "_", "-")
	if !isPodUID(uid) {
		return ""
	}
	return uid
}

func isPodUID(s string) bool {
	if len(s) == 32 {
		return isHex(s)
	}
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func isDecimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
