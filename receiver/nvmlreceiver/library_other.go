//go:build !linux || !cgo

package nvmlreceiver

// newLibrary makes a library that says why it cannot be opened: the Go binding of NVML loads the driver's library
// through cgo, and only on Linux.
func newLibrary(string) library { return noLibrary{} }

type noLibrary struct{}

func (noLibrary) Open() error                    { return errNoBinding }
func (noLibrary) Close() error                   { return nil }
func (noLibrary) DriverVersion() (string, error) { return "", errNoBinding }
func (noLibrary) CUDAVersion() (int, error)      { return 0, errNoBinding }
func (noLibrary) DeviceCount() (int, error)      { return 0, errNoBinding }
func (noLibrary) Device(int) (device, error)     { return nil, errNoBinding }
