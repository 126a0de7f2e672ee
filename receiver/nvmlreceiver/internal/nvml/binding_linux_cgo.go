//go:build linux && cgo

package nvml

import (
	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// defaultLibraryName is what the dynamic loader is asked for when no path is configured.
const defaultLibraryName = "libnvidia-ml.so.1"

// library is NVML through go-nvml.
//
// Three properties of go-nvml shape this package. The binding resolves functions when they are first called, and a
// function missing from the driver's library ends the process in the dynamic loader, beyond the reach of recover: so
// no call is made whose symbol was not found first. Return codes print themselves through nvmlErrorString, a call
// into the driver: so codes leave this package as numbers. And once a function of a library has been called, the
// process stays bound to that library: so one process can use only one library file, and a new driver needs a new
// process.
type library struct {
	name    string
	api     nvml.Interface
	calls   *callRecorder
	session *session
}

// New makes a library of the file at a path, or where the path is empty of the one that the dynamic loader finds. The
// file is loaded by Open.
func New(path string) Library {
	if path == "" {
		path = defaultLibraryName
	}
	calls := newCallRecorder()
	l := &library{name: path, api: nvml.New(nvml.WithLibraryPath(path)), calls: calls}
	// Until Open has succeeded every call is refused like one after Close.
	l.session = newSession(l.api, calls)
	l.session.end()
	return l
}

func (l *library) Open() error {
	// go-nvml looks symbols up only in a library that it has initialized, so the call that initializes needs a look
	// of its own.
	file := dl.New(l.name, dl.RTLD_LAZY)
	if err := file.Open(); err != nil {
		return &CallError{Call: "dlopen", Status: StatusLibraryNotFound, Detail: err.Error()}
	}
	// Closing after Init keeps the library mapped in between. A failure to close leaves one reference more.
	defer func() { _ = file.Close() }()
	symbol := "nvmlInit_v2"
	if file.Lookup(symbol) != nil {
		if file.Lookup("nvmlInit") != nil {
			return &CallError{Call: symbol, Status: StatusFunctionNotFound}
		}
		symbol = "nvmlInit"
	}
	// Where this fails go-nvml keeps its reference to the file, so the next Open finds the same file still loaded.
	// A process that called one of its functions is bound to it in any case.
	if err := l.calls.counter(symbol).run(l.api.Init); err != nil {
		return err
	}
	// A session of its own for every Open forgets which symbols were missing, and keeps what is left of an earlier
	// one, such as a call that hung until now, out of this one.
	l.session = newSession(l.api, l.calls)
	if version, err := l.DriverVersion(); err == nil {
		l.session.oldThrottleFields = numbersThrottleFieldsTheOldWay(version)
	}
	return nil
}

// Close of a library that is not open does nothing.
func (l *library) Close() error {
	if l.session.ended() {
		return nil
	}
	defer l.session.end()
	return l.session.call("nvmlShutdown", l.api.Shutdown)
}

func (l *library) DriverVersion() (string, error) {
	return ask(l.session, "nvmlSystemGetDriverVersion", l.api.SystemGetDriverVersion)
}

func (l *library) CUDAVersion() (int, error) {
	return ask(l.session, "nvmlSystemGetCudaDriverVersion_v2", l.api.SystemGetCudaDriverVersion_v2)
}

func (l *library) DeviceCount() (int, error) {
	symbol := l.session.newest("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount")
	return ask(l.session, symbol, l.api.DeviceGetCount)
}

func (l *library) Device(index int) (Device, error) {
	symbol := l.session.newest("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
	handle, err := ask(l.session, symbol, func() (nvml.Device, nvml.Return) {
		return l.api.DeviceGetHandleByIndex(index)
	})
	if err != nil {
		return nil, err
	}
	return &device{session: l.session, handle: handle}, nil
}

func (l *library) Calls(each func(CallStats)) { l.calls.each(each) }
