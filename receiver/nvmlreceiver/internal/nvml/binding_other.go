//go:build !linux || !cgo

package nvml

// New makes a library that says why it cannot be opened: the Go binding of NVML loads the driver's library through
// cgo, and only on Linux.
func New(string) Library { return noLibrary{} }

type noLibrary struct{}

func (noLibrary) Open() error                                        { return ErrNoBinding }
func (noLibrary) Close() error                                       { return nil }
func (noLibrary) DriverVersion() (string, error)                     { return "", ErrNoBinding }
func (noLibrary) CUDAVersion() (int, error)                          { return 0, ErrNoBinding }
func (noLibrary) DeviceCount() (int, error)                          { return 0, ErrNoBinding }
func (noLibrary) Device(int) (Device, error)                         { return nil, ErrNoBinding }
func (noLibrary) NewEventSet() (EventSet, error)                     { return nil, ErrNoBinding }
func (noLibrary) NewGPMSample() (GPMSample, error)                   { return nil, ErrNoBinding }
func (noLibrary) GPMMetrics(GPMSample, GPMSample, []GPMMetric) error { return ErrNoBinding }
func (noLibrary) Calls(func(CallStats))                              {}
