package workload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// Holder is a container that a device was given to.
type Holder struct {
	Namespace, Pod, Container string
	// Resource is the name by which the pod asked for the device, such as nvidia.com/gpu, or nvidia.com/gpu.shared
	// for a share of it. For a device of a resource claim it is the name of the driver, gpu.nvidia.com.
	Resource string
}

func (h Holder) compare(other Holder) int {
	return cmp.Or(cmp.Compare(h.Namespace, other.Namespace), cmp.Compare(h.Pod, other.Pod),
		cmp.Compare(h.Container, other.Container), cmp.Compare(h.Resource, other.Resource))
}

// PodResources asks the kubelet which pods hold which devices. Its methods may be called by several goroutines.
//
// Before Kubernetes 1.34 the kubelet also names pods that have ended and were not removed yet. Nothing in its answer
// tells them apart.
type PodResources struct {
	socket string
	// keep is for how long an answer is used when no other follows.
	keep time.Duration

	// closing is done when Close was called.
	closing context.Context
	close   context.CancelFunc

	// refreshing is held by the one refresh that is under way.
	refreshing sync.Mutex

	mu       sync.Mutex
	answered time.Time
	holders  map[device][]Holder
}

const (
	// keepAnswer is longer than a kubelet takes to start again. After that the pods may be others: no name is better
	// than a wrong one.
	keepAnswer = 5 * time.Minute
	// maxRefreshTime bounds a refresh whose caller has more patience, or no deadline.
	maxRefreshTime = 10 * time.Second
	// maxAnswerSize is what the kubelet itself takes as the greatest size of a message.
	maxAnswerSize = 16 << 20
)

// NewPodResources makes a client of the kubelet that listens on a unix socket, usually
// /var/lib/kubelet/pod-resources/kubelet.sock. The socket need not exist yet.
func NewPodResources(socket string) *PodResources {
	closing, closeNow := context.WithCancel(context.Background())
	return &PodResources{socket: socket, keep: keepAnswer, closing: closing, close: closeNow}
}

// Refresh asks the kubelet. When that fails, the last answer is kept for five minutes.
func (p *PodResources) Refresh(ctx context.Context) error {
	p.refreshing.Lock()
	defer p.refreshing.Unlock()
	if p.closing.Err() != nil {
		return fmt.Errorf("pod resources: %w", net.ErrClosed)
	}
	ctx, cancel := context.WithTimeout(ctx, maxRefreshTime)
	defer cancel()
	defer context.AfterFunc(p.closing, cancel)()

	answer, err := p.list(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if time.Since(p.answered) > p.keep {
			p.holders = nil
		}
		return err
	}
	p.answered, p.holders = time.Now(), holders(answer)
	return nil
}

// Close ends a refresh that is under way, and waits for its end. There can be no other after that.
func (p *PodResources) Close() error {
	p.close()
	p.refreshing.Lock()
	defer p.refreshing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holders = nil
	return nil
}

// Holders returns the containers that hold a GPU or MIG device, each once for each resource, in the order of their
// names. The device plugin of NVIDIA and its resource claims name devices in different ways, and so does GKE's, which
// is why all of the arguments are needed:
//
//   - uuid is the UUID of the GPU or MIG device.
//   - minor is the number of the GPU in /dev/nvidia<minor>, or -1. It is not always the index of the GPU: when a GPU
//     is lost, the indexes of those behind it change and their minor numbers do not.
//   - gpuInstance is the id of the GPU instance of a MIG device, and -1 on whole GPUs.
//
// A GPU with MIG devices is asked for apart from them. MIG devices of resource claims are never found: they are named
// by profile and place, which do not give the GPU instance.
func (p *PodResources) Holders(uuid string, minor, gpuInstance int) []Holder {
	p.mu.Lock()
	defer p.mu.Unlock()
	byPlace := device{minor: minor, gpuInstance: gpuInstance}
	return sorted(slices.Concat(p.holders[deviceByUUID(uuid)], p.holders[byPlace]))
}

// list makes a connection of its own for each question. That costs a fraction of a millisecond, and there is nothing
// to keep alive, and no attempts to connect in the background, each of which would be logged, while no kubelet
// listens.
func (p *PodResources) list(ctx context.Context) (*podresources.ListPodResourcesResponse, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", p.socket)
	if err != nil {
		return nil, fmt.Errorf("connect to the kubelet: %w%s", err, remedy(err))
	}
	defer func() { _ = conn.Close() }()
	dialed := make(chan net.Conn, 1)
	dialed <- conn
	client, err := grpc.NewClient("passthrough:///kubelet",
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case conn := <-dialed:
				return conn, nil
			default:
				return nil, errors.New("the connection was lost")
			}
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerSize)),
	)
	if err != nil {
		return nil, fmt.Errorf("client of the kubelet at %s: %w", p.socket, err)
	}
	defer func() { _ = client.Close() }()
	answer, err := podresources.NewPodResourcesListerClient(client).List(ctx, &podresources.ListPodResourcesRequest{})
	if err != nil {
		return nil, fmt.Errorf("list the pod resources of the kubelet at %s: %w", p.socket, err)
	}
	return answer, nil
}

// remedy says what to do when there is no connection, where that is known.
func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return " (a container needs the host's directory of the socket, usually /var/lib/kubelet/pod-resources, mounted" +
			" as a directory: the kubelet makes the socket anew when it starts)"
	case errors.Is(err, fs.ErrPermission):
		return " (the kubelet's socket is for root alone unless its mode was changed)"
	default:
		return ""
	}
}

// holders turns the answer around.
func holders(answer *podresources.ListPodResourcesResponse) map[device][]Holder {
	all := map[device][]Holder{}
	for _, pod := range answer.GetPodResources() {
		for _, container := range pod.GetContainers() {
			holder := Holder{Namespace: pod.GetNamespace(), Pod: pod.GetName(), Container: container.GetName()}
			for _, devices := range container.GetDevices() {
				holder.Resource = devices.GetResourceName()
				if !strings.HasPrefix(holder.Resource, nvidiaResources) {
					continue
				}
				for _, id := range devices.GetDeviceIds() {
					if d, ok := parseDeviceID(id); ok {
						all[d] = append(all[d], holder)
					}
				}
			}
			for _, claim := range container.GetDynamicResources() {
				for _, resource := range claim.GetClaimResources() {
					holder.Resource = resource.GetDriverName()
					if d, ok := parseClaimedDevice(holder.Resource, resource.GetDeviceName()); ok {
						all[d] = append(all[d], holder)
					}
				}
			}
		}
	}
	for d, holders := range all {
		all[d] = sorted(holders)
	}
	return all
}

// sorted makes a list the same whatever the order of the answer, and merges what is in it twice, such as two shares
// of a GPU that one container has.
func sorted(holders []Holder) []Holder {
	slices.SortFunc(holders, Holder.compare)
	return slices.Compact(holders)
}
