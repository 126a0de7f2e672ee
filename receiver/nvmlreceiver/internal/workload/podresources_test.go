package workload

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

const (
	gpu0 = "GPU-00000000-aaaa-bbbb-cccc-0123456789ab"
	gpu1 = "GPU-11111111-aaaa-bbbb-cccc-0123456789ab"
	mig0 = "MIG-22222222-aaaa-bbbb-cccc-0123456789ab"
)

// kubelet is a real server of the API, with pods that a test chooses.
type kubelet struct {
	podresources.UnimplementedPodResourcesListerServer
	list   func(context.Context) (*podresources.ListPodResourcesResponse, error)
	server *grpc.Server
	served sync.WaitGroup
}

func (k *kubelet) List(ctx context.Context, _ *podresources.ListPodResourcesRequest) (*podresources.ListPodResourcesResponse, error) {
	return k.list(ctx)
}

func (k *kubelet) stop() {
	k.server.Stop()
	k.served.Wait()
}

// newSocket returns a path that is short enough for a socket, as that of a directory of a test may not be.
func newSocket(t *testing.T) string {
	dir, err := os.MkdirTemp("", "kubelet")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "kubelet.sock")
}

func serve(t *testing.T, socket string, k *kubelet) *kubelet {
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	k.server = grpc.NewServer(grpc.WaitForHandlers(true))
	podresources.RegisterPodResourcesListerServer(k.server, k)
	k.served.Go(func() { _ = k.server.Serve(listener) })
	t.Cleanup(k.stop)
	return k
}

func pods(pods ...*podresources.PodResources) *kubelet {
	return &kubelet{list: func(context.Context) (*podresources.ListPodResourcesResponse, error) {
		return &podresources.ListPodResourcesResponse{PodResources: pods}, nil
	}}
}

func pod(namespace, name string, containers ...*podresources.ContainerResources) *podresources.PodResources {
	return &podresources.PodResources{Namespace: namespace, Name: name, Containers: containers}
}

func container(name, resource string, ids ...string) *podresources.ContainerResources {
	return &podresources.ContainerResources{
		Name:    name,
		Devices: []*podresources.ContainerDevices{{ResourceName: resource, DeviceIds: ids}},
	}
}

func claiming(name string, resources ...*podresources.ClaimResource) *podresources.ContainerResources {
	return &podresources.ContainerResources{
		Name:             name,
		DynamicResources: []*podresources.DynamicResource{{ClaimName: "claim", ClaimNamespace: "ml", ClaimResources: resources}},
	}
}

