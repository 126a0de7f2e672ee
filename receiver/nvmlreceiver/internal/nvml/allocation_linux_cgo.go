//go:build linux && cgo

package nvml

import (
	"sync"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// allocation guards what the driver allocated against being used after it was freed, freed twice, or freed during a
// call that uses it. Each would corrupt the memory of the process.
type allocation struct {
	mu    sync.Mutex
	users int
	freed bool
}

// use makes a call that uses the allocation.
func (a *allocation) use(symbol string, call func() error) error {
	a.mu.Lock()
	if a.freed {
		a.mu.Unlock()
		return &CallError{Call: symbol, Status: StatusInvalidArgument, Detail: "already freed"}
	}
	a.users++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.users--
	}()
	return call()
}

// free makes the call that frees the allocation. There is no second attempt when the driver refuses.
func (a *allocation) free(s *session, symbol string, into func() nvml.Return) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.freed:
		return &CallError{Call: symbol, Status: StatusInvalidArgument, Detail: "already freed"}
	case a.users > 0:
		return &CallError{Call: symbol, Status: StatusInUse, Detail: "a call that uses it has not returned"}
	}
	a.freed = true
	return s.call(symbol, into)
}
