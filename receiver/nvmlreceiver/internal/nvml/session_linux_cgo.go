//go:build linux && cgo

package nvml

import (
	"sync"
	"sync/atomic"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// session is what lies between an Open and its Close. All calls but the one that initializes go through it. Devices,
// samples and event sets belong to the session that made them: once it has ended, calls on them are refused, since
// the handles that they hold have lost their meaning for the driver.
type session struct {
	api nvml.Interface
	// lookup returns an error for a symbol that the library does not have.
	lookup func(symbol string) error
	calls  *callRecorder
	// oldThrottleFields is set before the session is used.
	oldThrottleFields bool

	over atomic.Bool
	// gpmBuffers holds *nvml.GpmMetricsGetType.
	gpmBuffers sync.Pool

	mu sync.RWMutex
	// functions holds nil for a symbol that the library does not have.
	functions map[string]*callCounter
}

func newSession(api nvml.Interface, calls *callRecorder) *session {
	return &session{
		api:       api,
		lookup:    func(symbol string) error { return api.Extensions().LookupSymbol(symbol) },
		calls:     calls,
		functions: map[string]*callCounter{},
	}
}

func (s *session) end() { s.over.Store(true) }

func (s *session) ended() bool { return s.over.Load() }

// call makes one call into the driver, provided that the driver has it. The symbol must be the very one that go-nvml
// binds the call to.
func (s *session) call(symbol string, into func() nvml.Return) error {
	if s.ended() {
		return &CallError{Call: symbol, Status: StatusUninitialized}
	}
	function := s.function(symbol)
	if function == nil {
		return &CallError{Call: symbol, Status: StatusFunctionNotFound}
	}
	return function.run(into)
}

// ask makes a call that answers with one value.
func ask[T any](s *session, symbol string, get func() (T, nvml.Return)) (T, error) {
	var value T
	err := s.call(symbol, func() (ret nvml.Return) {
		value, ret = get()
		return ret
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// newest returns the first of the symbols that the library has: the one that go-nvml chooses among the versions of a
// function. Where there is none it returns the oldest, which call then refuses.
func (s *session) newest(symbols ...string) string {
	for _, symbol := range symbols {
		if !s.ended() && s.function(symbol) != nil {
			return symbol
		}
	}
	return symbols[len(symbols)-1]
}

func (s *session) function(symbol string) *callCounter {
	s.mu.RLock()
	function, known := s.functions[symbol]
	s.mu.RUnlock()
	if known {
		return function
	}
	if s.lookup(symbol) == nil {
		function = s.calls.counter(symbol)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[symbol] = function
	return function
}
