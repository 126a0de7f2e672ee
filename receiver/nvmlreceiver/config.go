package nvmlreceiver

import (
	"fmt"
	"path"

	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/metadata"
)

// Config is the configuration of the nvml receiver.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	metadata.MetricsBuilderConfig  `mapstructure:",squash"`

	// LibraryPath is the file of the NVML library. Empty means libnvidia-ml.so.1 wherever the dynamic loader finds it.
	LibraryPath string `mapstructure:"library_path"`
}

// Validate refuses what can never work. It does not ask for the file to exist: the driver may be installed later.
func (c *Config) Validate() error {
	if c.LibraryPath != "" && !path.IsAbs(c.LibraryPath) {
		return fmt.Errorf("library_path: %q is not an absolute path; want e.g. /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1, or leave it out to let the dynamic loader search", c.LibraryPath)
	}
	return nil
}
