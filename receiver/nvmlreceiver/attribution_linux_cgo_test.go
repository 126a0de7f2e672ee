//go:build linux && cgo

package nvmlreceiver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/grpc"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// kubelet serves the pod-resources API.
type kubelet struct {
	podresources.UnimplementedPodResourcesListerServer
	pods []*podresources.PodResources
}

func (k *kubelet) List(context.Context, *podresources.ListPodResourcesRequest) (*podresources.ListPodResourcesResponse, error) {
	return &podresources.ListPodResourcesResponse{PodResources: k.pods}, nil
}

// start listens on a socket and returns its path.
func (k *kubelet) start(t *testing.T) string {
	t.Helper()
	// The path of a unix socket is limited to about 100 bytes.
	dir, err := os.MkdirTemp("", "kubelet")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "kubelet.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := grpc.NewServer()
	podresources.RegisterPodResourcesListerServer(server, k)
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return socket
}

func pod(namespace, name, resource string, devices ...string) *podresources.PodResources {
	return &podresources.PodResources{
		Namespace: namespace, Name: name,
		Containers: []*podresources.ContainerResources{{
			Name: "server", Devices: []*podresources.ContainerDevices{{ResourceName: resource, DeviceIds: devices}},
		}},
	}
}

// rawPoints returns the attributes of the data points of a metric and their values.
func rawPoints(metrics pmetric.Metrics, name string) map[string]float64 {
	found := map[string]float64{}
	for _, point := range allPoints(metrics, name) {
		attributes := point.Attributes().AsRaw()
		delete(attributes, "hw.name")
		value := point.DoubleValue()
		if point.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(point.IntValue())
		}
		found[fmt.Sprint(attributes)] = value
	}
	return found
}

// A process is found in its container, and its pod where one pod alone holds the GPU. Shared GPUs and MIG devices have
// all of their holders, and every value of a device is there once.
func TestAttribution(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	const (
		mig0   = "MIG-00000000-0000-4000-8000-000000020000"
		gpu2   = "GPU-00000000-0000-4000-8000-000000000002"
		podUID = "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"
	)
	k := &kubelet{pods: []*podresources.PodResources{
		pod("ml", "vllm-0", "nvidia.com/gpu", gpu0),
		pod("ml", "tei-a", "nvidia.com/gpu.shared", gpu1+"::0"),
		pod("ml", "tei-b", "nvidia.com/gpu.shared", gpu1+"::3"),
		pod("dev", "small", "nvidia.com/mig-3g.40gb", mig0),
		pod("dev", "nic", "nvidia.com/rdma", "mlx5_0"),
	}}
	proc := fakeProc(t, 4242, "VLLM::EngineCore",
		"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"+strings.ReplaceAll(podUID, "-", "_")+
			".slice/cri-containerd-"+containerID+".scope\n")
	scenario := fakenvml.Healthy(3)
	scenario.SetGPU(0, "processes", "4242:2048")
	scenario.SetGPU(0, "process.utilization", "4242:70:4:0:0")
	scenario.SetMIG(2, 0, "3g.40gb")
	cfg := newGPUHost(t, scenario).everything()
	cfg.Attribution.ProcPath = proc
	cfg.Attribution.Containers = true
	cfg.Attribution.PodResources = k.start(t)
	h := run(t, cfg)
	metrics := h.scrape(t)

	require.Equal(t, map[string]float64{
		"map[hw.id:" + gpu0 + " k8s.container.name:server k8s.namespace.name:ml k8s.pod.name:vllm-0 nvml.k8s.resource:nvidia.com/gpu]":                                1,
		"map[hw.id:" + gpu1 + " k8s.container.name:server k8s.namespace.name:ml k8s.pod.name:tei-a nvml.k8s.resource:nvidia.com/gpu.shared]":                          1,
		"map[hw.id:" + gpu1 + " k8s.container.name:server k8s.namespace.name:ml k8s.pod.name:tei-b nvml.k8s.resource:nvidia.com/gpu.shared]":                          1,
		"map[hw.id:" + mig0 + " hw.parent:" + gpu2 + " k8s.container.name:server k8s.namespace.name:dev k8s.pod.name:small nvml.k8s.resource:nvidia.com/mig-3g.40gb]": 1,
	}, rawPoints(metrics, "nvml.allocation"))

	const vllm = " k8s.container.name:server k8s.namespace.name:ml k8s.pod.name:vllm-0 k8s.pod.uid:" + podUID
	memory := rawPoints(metrics, "nvml.process.memory.usage")
	require.Equal(t, map[string]float64{
		"map[container.id:" + containerID + " hw.id:" + gpu0 + vllm + " process.executable.name:VLLM::EngineCore process.pid:4242]": 2048 << 20,
		// Two pods share the GPU: which of them a process belongs to is known from its cgroup alone, and that is gone.
		"map[hw.id:" + gpu1 + " process.pid:1010]": 2048 << 20,
		"map[hw.id:" + gpu1 + " process.pid:1011]": 1024 << 20,
		"map[hw.id:" + mig0 + " hw.parent:" + gpu2 + " k8s.container.name:server k8s.namespace.name:dev k8s.pod.name:small process.pid:2200]": 100 << 20,
	}, memory)
	require.InDelta(t, 0.7, value(t, metrics, "nvml.process.utilization",
		map[string]string{"process.pid": "4242", "nvml.process.engine": "sm", "k8s.pod.name": "vllm-0"}), 1e-9)

	// Every value of a device is there once.
	for _, name := range []string{"hw.gpu.memory.usage", "hw.power", "nvml.sm.utilization"} {
		require.Len(t, allPoints(metrics, name), len(points(metrics, name)), name)
	}
	require.Len(t, allPoints(metrics, "hw.gpu.memory.usage"), 4)
}

