package nvmlreceiver

import (
	"errors"
	"fmt"
	"path"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

// Config is the configuration of the nvml receiver.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	metadata.MetricsBuilderConfig  `mapstructure:",squash"`

	// Events switches the log records on and off.
	Events metadata.EventsConfig `mapstructure:"events"`

	// LibraryPath is the file of the NVML library. Empty means libnvidia-ml.so.1 wherever the dynamic loader finds it.
	LibraryPath string `mapstructure:"library_path"`

	// Intervals is how often what is dear or hardly changes is read.
	Intervals IntervalsConfig `mapstructure:"intervals"`

	// Attribution names the processes, containers and pods that use a GPU.
	Attribution AttributionConfig `mapstructure:"attribution"`

	// ReleaseWhenIdle closes NVML between scrapes while no process uses any GPU, so that GPUs can be reset and MIG
	// reconfigured without stopping the collector.
	ReleaseWhenIdle bool `mapstructure:"release_when_idle"`
}

// IntervalsConfig has the intervals of the cost tiers. 0 means every scrape.
type IntervalsConfig struct {
	// Moderate is for calls of about 0.1 to 1 ms.
	Moderate time.Duration `mapstructure:"moderate"`
	// Costly is for calls of more than 1 ms.
	Costly time.Duration `mapstructure:"costly"`
	// Rare is for limits and for what only changes with a fault.
	Rare time.Duration `mapstructure:"rare"`
}

// AttributionConfig says how far the users of a GPU are named.
type AttributionConfig struct {
	// MaxProcesses bounds the processes named on each GPU or MIG device.
	MaxProcesses int `mapstructure:"max_processes"`
	// Containers looks up the container and the pod UID of each process.
	Containers bool `mapstructure:"containers"`
	// ProcPath is where the proc file system of the host is.
	ProcPath string `mapstructure:"proc_path"`
	// PodResources is the socket of the kubelet's pod-resources API. Empty means not to ask.
	PodResources string `mapstructure:"pod_resources"`
}

func createDefaultConfig() component.Config {
	controller := scraperhelper.NewDefaultControllerConfig()
	controller.CollectionInterval = 10 * time.Second
	controller.Timeout = 5 * time.Second
	return &Config{
		ControllerConfig:     controller,
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		Events:               metadata.DefaultEventsConfig(),
		Intervals:            IntervalsConfig{Costly: 30 * time.Second, Rare: time.Minute},
		Attribution:          AttributionConfig{MaxProcesses: 32, ProcPath: "/proc"},
	}
}

// Validate refuses what can never work. It does not ask for files to exist: the driver may be installed later.
func (c *Config) Validate() error {
	var errs []error
	absolute := func(key, value, example string) {
		if value != "" && !path.IsAbs(value) {
			errs = append(errs, fmt.Errorf("%s: %q is not an absolute path; want e.g. %s", key, value, example))
		}
	}
	absolute("library_path", c.LibraryPath,
		"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1, or leave it out to let the dynamic loader search")
	absolute("attribution::proc_path", c.Attribution.ProcPath, "/proc, or /hostfs/proc where the host's is mounted there")
	absolute("attribution::pod_resources", c.Attribution.PodResources, "/var/lib/kubelet/pod-resources/kubelet.sock")
	if c.Attribution.ProcPath == "" {
		errs = append(errs, errors.New("attribution::proc_path: must not be empty; want e.g. /proc"))
	}
	if c.Attribution.MaxProcesses < 1 {
		errs = append(errs, fmt.Errorf("attribution::max_processes: %d; want 1 or more (to name no processes, leave the nvml.process metrics off)",
			c.Attribution.MaxProcesses))
	}
	for _, interval := range []struct {
		key   string
		value time.Duration
	}{{"moderate", c.Intervals.Moderate}, {"costly", c.Intervals.Costly}, {"rare", c.Intervals.Rare}} {
		if interval.value < 0 {
			errs = append(errs, fmt.Errorf("intervals::%s: %s is negative; want 0 (every scrape) or more", interval.key, interval.value))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) logsBuilder() metadata.LogsBuilderConfig {
	return metadata.LogsBuilderConfig{Events: c.Events, ResourceAttributes: c.ResourceAttributes}
}
