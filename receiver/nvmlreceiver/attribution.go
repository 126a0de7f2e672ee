package nvmlreceiver

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/workload"
)

// attribution names the users of GPUs: processes with their containers, and the pods that hold a device. Several lanes
// ask it at once.
type attribution struct {
	maxProcesses int
	containers   bool
	logger       *zap.Logger

	mu        sync.Mutex
	processes *workload.Processes
	// pods is nil when the kubelet is not to be asked.
	pods    *workload.PodResources
	failing bool
}

// maxCachedProcesses bounds what is remembered of processes of all GPUs.
const maxCachedProcesses = 4096

func newAttribution(cfg *Config, logger *zap.Logger) *attribution {
	a := &attribution{
		maxProcesses: cfg.Attribution.MaxProcesses,
		containers:   cfg.Attribution.Containers,
		logger:       logger,
		processes:    workload.NewProcesses(cfg.Attribution.ProcPath, maxCachedProcesses),
	}
	if cfg.Attribution.PodResources != "" {
		a.pods = workload.NewPodResources(cfg.Attribution.PodResources)
	}
	if cfg.Attribution.Containers && cfg.Attribution.ProcPath == "/proc" && !a.processes.InHostPIDNamespace() {
		logger.Warn("Containers of processes may not be found: the collector does not share the host's PID namespace, and the driver may give process ids of the host",
			zap.String("remedy", "set hostPID: true for the collector, or mount the host's /proc and name it in attribution::proc_path"))
	}
	return a
}

// refresh asks the kubelet who holds which device. A failure is logged when it begins; the last answer is used for
// some minutes more.
func (a *attribution) refresh(ctx context.Context) {
	if a.pods == nil {
		return
	}
	err := a.pods.Refresh(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && !a.failing {
		a.logger.Warn("The kubelet does not say which pods hold the GPUs", zap.Error(err))
	}
	a.failing = err != nil
}

// endRound forgets processes that nobody asked for since the last round.
func (a *attribution) endRound() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.processes.EndRound()
}

func (a *attribution) close() error {
	if a.pods == nil {
		return nil
	}
	return a.pods.Close()
}

// holders returns the containers that hold an entity.
func (a *attribution) holders(e *entity) []workload.Holder {
	if a.pods == nil {
		return nil
	}
	gpuInstance := -1
	if e.gpuInstance != nvml.NoInstance {
		gpuInstance = int(e.gpuInstance)
	}
	return a.pods.Holders(e.uuid, e.minor, gpuInstance)
}

// user is a process that uses a GPU, as far as it is known. The zero value is nobody.
type user struct {
	pid                uint32
	executable         string
	container, podUID  string
	namespace, podName string
	containerName      string
}

// user finds out whose a process is. Its pod has a name only where a single container holds the device: the kubelet
// does not say which of several is which.
func (a *attribution) user(e *entity, pid uint32) user {
	u := user{pid: pid}
	a.mu.Lock()
	process, found := a.processes.Lookup(pid)
	a.mu.Unlock()
	if found {
		u.executable = process.Executable
		if a.containers {
			u.container, u.podUID = process.Container.ID, process.Container.PodUID
		}
	}
	if holders := a.holders(e); len(holders) == 1 {
		u.namespace, u.podName, u.containerName = holders[0].Namespace, holders[0].Pod, holders[0].Container
	}
	return u
}

func (u user) metricOptions() []metadata.MetricAttributeOption {
	return attributesOf(u, attributes[metadata.MetricAttributeOption]{
		pid:           metadata.WithProcessPidMetricAttribute,
		executable:    metadata.WithProcessExecutableNameMetricAttribute,
		container:     metadata.WithContainerIDMetricAttribute,
		podUID:        metadata.WithK8sPodUIDMetricAttribute,
		namespace:     metadata.WithK8sNamespaceNameMetricAttribute,
		podName:       metadata.WithK8sPodNameMetricAttribute,
		containerName: metadata.WithK8sContainerNameMetricAttribute,
	})
}

func (u user) eventOptions() []metadata.EventAttributeOption {
	return attributesOf(u, attributes[metadata.EventAttributeOption]{
		pid:           metadata.WithProcessPidEventAttribute,
		executable:    metadata.WithProcessExecutableNameEventAttribute,
		container:     metadata.WithContainerIDEventAttribute,
		podUID:        metadata.WithK8sPodUIDEventAttribute,
		namespace:     metadata.WithK8sNamespaceNameEventAttribute,
		podName:       metadata.WithK8sPodNameEventAttribute,
		containerName: metadata.WithK8sContainerNameEventAttribute,
	})
}

// attributes makes the attributes of a user, of data points or of log records.
type attributes[O any] struct {
	pid                                                              func(int64) O
	executable, container, podUID, namespace, podName, containerName func(string) O
}

// attributesOf returns the attributes of what is known of a user.
func attributesOf[O any](u user, with attributes[O]) []O {
	if u.pid == 0 {
		return nil
	}
	options := []O{with.pid(int64(u.pid))}
	for _, attribute := range []struct {
		value string
		with  func(string) O
	}{
		{u.executable, with.executable},
		{u.container, with.container},
		{u.podUID, with.podUID},
		{u.namespace, with.namespace},
		{u.podName, with.podName},
		{u.containerName, with.containerName},
	} {
		if attribute.value != "" {
			options = append(options, attribute.with(attribute.value))
		}
	}
	return options
}

// podResourcesTimeout bounds how long a scrape waits for the kubelet, which is on the same host.
const podResourcesTimeout = time.Second