// However many processes there are, only so many are named; all are counted.
func TestNamedProcessesAreBounded(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	var listed, utilization []string
	for i := range 500 {
		listed = append(listed, fmt.Sprintf("%d:%d", 10_000+i, 1+i))
		utilization = append(utilization, fmt.Sprintf("%d:%d:0:0:0", 10_000+i, i%100))
	}
	scenario := fakenvml.Healthy(1)
	scenario.SetGPU(0, "processes", strings.Join(listed, ","))
	scenario.SetGPU(0, "processes.graphics", "10499:500,9999:na")
	scenario.SetGPU(0, "process.utilization", strings.Join(utilization, ","))
	cfg := newGPUHost(t, scenario).everything()
	cfg.Attribution.MaxProcesses = 3
	metrics := run(t, cfg).scrape(t)
	require.EqualValues(t, 501, value(t, metrics, "nvml.process.count", ofGPU(gpu0)), "one process is listed for compute and graphics")
	require.Equal(t, map[string]float64{
		"map[hw.id:" + gpu0 + " process.pid:10499]": 500 << 20,
		"map[hw.id:" + gpu0 + " process.pid:10498]": 499 << 20,
		"map[hw.id:" + gpu0 + " process.pid:10497]": 498 << 20,
	}, rawPoints(metrics, "nvml.process.memory.usage"))
	require.Len(t, allPoints(metrics, "nvml.process.utilization"), 3*4)
}

// A kubelet that is not there costs the names of pods, one warning and nothing else.
func TestKubeletAway(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	cfg := newGPUHost(t, fakenvml.Healthy(1)).everything()
	cfg.Attribution.PodResources = "/nonexistent/kubelet.sock"
	h := run(t, cfg)
	metrics := h.scrape(t)
	require.Contains(t, points(metrics, "hw.power"), gpu0)
	require.Empty(t, allPoints(metrics, "nvml.allocation"))
	h.scrape(t)
	warnings := h.logs.FilterMessageSnippet("kubelet").All()
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0].ContextMap()["error"], "/nonexistent/kubelet.sock")
}
