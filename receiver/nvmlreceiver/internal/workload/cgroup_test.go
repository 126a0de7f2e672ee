package workload

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	idA    = "3f1a0c5e7b9d2846a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"
	idB    = "c0ffee00112233445566778899aabbccddeeff00112233445566778899aabbcc"
	uid    = "6b0f4c1d-2e3a-4f5b-8c7d-9e0f1a2b3c4d"
	uidS   = "6b0f4c1d_2e3a_4f5b_8c7d_9e0f1a2b3c4d"
	uidB   = "11111111-2222-3333-4444-555555555555"
	static = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
)

func TestParseCgroup(t *testing.T) {
	const besteffort = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidS + ".slice"
	inPod := Container{ID: idA, PodUID: uid}
	for name, tt := range map[string]struct {
		data string
		want Container
	}{
		"kubelet, cgroupfs driver":    {"0::/kubepods/burstable/pod" + uid + "/" + idA + "\n", inPod},
		"guaranteed, cgroupfs driver": {"0::/kubepods/pod" + uid + "/" + idA + "\n", inPod},
		"containerd, systemd driver":  {"0::" + besteffort + "/cri-containerd-" + idA + ".scope\n", inPod},
		"CRI-O, systemd driver":       {"0::" + besteffort + "/crio-" + idA + ".scope\n", inPod},
		"CRI-O with crun":             {"0::" + besteffort + "/crio-" + idA + ".scope/container\n", inPod},
		"CRI-O, cgroupfs driver":      {"0::/kubepods/besteffort/pod" + uid + "/crio-" + idA + "\n", inPod},
		"Docker under the kubelet":    {"0::" + besteffort + "/docker-" + idA + ".scope\n", inPod},
		"guaranteed, systemd driver":  {"0::/kubepods.slice/kubepods-pod" + uidS + ".slice/cri-containerd-" + idA + ".scope\n", inPod},
		"kind": {
			"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" +
				uidS + ".slice/cri-containerd-" + idA + ".scope\n", inPod,
		},
		"kind, seen from the host": {
			"0::/docker/" + idB + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uidS +
				".slice/cri-containerd-" + idA + ".scope\n", inPod,
		},
		"systemd's name in one segment": {
			"12:devices:/system.slice/containerd.service/kubepods-burstable-pod" + uidS + ".slice:cri-containerd:" + idA + "\n", inPod,
		},
		"systemd in the container": {"0::" + besteffort + "/cri-containerd-" + idA + ".scope/system.slice/sshd.service\n", inPod},
		"static pod, cgroupfs driver": {
			"0::/kubepods/burstable/pod" + static + "/" + idA + "\n", Container{ID: idA, PodUID: static},
		},
		"static pod, systemd driver": {
			"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + static + ".slice/crio-" + idA + ".scope\n",
			Container{ID: idA, PodUID: static},
		},
		"cgroup namespace, other pod": {"0::/../../pod" + uid + "/" + idA + "\n", inPod},
		"cgroup namespace, kubepods":  {"0::/../../../../kubepods/burstable/pod" + uid + "/" + idA + "\n", inPod},
		"cgroup namespace, systemd driver": {
			"0::/../../kubepods-burstable-pod" + uidS + ".slice/cri-containerd-" + idA + ".scope\n", inPod,
		},
		"cgroup namespace, same pod": {"0::/../cri-containerd-" + idA + ".scope\n", Container{ID: idA}},
		"cgroup namespace, this one": {"0::/\n", Container{}},
		"cgroup removed":             {"0::/kubepods/burstable/pod" + uid + "/" + idA + " (deleted)\n", inPod},
		"Docker in a pod":            {"0::/kubepods/burstable/pod" + uid + "/" + idB + "/docker/" + idA + "\n", inPod},
		"pod in a pod":               {"0::/kubepods/pod" + uidB + "/" + idB + "/kubepods/pod" + uid + "/" + idA + "\n", inPod},
		"Docker in Docker":           {"0::/docker/" + idB + "/docker/" + idA + "\n", Container{ID: idA}},
		"Docker, cgroupfs driver":    {"0::/docker/" + idA + "\n", Container{ID: idA}},
		"Docker, systemd driver":     {"0::/system.slice/docker-" + idA + ".scope\n", Container{ID: idA}},
		"containerd without kubelet": {"0::/default/" + idA + "\n", Container{ID: idA}},
		"nerdctl":                    {"0::/system.slice/nerdctl-" + idA + ".scope\n", Container{ID: idA}},
		"Podman":                     {"0::/machine.slice/libpod-" + idA + ".scope/container\n", Container{ID: idA}},
		"Podman, split by a service": {"0::/system.slice/web.service/libpod-payload-" + idA + "\n", Container{ID: idA}},
		"Podman without root": {
			"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container\n", Container{ID: idA},
		},
		"ECS": {"9:memory:/ecs/" + static + "/" + idA + "\n", Container{ID: idA}},
		"ECS, systemd driver": {
			"0::/ecstasks.slice/ecstasks-" + static + ".slice/docker-" + idA + ".scope\n", Container{ID: idA},
		},
		"ECS, id of its own": {
			"9:memory:/ecs/" + static + "/" + static + "-2531612879\n", Container{ID: static + "-2531612879"},
		},
		"ECS's form elsewhere": {"0::/user.slice/" + static + "-2531612879\n", Container{}},
		"monitor of CRI-O":     {"0::/system.slice/crio-conmon-" + idA + ".scope\n", Container{}},
		"monitor in the pod":   {"0::" + besteffort + "/crio-conmon-" + idA + ".scope\n", Container{PodUID: uid}},
		"monitor of Podman":    {"0::/user.slice/user@1000.service/user.slice/libpod-conmon-" + idA + ".scope\n", Container{}},
		"monitor in a container": {
			"0::" + besteffort + "/crio-" + idA + ".scope/machine.slice/libpod-conmon-" + idB + ".scope\n", inPod,
		},
		"monitor in the pod of a kind node": {
			"0::/docker/" + idB + "/kubelet.slice/kubelet-kubepods-pod" + uidS + ".slice/crio-conmon-" + idA + ".scope\n",
			Container{PodUID: uid},
		},
		"version 1": {
			"13:rdma:/\n12:devices:/kubepods/burstable/pod" + uid + "/" + idA + "\n11:cpu,cpuacct:/kubepods/burstable/pod" + uid +
				"/" + idA + "\n1:name=systemd:/kubepods/burstable/pod" + uid + "/" + idA + "\n", inPod,
		},
		"both versions, the second not used": {
			"12:memory:/docker/" + idA + "\n1:name=systemd:/docker/" + idA + "\n0::/system.slice/containerd.service\n", Container{ID: idA},
		},
		"both versions, the second used": {
			"1:name=systemd:/system.slice\n0::/docker/" + idA + "\n", Container{ID: idA},
		},
		"pod in one hierarchy, container in another": {
			"3:cpuset:/kubepods/pod" + uid + "\n2:memory:/kubepods/pod" + uid + "/" + idA + "\n", inPod,
		},
		"no line end":             {"0::/docker/" + idA, Container{ID: idA}},
		"service":                 {"0::/system.slice/sshd.service\n", Container{}},
		"session":                 {"0::/user.slice/user-1000.slice/session-3.scope\n", Container{}},
		"kubelet itself":          {"0::/system.slice/kubelet.service\n", Container{}},
		"Slurm":                   {"8:memory:/slurm/uid_1000/job_4711/step_0\n", Container{}},
		"empty":                   {"", Container{}},
		"no path":                 {"0::\n", Container{}},
		"no fields":               {idA + "\n", Container{}},
		"63 digits":               {"0::/docker/" + idA[1:] + "\n", Container{}},
		"65 digits":               {"0::/docker/" + idA + "0\n", Container{}},
		"capital letters":         {"0::/docker/" + strings.ToUpper(idA) + "\n", Container{}},
		"service named like one":  {"0::/system.slice/backup-" + idA + ".service\n", Container{}},
		"pod UID of other form":   {"0::/kubepods/podinfo/" + idA + "\n", Container{ID: idA}},
		"pod UID cut":             {"0::/kubepods/pod" + uid[1:] + "/" + idA + "\n", Container{ID: idA}},
		"tripod":                  {"0::/tripod" + uid + "/" + idA + "\n", Container{ID: idA}},
		"Podman's pod":            {"0::/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-" + idA + ".scope\n", Container{ID: idA}},
		"no dashes in the pod":    {"0::/kubepods/pod" + strings.ReplaceAll(uid, "-", "0") + "/" + idA + "\n", Container{ID: idA}},
		"dashes in wrong places":  {"0::/kubepods/pod6b0f4c1d2e3a-4f5b-8c7d-9e0f-1a2b3c4d/" + idA + "\n", Container{ID: idA}},
		"last digit is no digit":  {"0::/kubepods/pod" + uid[:35] + "g/" + idA[:63] + "g\n", Container{}},
		"static pod, not a digit": {"0::/kubepods/pod" + static[:31] + "x/" + idA + "\n", Container{ID: idA}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, ParseCgroup([]byte(tt.data)))
		})
	}
}

// FuzzParseCgroup reads files of any content. What is found must be well-formed and must have been there.
func FuzzParseCgroup(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		c := ParseCgroup(data)
		content := string(data)
		if c.ID != "" {
			require.Contains(t, content, c.ID)
			require.Regexp(t, `^([0-9a-f]{64}|[0-9a-f]{32}-[0-9]+)$`, c.ID)
		}
		if c.PodUID != "" {
			require.Contains(t, strings.ReplaceAll(content, "_", "-"), "pod"+c.PodUID)
			require.Regexp(t, `^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`, c.PodUID)
		}
		require.LessOrEqual(t, len(c.ID)+len(c.PodUID), len(data))
		require.Equal(t, c, ParseCgroup([]byte(content+"\n"+content)), "the first line that tells is the one that counts")
	})
}
