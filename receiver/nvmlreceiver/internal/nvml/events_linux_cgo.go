//go:build linux && cgo

package nvml

import (
	"math"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

type eventSet struct {
	allocation
	session *session
	handle  nvml.EventSet

	uuidsMu sync.Mutex
	// uuids holds the GPUs by their handles, which are pointers: the driver hands out the same one every time.
	uuids map[nvml.Device]string
}

func (l *library) NewEventSet() (EventSet, error) {
	handle, err := ask(l.session, "nvmlEventSetCreate", l.api.EventSetCreate)
	if err != nil {
		return nil, err
	}
	return &eventSet{session: l.session, handle: handle, uuids: map[nvml.Device]string{}}, nil
}

func (e *eventSet) Register(gpu Device, uuid string) error {
	const symbol = "nvmlDeviceRegisterEvents"
	ours, ok := gpu.(*device)
	if !ok || ours.session != e.session {
		return &CallError{Call: symbol, Status: StatusInvalidArgument, Detail: "not a GPU of this library"}
	}
	// The driver refuses all events of a registration when it does not have one of them.
	supported, err := ask(e.session, "nvmlDeviceGetSupportedEventTypes", ours.handle.GetSupportedEventTypes)
	if err != nil {
		return err
	}
	if supported&nvml.EventTypeXidCriticalError == 0 {
		return &CallError{Call: symbol, Status: StatusNotSupported, Detail: "the GPU does not report XID errors"}
	}
	return e.use(symbol, func() error {
		// The first event may come before the call returns.
		e.setUUID(ours.handle, uuid)
		return e.session.call(symbol, func() nvml.Return {
			return ours.handle.RegisterEvents(nvml.EventTypeXidCriticalError, e.handle)
		})
	})
}

func (e *eventSet) Wait(timeout time.Duration) (XIDEvent, error) {
	symbol := e.session.newest("nvmlEventSetWait_v2", "nvmlEventSetWait")
	var data nvml.EventData
	err := e.use(symbol, func() (err error) {
		data, err = ask(e.session, symbol, func() (nvml.EventData, nvml.Return) {
			return e.handle.Wait(roundUpToMilliseconds(timeout))
		})
		return err
	})
	if err != nil {
		return XIDEvent{}, err
	}
	event := XIDEvent{
		UUID: e.uuid(data.Device), XID: data.EventData,
		GPUInstance: data.GpuInstanceId, ComputeInstance: data.ComputeInstanceId,
	}
	if symbol == "nvmlEventSetWait" {
		// The first version does not know instances and leaves them as they were: zero.
		event.GPUInstance, event.ComputeInstance = NoInstance, NoInstance
	}
	return event, nil
}

func (e *eventSet) Free() error { return e.free(e.session, "nvmlEventSetFree", e.handle.Free) }

func (e *eventSet) setUUID(handle nvml.Device, uuid string) {
	e.uuidsMu.Lock()
	defer e.uuidsMu.Unlock()
	e.uuids[handle] = uuid
}

func (e *eventSet) uuid(handle nvml.Device) string {
	e.uuidsMu.Lock()
	defer e.uuidsMu.Unlock()
	return e.uuids[handle]
}

// roundUpToMilliseconds does not let a short timeout become none, which would turn waiting into polling.
func roundUpToMilliseconds(timeout time.Duration) uint32 {
	milliseconds := timeout / time.Millisecond
	if timeout%time.Millisecond > 0 {
		milliseconds++
	}
	return uint32(min(max(milliseconds, 0), math.MaxUint32))
}