func newPodResources(t *testing.T, socket string) *PodResources {
	p := NewPodResources(socket)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// refreshed has asked a kubelet with these pods.
func refreshed(t *testing.T, resources ...*podresources.PodResources) *PodResources {
	socket := newSocket(t)
	serve(t, socket, pods(resources...))
	p := newPodResources(t, socket)
	require.NoError(t, p.Refresh(t.Context()))
	return p
}

func TestHolders(t *testing.T) {
	p := refreshed(t,
		pod("ml", "train", container("main", "nvidia.com/gpu", gpu0), container("sidecar", "nvidia.com/gpu")),
		pod("ml", "notebook", container("jupyter", "nvidia.com/mig-1g.10gb", mig0)),
		pod("web", "no-devices"),
	)
	require.Equal(t, []Holder{{Namespace: "ml", Pod: "train", Container: "main", Resource: "nvidia.com/gpu"}}, p.Holders(gpu0, 0, -1))
	require.Equal(t, []Holder{{Namespace: "ml", Pod: "notebook", Container: "jupyter", Resource: "nvidia.com/mig-1g.10gb"}},
		p.Holders(mig0, 1, 7))
	require.Empty(t, p.Holders(gpu1, 1, -1))
	require.Empty(t, p.Holders("", -1, -1))
	require.Empty(t, p.Holders("", 0, 0))
}

func TestHoldersOfSharedGPU(t *testing.T) {
	forward := []*podresources.PodResources{
		pod("b", "two", container("y", "nvidia.com/gpu.shared", gpu0+"::2", gpu0+"::3")),
		pod("b", "two", container("x", "nvidia.com/gpu.shared", gpu0+"::4")),
		pod("b", "one", container("z", "nvidia.com/gpu.shared", gpu0+"::1")),
		pod("a", "zero", container("z", "nvidia.com/gpu", gpu0+"::0")),
		pod("b", "three", container("x", "nvidia.com/mig-1g.10gb.shared", mig0+"::0")),
	}
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	for _, resources := range [][]*podresources.PodResources{forward, backward} {
		p := refreshed(t, resources...)
		want := []Holder{
			{Namespace: "a", Pod: "zero", Container: "z", Resource: "nvidia.com/gpu"},
			{Namespace: "b", Pod: "one", Container: "z", Resource: "nvidia.com/gpu.shared"},
			{Namespace: "b", Pod: "two", Container: "x", Resource: "nvidia.com/gpu.shared"},
			{Namespace: "b", Pod: "two", Container: "y", Resource: "nvidia.com/gpu.shared"},
		}
		got := p.Holders(gpu0, 0, -1)
		require.Equal(t, want, got)
		// The caller can do with it what it likes.
		got[0] = Holder{}
		require.Equal(t, want, p.Holders(gpu0, 0, -1))
		require.Equal(t, []Holder{{Namespace: "b", Pod: "three", Container: "x", Resource: "nvidia.com/mig-1g.10gb.shared"}},
			p.Holders(mig0, 0, 1))
	}
}

func TestHoldersInGKE(t *testing.T) {
	p := refreshed(t,
		pod("ml", "whole", container("c", "nvidia.com/gpu", "nvidia0")),
		pod("ml", "part", container("c", "nvidia.com/gpu", "nvidia1/gi5")),
		pod("ml", "shared", container("c", "nvidia.com/gpu", "nvidia2/vgpu0", "nvidia2/vgpu1")),
		pod("ml", "shared-part", container("c", "nvidia.com/gpu", "nvidia1/gi6/vgpu3")),
	)
	for _, tt := range []struct {
		minor, gpuInstance int
		want               string
	}{
		{0, -1, "whole"}, {1, 5, "part"}, {1, 6, "shared-part"}, {2, -1, "shared"},
		{1, -1, ""}, {0, 0, ""}, {0, 5, ""}, {1, 0, ""}, {3, -1, ""}, {-1, -1, ""}, {-1, 5, ""},
	} {
		var want []Holder
		if tt.want != "" {
			want = []Holder{{Namespace: "ml", Pod: tt.want, Container: "c", Resource: "nvidia.com/gpu"}}
		}
		require.Equal(t, want, p.Holders("GPU-any", tt.minor, tt.gpuInstance), "%+v", tt)
	}
}

func TestHoldersByClaim(t *testing.T) {
	p := refreshed(t,
		pod("ml", "claiming", claiming("c",
			&podresources.ClaimResource{DriverName: "gpu.nvidia.com", PoolName: "node-1", DeviceName: "gpu-1"},
			&podresources.ClaimResource{DriverName: "gpu.nvidia.com", PoolName: "node-1", DeviceName: "gpu-0-mig-1g10gb-19-0"},
			&podresources.ClaimResource{DriverName: "gpu.example.com", PoolName: "node-1", DeviceName: "gpu-2"},
		)),
		pod("ml", "older", container("c", "nvidia.com/gpu", gpu1)),
	)
	require.Equal(t, []Holder{
		{Namespace: "ml", Pod: "claiming", Container: "c", Resource: "gpu.nvidia.com"},
		{Namespace: "ml", Pod: "older", Container: "c", Resource: "nvidia.com/gpu"},
	}, p.Holders(gpu1, 1, -1))
	require.Empty(t, p.Holders(gpu0, 0, -1))
	require.Empty(t, p.Holders("GPU-any", 2, -1))
}

func TestHoldersOfOtherVendors(t *testing.T) {
	p := refreshed(t,
		pod("a", "amd", container("c", "amd.com/gpu", gpu0)),
		pod("a", "fake", container("c", "example.com/nvidia.com/gpu", gpu0)),
		pod("a", "nic", container("c", "nvidia.com/hostdev", "0", "0000:3b:00.0", "nvidia-nic")),
		pod("a", "nothing", container("c", "", gpu0)),
	)
	require.Empty(t, p.Holders(gpu0, 0, -1))
	require.Empty(t, p.holders)
}

func TestHoldersOfManyPods(t *testing.T) {
	var resources []*podresources.PodResources
	for i := range 300 {
		ids := []string{fmt.Sprintf("%s::%d", gpu0, i)}
		// Together these are more than the 4 MiB that gRPC takes by default.
		for n := range 400 {
			ids = append(ids, fmt.Sprintf("other-%03d-%s", n, strings.Repeat("x", 40)))
		}
		resources = append(resources, pod("ml", fmt.Sprintf("pod-%03d", 299-i), container("c", "nvidia.com/gpu.shared", ids...)))
	}
	p := refreshed(t, resources...)
	holders := p.Holders(gpu0, 0, -1)
	require.Len(t, holders, 300)
	require.True(t, slices.IsSortedFunc(holders, Holder.compare))
	require.Equal(t, "pod-000", holders[0].Pod)
	require.Len(t, p.holders, 1)
}

func TestRefreshWithoutKubelet(t *testing.T) {
	socket := newSocket(t)
	p := newPodResources(t, socket)
	err := p.Refresh(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, socket)
	require.ErrorContains(t, err, "mounted as a directory")
	require.Empty(t, p.Holders(gpu0, 0, -1))

	// A socket that nobody listens at any more.
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	require.NoError(t, err)
	listener.SetUnlinkOnClose(false)
	require.NoError(t, listener.Close())
	err = p.Refresh(t.Context())
	require.ErrorContains(t, err, socket)
	require.ErrorContains(t, err, "mounted as a directory")
}

func TestRemedy(t *testing.T) {
	require.Contains(t, remedy(&net.OpError{Op: "dial", Err: os.ErrPermission}), "root")
	require.Empty(t, remedy(context.DeadlineExceeded))
}

func TestRefreshAfterRestartOfKubelet(t *testing.T) {
	socket := newSocket(t)
	first := serve(t, socket, pods(pod("ml", "first", container("c", "nvidia.com/gpu", gpu0))))
	p := newPodResources(t, socket)
	require.NoError(t, p.Refresh(t.Context()))
	want := []Holder{{Namespace: "ml", Pod: "first", Container: "c", Resource: "nvidia.com/gpu"}}
	require.Equal(t, want, p.Holders(gpu0, 0, -1))

	first.stop()
	require.NoFileExists(t, socket)
	require.Error(t, p.Refresh(t.Context()))
	require.Equal(t, want, p.Holders(gpu0, 0, -1), "the last answer")

	serve(t, socket, pods(pod("ml", "second", container("c", "nvidia.com/gpu", gpu1))))
	require.NoError(t, p.Refresh(t.Context()))
	require.Empty(t, p.Holders(gpu0, 0, -1))
	require.Equal(t, "second", p.Holders(gpu1, 1, -1)[0].Pod)
}

func TestRefreshDropsOldAnswer(t *testing.T) {
	socket := newSocket(t)
	k := serve(t, socket, pods(pod("ml", "train", container("c", "nvidia.com/gpu", gpu0))))
	p := newPodResources(t, socket)
	require.NoError(t, p.Refresh(t.Context()))
	k.stop()
	p.keep = time.Hour
	require.Error(t, p.Refresh(t.Context()))
	require.Len(t, p.Holders(gpu0, 0, -1), 1)
	p.answered = p.answered.Add(-2 * time.Hour)
	require.Error(t, p.Refresh(t.Context()))
	require.Empty(t, p.Holders(gpu0, 0, -1))
}

// hanging is a kubelet that takes questions and does not answer.
func hanging(asked chan<- struct{}) *kubelet {
	return &kubelet{list: func(ctx context.Context) (*podresources.ListPodResourcesResponse, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}}
}

func TestRefreshOfSlowKubelet(t *testing.T) {
	socket := newSocket(t)
	serve(t, socket, hanging(make(chan struct{}, 1)))
	p := newPodResources(t, socket)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := p.Refresh(ctx)
	require.Equal(t, codes.DeadlineExceeded, status.Code(err), err)
	require.ErrorContains(t, err, socket)
}

// TestRefreshOfStuckKubelet has a kubelet that does not even accept the connection, which the operating system does.
func TestRefreshOfStuckKubelet(t *testing.T) {
	socket := newSocket(t)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	p := newPodResources(t, socket)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Equal(t, codes.DeadlineExceeded, status.Code(p.Refresh(ctx)))
	// This is the one failure that gRPC itself logs, once for each refresh.
	require.Eventually(t, func() bool { return strings.Contains(grpcLog.take(), "server preface") }, time.Minute, time.Millisecond)
}

func TestRefreshRefused(t *testing.T) {
	socket := newSocket(t)
	serve(t, socket, &kubelet{list: func(context.Context) (*podresources.ListPodResourcesResponse, error) {
		return nil, status.Error(codes.ResourceExhausted, "rejected by rate limit")
	}})
	err := newPodResources(t, socket).Refresh(t.Context())
	require.ErrorContains(t, err, "rejected by rate limit")
	require.ErrorContains(t, err, socket)
}

func TestCloseDuringRefresh(t *testing.T) {
	socket := newSocket(t)
	asked := make(chan struct{}, 1)
	serve(t, socket, hanging(asked))
	p := newPodResources(t, socket)
	refreshed := make(chan error, 1)
	go func() { refreshed <- p.Refresh(context.Background()) }()
	<-asked
	require.NoError(t, p.Close())
	select {
	case err := <-refreshed:
		require.Equal(t, codes.Canceled, status.Code(err))
	case <-t.Context().Done():
		t.Fatal("not ended")
	}
	require.ErrorIs(t, p.Refresh(t.Context()), net.ErrClosed)
	require.NoError(t, p.Close())
}

func TestHoldersDuringRefresh(t *testing.T) {
	socket := newSocket(t)
	serve(t, socket, pods(pod("ml", "train", container("c", "nvidia.com/gpu", gpu0))))
	p := newPodResources(t, socket)
	require.NoError(t, p.Refresh(t.Context()))
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 20 {
				if err := p.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				if holders := p.Holders(gpu0, 0, -1); len(holders) != 1 {
					t.Errorf("%+v", holders)
				}
			}
		})
	}
	asking.Wait()
}
