//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package nvmlreceiver reads NVIDIA GPUs through NVML, the management library that comes with the driver.
package nvmlreceiver
