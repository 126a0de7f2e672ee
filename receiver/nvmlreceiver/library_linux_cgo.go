//go:build linux && cgo

package nvmlreceiver

import (
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// defaultLibraryName is what the dynamic loader is asked for when no path is configured.
const defaultLibraryName = "libnvidia-ml.so.1"

// nvmlLibrary is NVML through go-nvml.
//
// Three properties of go-nvml shape it. The binding resolves functions when they are first called, and a function
// missing from the driver's library ends the process in the dynamic loader, beyond the reach of recover: so no call
// is made whose symbol was not found first. Return codes print themselves through nvmlErrorString, a call into the
// driver: so codes leave this file as numbers. And once a function of a library has been called, the process stays
// bound to that library: so one process can use only one library file, and a new driver needs a new process.
type nvmlLibrary struct {
	name    string
	api     nvml.Interface
	symbols map[string]bool
}

func newLibrary(path string) library {
	name := path
	if name == "" {
		name = defaultLibraryName
	}
	return &nvmlLibrary{name: name, api: nvml.New(nvml.WithLibraryPath(name))}
}

func (l *nvmlLibrary) Open() error {
	// go-nvml looks symbols up only in a library that it has initialized, so the call that initializes needs a look
	// of its own.
	file := dl.New(l.name, dl.RTLD_LAZY)
	if err := file.Open(); err != nil {
		return &callError{call: "dlopen", status: statusLibraryNotFound, detail: err.Error()}
	}
	// Closing after Init keeps the library mapped in between. A failure to close leaves one reference more.
	defer func() { _ = file.Close() }()
	if file.Lookup("nvmlInit_v2") != nil && file.Lookup("nvmlInit") != nil {
		return &callError{call: "nvmlInit_v2", status: statusFunctionNotFound}
	}
	l.symbols = map[string]bool{}
	if ret := l.api.Init(); ret != nvml.SUCCESS {
		return &callError{call: "nvmlInit_v2", status: status(ret)}
	}
	return nil
}

func (l *nvmlLibrary) Close() error {
	return l.call("nvmlShutdown", l.api.Shutdown)
}

func (l *nvmlLibrary) DriverVersion() (version string, err error) {
	err = l.call("nvmlSystemGetDriverVersion", func() (ret nvml.Return) {
		version, ret = l.api.SystemGetDriverVersion()
		return ret
	})
	return version, err
}

func (l *nvmlLibrary) CUDAVersion() (version int, err error) {
	err = l.call("nvmlSystemGetCudaDriverVersion_v2", func() (ret nvml.Return) {
		version, ret = l.api.SystemGetCudaDriverVersion_v2()
		return ret
	})
	return version, err
}

func (l *nvmlLibrary) DeviceCount() (count int, err error) {
	err = l.call(l.newest("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"), func() (ret nvml.Return) {
		count, ret = l.api.DeviceGetCount()
		return ret
	})
	return count, err
}

func (l *nvmlLibrary) Device(index int) (device, error) {
	var handle nvml.Device
	err := l.call(l.newest("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"), func() (ret nvml.Return) {
		handle, ret = l.api.DeviceGetHandleByIndex(index)
		return ret
	})
	if err != nil {
		return nil, err
	}
	return &nvmlDevice{lib: l, handle: handle}, nil
}

// call makes one call into the driver, provided that the driver has it.
func (l *nvmlLibrary) call(symbol string, into func() nvml.Return) error {
	if !l.has(symbol) {
		return &callError{call: symbol, status: statusFunctionNotFound}
	}
	if ret := into(); ret != nvml.SUCCESS {
		return &callError{call: symbol, status: status(ret)}
	}
	return nil
}

// newest returns the first of the symbols that the library has: the one that go-nvml chooses among the versions of a
// function. Where there is none it returns the oldest, which call then refuses.
func (l *nvmlLibrary) newest(symbols ...string) string {
	for _, symbol := range symbols {
		if l.has(symbol) {
			return symbol
		}
	}
	return symbols[len(symbols)-1]
}

func (l *nvmlLibrary) has(symbol string) bool {
	found, known := l.symbols[symbol]
	if !known {
		found = l.api.Extensions().LookupSymbol(symbol) == nil
		l.symbols[symbol] = found
	}
	return found
}

// nvmlDevice is a handle that go-nvml gave out.
type nvmlDevice struct {
	lib    *nvmlLibrary
	handle nvml.Device
}

func (d *nvmlDevice) UUID() (string, error)  { return d.text("nvmlDeviceGetUUID", d.handle.GetUUID) }
func (d *nvmlDevice) Model() (string, error) { return d.text("nvmlDeviceGetName", d.handle.GetName) }
func (d *nvmlDevice) Serial() (string, error) {
	return d.text("nvmlDeviceGetSerial", d.handle.GetSerial)
}

func (d *nvmlDevice) text(symbol string, get func() (string, nvml.Return)) (value string, err error) {
	err = d.lib.call(symbol, func() (ret nvml.Return) {
		value, ret = get()
		return ret
	})
	return value, err
}

func (d *nvmlDevice) PCIBusID() (string, error) {
	var info nvml.PciInfo
	err := d.lib.call(d.lib.newest("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"), func() (ret nvml.Return) {
		info, ret = d.handle.GetPciInfo()
		return ret
	})
	if err != nil {
		return "", err
	}
	var id strings.Builder
	for _, char := range info.BusId {
		if char == 0 {
			break
		}
		id.WriteByte(byte(char))
	}
	return id.String(), nil
}

// Memory prefers the second version of the call, whose "used" leaves out what driver and firmware reserve.
func (d *nvmlDevice) Memory() (memory, error) {
	var v2 nvml.Memory_v2
	err := d.lib.call("nvmlDeviceGetMemoryInfo_v2", func() (ret nvml.Return) {
		v2, ret = d.handle.GetMemoryInfo_v2()
		return ret
	})
	if !isUnsupported(err) {
		return memory{total: v2.Total, used: v2.Used}, err
	}
	var v1 nvml.Memory
	err = d.lib.call("nvmlDeviceGetMemoryInfo", func() (ret nvml.Return) {
		v1, ret = d.handle.GetMemoryInfo()
		return ret
	})
	return memory{total: v1.Total, used: v1.Used}, err
}

func (d *nvmlDevice) Utilization() (uint32, error) {
	var rates nvml.Utilization
	err := d.lib.call("nvmlDeviceGetUtilizationRates", func() (ret nvml.Return) {
		rates, ret = d.handle.GetUtilizationRates()
		return ret
	})
	return rates.Gpu, err
}

// Temperature falls back to the call that NVIDIA deprecates, since older drivers have no other.
func (d *nvmlDevice) Temperature() (int64, error) {
	var current nvml.Temperature
	err := d.lib.call("nvmlDeviceGetTemperatureV", func() (ret nvml.Return) {
		current, ret = d.handle.GetTemperatureV().V1()
		return ret
	})
	if !isUnsupported(err) {
		return int64(current.Temperature), err
	}
	var deprecated uint32
	err = d.lib.call("nvmlDeviceGetTemperature", func() (ret nvml.Return) {
		deprecated, ret = d.handle.GetTemperature(nvml.TEMPERATURE_GPU)
		return ret
	})
	return int64(deprecated), err
}

func (d *nvmlDevice) Power() (milliwatts uint32, err error) {
	err = d.lib.call("nvmlDeviceGetPowerUsage", func() (ret nvml.Return) {
		milliwatts, ret = d.handle.GetPowerUsage()
		return ret
	})
	return milliwatts, err
}

func (d *nvmlDevice) Energy() (millijoules uint64, err error) {
	err = d.lib.call("nvmlDeviceGetTotalEnergyConsumption", func() (ret nvml.Return) {
		millijoules, ret = d.handle.GetTotalEnergyConsumption()
		return ret
	})
	return millijoules, err
}
